"""The network of the faults, shared by the tests of one module: each leaves it as it was."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.orderer_network import three_orderers
from tests.scenarios.reliability import Record, keep

Outcome = Callable[..., None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNetwork]:
    """Three peers, three orderers and three members of etcd, each a process."""
    async with three_orderers(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """Keep what was seen for docs/reliability.md: the fault, the messages, and what to do."""

    def kept(fault: str, *seen: str, to_do: str) -> None:
        assert seen
        assert all(seen), "whoever looks is told something"
        test = f"{request.path.name}::{request.function.__name__}"
        keep(Record(test=test, case="", fault=fault, seen=seen, to_do=to_do))

    return kept
