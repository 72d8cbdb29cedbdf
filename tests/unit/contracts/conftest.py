"""A market that is ready to trade: alice holds 1000 ACME, bob 50 000 cents, both verified."""

import pytest

from tallystick.contracts.testing import Market


@pytest.fixture(scope="session")
def opened_market() -> Market:
    """What every test begins with; made once, since keys and signatures take time."""
    market = Market()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.deposit("bob", 50_000)
    return market


@pytest.fixture
def market(opened_market: Market) -> Market:
    return opened_market.fork()
