"""The network that refuses, shared by the tests of one module: no refusal changes it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.scenarios.refusals.network import RefusalNetwork, refusal_network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RefusalNetwork]:
    """Two peers and an orderer behind gRPC with TLS, with one contract."""
    async with refusal_network(tmp_path_factory.mktemp("refusals")) as network:
        yield network
