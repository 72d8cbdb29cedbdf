"""The network of the faults, shared by the tests of one module: each leaves it as it was."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.orderer_network import three_orderers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNetwork]:
    """Three peers, three orderers and three members of etcd, each a process."""
    async with three_orderers(tmp_path_factory.mktemp("faults")) as running:
        yield running
