"""The life of a trade as one table, and what each step waits for. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.contracts.instants import Instant
from tallystick.contracts.reasons import TradeReason
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.terms import DvpModel


class Step(StrEnum):
    """What can be done with a trade, in the words of a refusal."""

    CONSENT = "consent to"
    APPROVE = "approve"
    LOCK = "lock"
    SETTLE = "settle"
    SETTLE_AT_ONCE = "settle at once"
    RECORD_FAILURE = "record a failure of"
    WITHDRAW = "withdraw from"
    REJECT = "reject"
    CANCEL = "cancel"
    BUY_IN = "buy in"
    EXPIRE = "expire"
    NET = "net"
    SETTLE_NET = "settle net"
    LEAVE_CYCLE = "keep out of the settlement of its cycle"
    DROP = "drop from its cycle"


class Guard(StrEnum):
    """What must be so for a step, beside the status."""

    BEFORE_EXPIRY = "before it expires"
    AFTER_EXPIRY = "once it has expired"
    ON_ITS_DAY = "from its settlement day on"
    GROSS = "DvP 1 only"
    NETTED = "DvP 2 and 3 only"
    NOT_HELD = "while no side has it on hold"
    UNLOCKED = "while nothing of it is locked"


_BY_ITSELF = (Status.PROPOSED, Status.LOCKED, Status.FAILING)

OPEN = (*_BY_ITSELF, Status.IN_CYCLE)
"""A trade in one of these can still settle."""

_LOCKED = (Status.LOCKED, Status.FAILING)

_WAITING = (Status.PROPOSED, Status.FAILING)
"""For a netting cycle, or for units that a buyer may have elsewhere."""

# A step from a status that is not listed here is refused. Consents and approvals change no status:
# whether all are there is asked when the legs are locked, or delivered at once.
TRANSITIONS: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.PROPOSED, Step.CONSENT): Status.PROPOSED,
        **{(status, Step.APPROVE): status for status in _BY_ITSELF},
        (Status.PROPOSED, Step.LOCK): Status.LOCKED,
        **{(status, Step.SETTLE): Status.SETTLED for status in _LOCKED},
        (Status.PROPOSED, Step.SETTLE_AT_ONCE): Status.SETTLED,
        **{(status, Step.RECORD_FAILURE): Status.FAILING for status in _LOCKED},
        (Status.PROPOSED, Step.WITHDRAW): Status.WITHDRAWN,
        **{(status, Step.REJECT): Status.REJECTED for status in _BY_ITSELF},
        **{(status, Step.CANCEL): Status.CANCELLED for status in _BY_ITSELF},
        **{(status, Step.BUY_IN): Status.BOUGHT_IN for status in _WAITING},
        **{(status, Step.EXPIRE): Status.EXPIRED for status in _BY_ITSELF},
        **{(status, Step.NET): Status.IN_CYCLE for status in _WAITING},
        (Status.IN_CYCLE, Step.SETTLE_NET): Status.SETTLED,
        (Status.IN_CYCLE, Step.LEAVE_CYCLE): Status.FAILING,
        (Status.IN_CYCLE, Step.DROP): Status.CANCELLED,
    }
)

GUARDS: Mapping[Step, tuple[Guard, ...]] = MappingProxyType(
    {
        Step.CONSENT: (Guard.BEFORE_EXPIRY,),
        Step.APPROVE: (Guard.BEFORE_EXPIRY,),
        Step.LOCK: (Guard.BEFORE_EXPIRY, Guard.GROSS, Guard.NOT_HELD),
        Step.SETTLE: (Guard.BEFORE_EXPIRY, Guard.GROSS, Guard.ON_ITS_DAY, Guard.NOT_HELD),
        Step.SETTLE_AT_ONCE: (Guard.BEFORE_EXPIRY, Guard.GROSS, Guard.ON_ITS_DAY, Guard.NOT_HELD),
        Step.RECORD_FAILURE: (Guard.BEFORE_EXPIRY, Guard.GROSS, Guard.ON_ITS_DAY),
        Step.WITHDRAW: (),
        Step.REJECT: (),
        Step.CANCEL: (),
        Step.BUY_IN: (Guard.BEFORE_EXPIRY, Guard.UNLOCKED),
        Step.EXPIRE: (Guard.AFTER_EXPIRY,),
        Step.NET: (Guard.BEFORE_EXPIRY, Guard.NETTED, Guard.NOT_HELD),
        Step.SETTLE_NET: (),
        Step.LEAVE_CYCLE: (),
        Step.DROP: (),
    }
)

HAS_LOCKS = frozenset(_LOCKED)
"""While a trade is in one of these, its legs are on hold, as far as its model holds them.

What is on hold in a netting cycle, the cycle releases.
"""


def has_locks(trade: Trade) -> bool:
    """Return whether a trade that is in no cycle has anything on hold; one of DvP 3 never has."""
    return trade.status in HAS_LOCKS and trade.model is not DvpModel.NET


def after(trade: Trade, step: Step, moment: Instant) -> Trade:
    """Return the trade as it is after a step.

    Raises:
        Refusal: TRADE_STATUS, TRADE_EXPIRED, TRADE_NOT_EXPIRED, DVP_MODEL_DIFFERS,
            SETTLEMENT_DAY_NOT_REACHED or TRADE_ON_HOLD.
    """
    status = TRANSITIONS.get((trade.status, step))
    if status is None:
        raise TradeReason.TRADE_STATUS.refusal(trade=trade.trade, state=trade.status, step=step)
    for guard in GUARDS[step]:
        _require(guard, trade, step, moment)
    ended_at = None if status in OPEN else moment
    return trade.model_copy(update={"status": status, "ended_at": ended_at})


def _require(guard: Guard, trade: Trade, step: Step, moment: Instant) -> None:
    name, is_expired = trade.trade, moment >= trade.expires_at
    match guard:
        case Guard.BEFORE_EXPIRY if is_expired:
            raise TradeReason.TRADE_EXPIRED.refusal(trade=name, expires_at=trade.expires_at)
        case Guard.AFTER_EXPIRY if not is_expired:
            raise TradeReason.TRADE_NOT_EXPIRED.refusal(trade=name, expires_at=trade.expires_at)
        case Guard.ON_ITS_DAY if moment < trade.settles_from:
            raise TradeReason.SETTLEMENT_DAY_NOT_REACHED.refusal(
                trade=name, settlement_day=trade.settlement_day, settles_from=trade.settles_from
            )
        case Guard.GROSS if trade.model is not DvpModel.GROSS:
            raise TradeReason.DVP_MODEL_DIFFERS.refusal(trade=name, model=trade.model, step=step)
        case Guard.NETTED if trade.model is DvpModel.GROSS:
            raise TradeReason.DVP_MODEL_DIFFERS.refusal(trade=name, model=trade.model, step=step)
        case Guard.NOT_HELD if trade.on_hold:
            sides = " and ".join(trade.on_hold)
            raise TradeReason.TRADE_ON_HOLD.refusal(trade=name, sides=sides, step=step)
        case Guard.UNLOCKED if has_locks(trade):
            raise TradeReason.TRADE_STATUS.refusal(trade=name, state=trade.status, step=step)
        case _:
            return
