"""Splits between a trade and its delivery: the order of the ledger counts, and no clock.

Who proposes a transaction says its second, so one that comes later may bear an earlier second.
"""

from datetime import timedelta

import pytest
from tests.unit.contracts.netting.books import For
from tests.unit.contracts.netting.cleared import ClearedMarket, cleared_of
from tests.unit.contracts.test_confidential_data import public

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import DvpModel, TradeTerms

SKEWS = pytest.mark.parametrize(
    "skew_s", [pytest.param(30, id="later"), 0, pytest.param(-30, id="earlier")]
)
"""By how much the second event of a test bears a later second than the first."""

WAYS = pytest.mark.parametrize("way", ["locked", "at-once", DvpModel.NET_MONEY, DvpModel.NET])


def agree(market: ClearedMarket, way: str) -> TradeTerms:
    model = DvpModel(way) if way in tuple(DvpModel) else DvpModel.GROSS
    return market.trade("T-1", "alice", "bob", For(10, 500), model=model)


def deliver(market: ClearedMarket, way: str) -> None:
    if way == "locked":
        market.lock()
        market.settle()
    elif way == "at-once":
        market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "settle_at_once", "T-1")
    else:
        market.open_cycle(market.cycle_terms(model=DvpModel(way)))
        market.accept("T-1")
        market.settle_cycle()


def pass_by(market: Market, seconds: int) -> None:
    market.ledger.now += timedelta(seconds=seconds)


@WAYS
@SKEWS
def test_what_was_agreed_before_a_split_is_due_in_units_of_after_it_whatever_the_clocks(
    way: str, skew_s: int, market: Market
) -> None:
    """W30, F157."""
    cleared = cleared_of(market)
    pass_by(cleared, 60)
    agree(cleared, way)
    pass_by(cleared, skew_s)
    cleared.split(2)
    pass_by(cleared, 60)

    deliver(cleared, way)

    assert (cleared.units("bob"), cleared.money("alice")) == (20, 500)


@WAYS
@SKEWS
def test_what_was_agreed_after_a_split_is_due_as_agreed_whatever_the_clocks(
    way: str, skew_s: int, market: Market
) -> None:
    """W30, F157."""
    cleared = cleared_of(market)
    pass_by(cleared, 60)
    cleared.split(2)
    pass_by(cleared, skew_s)
    agree(cleared, way)
    pass_by(cleared, 60)

    deliver(cleared, way)

    assert (cleared.units("bob"), cleared.money("alice")) == (10, 500)


@WAYS
def test_the_split_of_one_security_leaves_trades_in_others_as_they_are(
    way: str, market: Market
) -> None:
    cleared = cleared_of(market)
    cleared.create_security("BETA")
    cleared.list_security("BETA")
    cleared.issue("alice", 10, "BETA")
    model = DvpModel(way) if way in tuple(DvpModel) else DvpModel.GROSS
    cleared.trade("T-1", "alice", "bob", For(10, 500, "BETA"), model=model)
    cleared.split(2)

    deliver(cleared, way)

    assert cleared.units("bob", "BETA") == 10


def test_a_proposal_tells_nobody_which_security_it_is_about(market: Market) -> None:
    """SS-107: it asks how many splits there have been, of all securities together."""
    cleared = cleared_of(market)
    cleared.split(2)
    said = public(cleared, Chaincode.SETTLEMENT).count(b"ACME")
    agree(cleared, DvpModel.NET)

    view = cleared.evaluate(Chaincode.SETTLEMENT, "trade", "T-1").load(TradeView)

    assert view.trade.splits_seen == 1
    assert public(cleared, Chaincode.SETTLEMENT).count(b"ACME") == said
