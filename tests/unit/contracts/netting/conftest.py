"""A market that clears in cycles, made once and forked for each test."""

import pytest
from tests.unit.contracts.netting.books import MEMBERS
from tests.unit.contracts.netting.cleared import ClearedMarket


@pytest.fixture(scope="session")
def opened_clearing() -> ClearedMarket:
    """Members with neither units nor money."""
    market = ClearedMarket()
    market.open()
    market.onboard(*MEMBERS)
    market.create_security("BETA")
    return market


@pytest.fixture
def cleared(opened_clearing: ClearedMarket) -> ClearedMarket:
    return opened_clearing.fork()
