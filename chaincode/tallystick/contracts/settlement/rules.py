"""The life of a trade as one table, and what stands against each step. Pure."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import get_args

from tallystick.contracts.instants import Instant, day_of
from tallystick.contracts.reasons import Finding, RegisterReason, TradeReason
from tallystick.contracts.settlement.models import Status, Trade, TradeTerms
from tallystick.contracts.statements import Side

SIDES: tuple[Side, ...] = get_args(Side)


class Step(StrEnum):
    """What can be done with a trade, in the words of a refusal."""

    CONSENT = "consent to"
    LOCK = "lock"
    SETTLE = "settle"
    WITHDRAW = "withdraw from"
    CANCEL = "cancel"
    EXPIRE = "expire"


# A step from a status that is not listed here is refused. Consents change no status: whether both
# are there is asked when the legs are locked.
TRANSITIONS: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.PROPOSED, Step.CONSENT): Status.PROPOSED,
        (Status.PROPOSED, Step.LOCK): Status.LOCKED,
        (Status.PROPOSED, Step.WITHDRAW): Status.CANCELLED,
        (Status.PROPOSED, Step.CANCEL): Status.CANCELLED,
        (Status.PROPOSED, Step.EXPIRE): Status.EXPIRED,
        (Status.LOCKED, Step.SETTLE): Status.SETTLED,
        (Status.LOCKED, Step.CANCEL): Status.CANCELLED,
        (Status.LOCKED, Step.EXPIRE): Status.EXPIRED,
    }
)

# The steps that bring a trade forward: too late once it has expired.
_FORWARD = frozenset({Step.CONSENT, Step.LOCK, Step.SETTLE})


def after(trade: Trade, step: Step, moment: Instant) -> Trade:
    """Return the trade as it is after a step.

    Raises:
        Refusal: TRADE_STATUS, TRADE_EXPIRED, TRADE_NOT_EXPIRED or SETTLEMENT_DAY_NOT_REACHED.
    """
    status = TRANSITIONS.get((trade.status, step))
    if status is None:
        raise TradeReason.TRADE_STATUS.refusal(trade=trade.trade, state=trade.status, step=step)
    expired = moment >= trade.expires_at
    if expired and step in _FORWARD:
        raise TradeReason.TRADE_EXPIRED.refusal(trade=trade.trade, expires_at=trade.expires_at)
    if step is Step.EXPIRE and not expired:
        raise TradeReason.TRADE_NOT_EXPIRED.refusal(trade=trade.trade, expires_at=trade.expires_at)
    if step is Step.SETTLE and day_of(moment) < trade.settlement_day:
        raise TradeReason.SETTLEMENT_DAY_NOT_REACHED.refusal(
            trade=trade.trade, settlement_day=trade.settlement_day, today=day_of(moment)
        )
    return trade.model_copy(update={"status": status})


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
