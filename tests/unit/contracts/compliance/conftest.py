"""A market with claims and rules: alice holds 1000 ACME, bob nothing, both verified."""

import pytest
from tests.unit.contracts.compliance.stage import RuledMarket


@pytest.fixture
def ruled() -> RuledMarket:
    market = RuledMarket()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    return market
