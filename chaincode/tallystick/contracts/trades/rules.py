"""What stands against a trade before it is in one state or another. Pure."""

from collections.abc import Collection, Iterator
from typing import get_args

from tallystick.contracts.instants import Instant, day_of
from tallystick.contracts.reasons import Finding, RegisterReason, TradeReason
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import TradeTerms

SIDES: tuple[Side, ...] = get_args(Side)


def check_terms(terms: TradeTerms, *, venue: str, moment: Instant) -> None:
    """Return if a venue may propose a trade with these terms now.

    Raises:
        Refusal: NOT_THE_VENUE, SAME_PARTY or TRADE_DATES_WRONG.
    """
    if terms.venue != venue:
        raise TradeReason.NOT_THE_VENUE.refusal(
            trade=terms.trade, participant=venue, venue=terms.venue
        )
    if terms.buyer == terms.seller:
        raise RegisterReason.SAME_PARTY.refusal(holder=terms.buyer)
    if terms.expires_at <= moment or day_of(terms.expires_at) < terms.settlement_day:
        raise TradeReason.TRADE_DATES_WRONG.refusal(trade=terms.trade)


def missing_consents(terms: TradeTerms, given: Collection[Side]) -> Iterator[Finding]:
    """Yield a finding for each side that has not consented."""
    for side in SIDES:
        if side not in given:
            yield TradeReason.CONSENT_MISSING.finding(
                trade=terms.trade, side=side, party=terms.party(side)
            )
