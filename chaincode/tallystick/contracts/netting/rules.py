"""What stands against a cycle and its steps, and against taking a trade into it. Pure."""

from tallystick.contracts.book import HeldMove
from tallystick.contracts.cycles import MAX_HELD, MAX_LEGS, MAX_TRADES
from tallystick.contracts.fees.rules import Charge
from tallystick.contracts.instants import Instant
from tallystick.contracts.netting.models import Cycle, CycleStatus, CycleTerms
from tallystick.contracts.netting.obligations import Due, Kind, Obligation
from tallystick.contracts.payments import Fee
from tallystick.contracts.reasons import NettingReason
from tallystick.contracts.trades.models import Trade
from tallystick.contracts.trades.terms import DvpModel, TradeTerms

LIMITS = {DvpModel.NET_MONEY: MAX_HELD, DvpModel.NET: MAX_TRADES}
"""Trades of one cycle, by its model."""


def check_terms(terms: CycleTerms, moment: Instant) -> None:
    """Return if a cycle may be opened now.

    Raises:
        Refusal: CYCLE_TERMS_WRONG.
    """
    cause = None
    if terms.model is DvpModel.GROSS:
        cause = "model dvp-1 settles trade by trade"
    elif terms.cut_off_at <= moment:
        cause = f"its cut-off at {terms.cut_off_at} has passed"
    elif terms.cut_off_at > terms.settles_from:
        cause = f"its cut-off at {terms.cut_off_at} lies after {terms.settles_from}"
    if cause is not None:
        raise NettingReason.CYCLE_TERMS_WRONG.refusal(cycle=terms.cycle, cause=cause)


def check_open(cycle: Cycle, step: str) -> None:
    """Return if a cycle is open; refuse with CYCLE_STATUS when it has ended."""
    if cycle.status is not CycleStatus.OPEN:
        raise NettingReason.CYCLE_STATUS.refusal(
            cycle=cycle.terms.cycle, state=cycle.status, step=step
        )


def check_takes_trades(cycle: Cycle, trades: int, moment: Instant) -> None:
    """Return if a cycle may have so many trades, some of which it takes now.

    Raises:
        Refusal: CYCLE_STATUS, CUT_OFF_PASSED or CYCLE_FULL.
    """
    terms = cycle.terms
    check_open(cycle, "bring trades into")
    if moment >= terms.cut_off_at:
        raise NettingReason.CUT_OFF_PASSED.refusal(cycle=terms.cycle, cut_off_at=terms.cut_off_at)
    if trades > LIMITS[terms.model]:
        raise NettingReason.CYCLE_FULL.refusal(
            cycle=terms.cycle, trades=trades, limit=LIMITS[terms.model]
        )


def check_settles(cycle: Cycle, moment: Instant) -> None:
    """Return if a cycle may settle now.

    Raises:
        Refusal: CYCLE_STATUS or CYCLE_NOT_DUE.
    """
    terms = cycle.terms
    check_open(cycle, "settle")
    if moment < terms.settles_from:
        raise NettingReason.CYCLE_NOT_DUE.refusal(
            cycle=terms.cycle, settles_from=terms.settles_from
        )


def check_fits(cycle: CycleTerms, trade: Trade, terms: TradeTerms) -> None:
    """Return if a trade may be part of a cycle; refuse with NOT_FOR_THE_CYCLE when it may not.

    What must be looked at when a trade is delivered, beside units and money, cannot wait for a
    cycle: mediators' approvals, and claims that the venue knew by a copy.
    """
    cause = None
    if trade.venue != cycle.venue:
        cause = f"it was agreed at {trade.venue}"
    elif trade.model is not cycle.model:
        cause = f"it settles by model {trade.model}"
    elif trade.settles_from > cycle.settles_from:
        cause = f"it settles from {trade.settles_from} on"
    elif len(terms.all_legs) > MAX_LEGS:
        cause = f"it has {len(terms.all_legs)} legs, and at most {MAX_LEGS} are netted"
    elif terms.mediators or terms.claims:
        cause = "mediators or copied claims are to be looked at when it is delivered"
    if cause is not None:
        raise NettingReason.NOT_FOR_THE_CYCLE.refusal(
            trade=trade.trade, cycle=cycle.cycle, cause=cause
        )


def obligation_of(trade: Trade, terms: TradeTerms, moment: Instant, charge: Charge) -> Obligation:
    """Return what a trade obliges its parties to, taken into a cycle at a moment.

    Fees are due in it like its price: only a trade that settles pays them. One whose fees are no
    amount is taken like any other, and leaves when the cycle settles.
    """
    is_held = trade.model is DvpModel.NET_MONEY
    units = (_due(Kind.SECURITY, move, move.hold if is_held else None) for move in terms.deliveries)
    money = (_due(Kind.CASH, move) for move in terms.payments)
    return Obligation.model_construct(
        trade=trade.trade,
        splits_seen=trade.splits_seen,
        accepted_at=trade.netted_since or moment,
        expires_at=trade.expires_at,
        dues=(*units, *money, *map(_due_of, charge.fees)),
        order=next(iter(terms.draws), None),
        findings=charge.findings,
    )


def _due_of(fee: Fee) -> Due:
    return Due.model_construct(
        kind=Kind.CASH,
        asset=fee.cash,
        sender=fee.payer,
        receiver=fee.receiver,
        quantity=fee.amount,
    )


def _due(kind: Kind, move: HeldMove, hold: str | None = None) -> Due:
    return Due.model_construct(
        kind=kind,
        asset=move.asset,
        sender=move.sender,
        receiver=move.receiver,
        quantity=move.quantity,
        hold=hold,
    )
