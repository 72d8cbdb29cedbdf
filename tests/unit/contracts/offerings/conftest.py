"""A market in which units are offered, made once."""

import pytest
from tests.unit.contracts.offerings.stage import PrimaryMarket


@pytest.fixture(scope="session")
def staged_market() -> PrimaryMarket:
    market = PrimaryMarket()
    market.set_the_stage()
    return market


@pytest.fixture
def primary(staged_market: PrimaryMarket) -> PrimaryMarket:
    return staged_market.fork()
