"""Trades of one or several legs that are open over a record date: what tests of claims need."""

from tests.unit.contracts.actions_stage import (
    A_DAY,
    SETTLEMENT,
    dividend,
    enter,
    fund,
    given,
    pay,
    record,
)

from tallystick.contracts.actions.models import MarketClaim
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import LegKind, TradeLeg


def funded(market: Market, amount: int = 5000, **more: object) -> None:
    """Let a dividend of 5 be ready to be paid after the trade was made."""
    record(market, dividend(market, distribution=given(market).model_copy(update=more)))
    enter(market, "alice")
    fund(market, amount)
    market.ledger.advance(A_DAY)


def claim_of(market: Market, trade: str = "T-1") -> MarketClaim:
    """Return the market claim of a trade."""
    found = market.submit(Participant.CLEARING, SETTLEMENT, "market_claim", "D-1", trade)
    return found.load(MarketClaim)


def units_of(market: Market, trade: str = "T-1") -> list[int]:
    """Return how many units' worth each line of a claim moves."""
    return [line.units for line in claim_of(market, trade).lines]


def paid(market: Market, *holders: str) -> list[int]:
    """Pay holders; return what each got."""
    before = [market.money(each) for each in holders]
    pay(market, *holders)
    return [market.money(each) - had for each, had in zip(holders, before, strict=True)]


def units_leg(sender: str, receiver: str, quantity: int, asset: str = "ACME") -> TradeLeg:
    """Return a leg of units."""
    return TradeLeg(
        kind=LegKind.UNITS, asset=asset, sender=sender, receiver=receiver, quantity=quantity
    )


def agree_on_legs(market: Market, *legs: TradeLeg, is_locked: bool = True) -> None:
    """Let alice sell 400 to bob, as T-2, with further legs; alice and carol hold 1000 each."""
    market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-1", "another trade is looked at")
    market.onboard("carol")
    market.issue("carol", 1000)
    terms = market.terms("T-2", quantity=400)
    more = {"expires_at": market.after(30 * A_DAY), "legs": legs}
    market.agree(terms.model_copy(update=more))
    if is_locked:
        market.lock("T-2")
    record(market, dividend(market))
    enter(market, "alice", "carol")
    fund(market, 10_000)
    market.ledger.advance(A_DAY)
