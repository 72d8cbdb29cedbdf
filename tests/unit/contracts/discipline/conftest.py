"""The market of the other tests, opened on Thursday 2 April 2026 at 10 in the morning, New York."""

from datetime import UTC, datetime

import pytest

from tallystick.contracts.testing import Market


@pytest.fixture(scope="session")
def opened_market() -> Market:
    market = Market()
    market.ledger.now = datetime(2026, 4, 2, 15, tzinfo=UTC)
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.deposit("bob", 50_000)
    return market
