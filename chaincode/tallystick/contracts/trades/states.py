"""The life of a trade as one table, and the moments that each step waits for. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.contracts.instants import Instant, day_of
from tallystick.contracts.reasons import TradeReason
from tallystick.contracts.trades.models import Status, Trade


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
