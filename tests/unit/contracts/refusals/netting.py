"""Scenarios whose last call is refused: netting cycles."""

from datetime import timedelta
from unittest.mock import patch

from tests.unit.contracts.netting.books import For
from tests.unit.contracts.netting.cleared import (
    HOUR,
    SETTLEMENT,
    ClearedMarket,
    cleared_of,
    listed,
)
from tests.unit.contracts.refusals.scenarios import CLEARING, reaches

from tallystick.contracts.netting import rules
from tallystick.contracts.reasons import NettingReason
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import DvpModel


def opened(market: Market, **changes: object) -> ClearedMarket:
    """Open a cycle; return the market as one that clears."""
    cleared = cleared_of(market)
    cleared.open_cycle(cleared.cycle_terms().model_copy(update=changes))
    return cleared


def whole(market: Market, amount: int = 500) -> ClearedMarket:
    """Return the market past the cut-off of a cycle that settles whole, with a trade in it."""
    cleared = opened(market, settles_whole=True)
    cleared.trade("T-1", "alice", "bob", For(quantity=10, amount=amount))
    cleared.accept("T-1")
    market.ledger.advance(HOUR)
    return cleared


def settle(market: Market) -> None:
    market.submit(CLEARING, SETTLEMENT, "settle_cycle", "C-1")


def accept(market: Market, trade: str = "T-1") -> None:
    market.submit(CLEARING, SETTLEMENT, "accept_trades", "C-1", listed([trade]))


@reaches(NettingReason.CYCLE_UNKNOWN)
def _(market: Market) -> None:
    settle(market)


@reaches(NettingReason.CYCLE_EXISTS)
def _(market: Market) -> None:
    terms = opened(market).cycle_terms()
    market.submit(CLEARING, SETTLEMENT, "open_cycle", terms)


@reaches(NettingReason.CYCLE_TERMS_WRONG)
def _(market: Market) -> None:
    terms = cleared_of(market).cycle_terms(model=DvpModel.GROSS)
    market.submit(CLEARING, SETTLEMENT, "open_cycle", terms)


@reaches(NettingReason.CYCLE_STATUS)
def _(market: Market) -> None:
    opened(market)
    market.ledger.advance(HOUR)
    settle(market)
    settle(market)


@reaches(NettingReason.NOT_THE_CLEARER)
def _(market: Market) -> None:
    opened(market)
    market.license(market.licence("OtherMSP", "clearing"))
    market.submit("OtherMSP", SETTLEMENT, "settle_cycle", "C-1")


@reaches(NettingReason.CUT_OFF_PASSED)
def _(market: Market) -> None:
    opened(market)
    market.ledger.advance(HOUR)
    accept(market)


@reaches(NettingReason.CYCLE_NOT_DUE)
def _(market: Market) -> None:
    opened(market)
    settle(market)


@reaches(NettingReason.NOT_FOR_THE_CYCLE)
def _(market: Market) -> None:
    opened(market).trade("T-1", "alice", "bob", model=DvpModel.NET_MONEY)
    accept(market)


@reaches(NettingReason.CYCLE_FULL)
def _(market: Market) -> None:
    opened(market).trade("T-1", "alice", "bob")
    with patch.dict(rules.LIMITS, {DvpModel.NET: 0}):
        accept(market)


@reaches(NettingReason.NOTHING_TO_END)
def _(market: Market) -> None:
    opened(market)
    market.ledger.advance(HOUR)
    settle(market)
    market.submit(CLEARING, SETTLEMENT, "end_batch", "C-1", "0")


@reaches(NettingReason.COVER_MISSING)
def _(market: Market) -> None:
    whole(market, amount=50_001)
    settle(market)


@reaches(NettingReason.MEMBER_IN_DEFAULT)
def _(market: Market) -> None:
    notice = whole(market).notice("bob")
    market.submit(CLEARING, SETTLEMENT, "declare_default", default=notice)
    settle(market)


@reaches(NettingReason.TRADE_OVERDUE)
def _(market: Market) -> None:
    whole(market)
    market.ledger.advance(timedelta(days=1))
    settle(market)


@reaches(NettingReason.IN_DEFAULT)
def _(market: Market) -> None:
    notice = opened(market).notice("bob")
    for _ in range(2):
        market.submit(CLEARING, SETTLEMENT, "declare_default", default=notice)


@reaches(NettingReason.NOT_IN_DEFAULT)
def _(market: Market) -> None:
    notice = opened(market).notice("bob")
    market.submit(CLEARING, SETTLEMENT, "lift_default", default=notice)
