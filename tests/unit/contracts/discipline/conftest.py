"""The market of the other tests, opened on Thursday 2 April 2026 at 10 in the morning, New York."""

from datetime import UTC, datetime

import pytest
from tests.unit.contracts.discipline.stage import prepare

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


@pytest.fixture(scope="session")
def prepared_market(opened_market: Market) -> Market:
    market = opened_market.fork()
    prepare(market)
    return market


@pytest.fixture
def disciplined(prepared_market: Market) -> Market:
    """A market whose venue has a calendar, and figures by which its fails are judged."""
    return prepared_market.fork()
