"""The network that refuses, shared by the tests of one module: no refusal changes it."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
import pytest_asyncio
from tests.scenarios.refusals.doors import SEEN
from tests.scenarios.refusals.network import RefusalNetwork, Tip, refusal_network
from tests.scenarios.reliability import Record, advice, id_of, keep, sentence

_REJECTION: Final = re.compile(r"^block \d+: (transaction .+)$", re.MULTILINE)
"""What peers log of a transaction that is invalid."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RefusalNetwork]:
    """Two peers and an orderer behind gRPC with TLS, with one contract."""
    async with refusal_network(tmp_path_factory.mktemp("refusals")) as network:
        yield network


@pytest.fixture(autouse=True)
def kept(
    request: pytest.FixtureRequest, network: RefusalNetwork, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """What the refusals of a test say goes into docs/reliability.md."""
    SEEN.clear()
    before = network.tip
    yield
    test = id_of(request.path, request.function.__name__)
    case = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    logged = "\n".join(each.getMessage() for each in caplog.get_records("call"))
    seen = tuple(SEEN) or tuple(dict.fromkeys(_REJECTION.findall(logged)))
    keep(
        Record(
            test=test,
            case=case,
            fault=sentence(request.function.__name__),
            seen=seen,
            lost=_lost(network, before),
            to_do=advice(test, seen),
        )
    )


def _lost(network: RefusalNetwork, before: Tip) -> str:
    """Return what has become of the ledger, whose every block vouches for those before."""
    if network.tip == before:
        return "nothing; the ledger is as it was"
    assert network.tip_at(before.height) == before, "a refusal has changed what was committed"
    return "nothing; blocks were added to those before"
