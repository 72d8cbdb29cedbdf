"""A market that is ready to trade: alice holds 1000 ACME, bob 50 000 cents, both verified."""

import pytest

from tallystick.contracts.testing import Market


@pytest.fixture
def market() -> Market:
    market = Market()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.deposit("bob", 50_000)
    return market
