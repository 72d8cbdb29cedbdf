"""What stands against acts of settlement discipline, and the tables of their states. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.contracts.discipline.models import (
    MAX_HOLD_CHANGES,
    MAX_NOTES,
    BuyIn,
    BuyInStatus,
    Cause,
    CauseNote,
    FailRecord,
    HoldChange,
)
from tallystick.contracts.discipline.packs import Regime, RegimePeriod
from tallystick.contracts.instants import Instant, day_of, later
from tallystick.contracts.parties import Profile
from tallystick.contracts.reasons import DisciplineReason, TradeReason
from tallystick.contracts.statements import Side, SplitTrade
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.states import has_locks
from tallystick.contracts.trades.terms import TradeLeg, TradeTerms

_GREATEST_LEAD_S = 14 * 3600
"""Local time is at most so far ahead of UTC."""

# Who can be responsible for what clearing records; the other causes are worked out.
RESPONSIBLE: Mapping[Cause, tuple[Side | None, ...]] = MappingProxyType(
    {
        Cause.LACK_OF_SECURITIES: ("seller",),
        Cause.LACK_OF_CASH: ("buyer",),
        Cause.BARRED: ("buyer", "seller"),
        Cause.NEITHER_SIDE: (None,),
    }
)


# --- trades ---


def require_open(trade: Trade, step: str, moment: Instant) -> None:
    """Return if a trade can still settle, and not with others in a netting cycle.

    Raises:
        Refusal: TRADE_STATUS or TRADE_EXPIRED.
    """
    if trade.ended_at is not None or trade.status is Status.IN_CYCLE:
        raise TradeReason.TRADE_STATUS.refusal(trade=trade.trade, state=trade.status, step=step)
    if moment >= trade.expires_at:
        raise TradeReason.TRADE_EXPIRED.refusal(trade=trade.trade, expires_at=trade.expires_at)


def require_venue(trade: Trade, venue: str) -> None:
    """Return if a trade is of a venue.

    Raises:
        Refusal: NOT_ITS_VENUE.
    """
    if trade.venue != venue:
        raise DisciplineReason.NOT_ITS_VENUE.refusal(
            trade=trade.trade, participant=venue, venue=trade.venue
        )


def member_of(terms: TradeTerms, side: Side) -> str:
    """Return who brings a trade to settlement for a side: the MSP of a settlement member."""
    return (terms.buy if side == "buyer" else terms.sell).member


def require_unlocked(trade: Trade, step: str, moment: Instant) -> None:
    """Return if a trade can settle and its legs are not locked: what is locked is not lacking.

    Raises:
        Refusal: TRADE_STATUS or TRADE_EXPIRED.
    """
    require_open(trade, step, moment)
    if has_locks(trade):
        raise TradeReason.TRADE_STATUS.refusal(trade=trade.trade, state=trade.status, step=step)


def parted(terms: TradeTerms, split: SplitTrade, least: int) -> tuple[TradeTerms, TradeTerms]:
    """Return the terms of a part and of what remains of a trade, whose price is the same.

    The part takes its share of the amount, rounded down; what remains has the rest, so that both
    together are the trade, to the unit and to the cent.

    Raises:
        Refusal: LEGS_NOT_DIVISIBLE or PART_TOO_SMALL.
    """
    if terms.legs:
        raise DisciplineReason.LEGS_NOT_DIVISIBLE.refusal(trade=terms.trade)
    rest = terms.quantity - split.quantity
    amount = terms.amount * split.quantity // terms.quantity
    if min(split.quantity, rest) < least or amount < 1:
        raise DisciplineReason.PART_TOO_SMALL.refusal(
            trade=terms.trade, part=split.quantity, rest=rest, least=least
        )
    part = {"trade": split.part, "quantity": split.quantity, "amount": amount}
    remainder = {"quantity": rest, "amount": terms.amount - amount}
    return terms.model_copy(update=part), terms.model_copy(update=remainder)


# --- causes ---


def noted(trade: str, record: FailRecord, note: CauseNote) -> FailRecord:
    """Return a record with a note, in place of one for the same day.

    Raises:
        Refusal: CAUSE_SIDE_WRONG, DAY_COLLECTED or NOTES_TOO_MANY.
    """
    if note.side not in RESPONSIBLE.get(note.cause, ()):
        raise DisciplineReason.CAUSE_SIDE_WRONG.refusal(
            cause=note.cause, side=note.side or "neither side"
        )
    if record.collected is not None and note.day <= record.collected:
        raise DisciplineReason.DAY_COLLECTED.refusal(trade=trade, collected=record.collected)
    others = [each for each in record.notes if each.day != note.day]
    if len(others) == MAX_NOTES:
        raise DisciplineReason.NOTES_TOO_MANY.refusal(trade=trade, limit=MAX_NOTES)
    notes = sorted([*others, note], key=lambda each: each.day)
    return record.model_copy(update={"notes": tuple(notes)})


def held(trade: Trade, record: FailRecord, change: HoldChange) -> tuple[Trade, FailRecord]:
    """Return a trade and its record once a side has put it on hold, or released it.

    Raises:
        Refusal: HOLD_UNCHANGED or NOTES_TOO_MANY.
    """
    if (change.side in trade.on_hold) is change.holds:
        raise DisciplineReason.HOLD_UNCHANGED.refusal(
            trade=trade.trade, side=change.side, state="on hold" if change.holds else "released"
        )
    if len(record.holds) == MAX_HOLD_CHANGES:
        raise DisciplineReason.NOTES_TOO_MANY.refusal(trade=trade.trade, limit=MAX_HOLD_CHANGES)
    sides = [each for each in trade.on_hold if each != change.side]
    if change.holds:
        sides.append(change.side)
    return (
        trade.model_copy(update={"on_hold": tuple(sorted(sides))}),
        record.model_copy(update={"holds": (*record.holds, change)}),
    )


# --- figures ---


def continued(regime: Regime, period: RegimePeriod, moment: Instant) -> Regime:
    """Return a regime with one more period: of days that have begun nowhere on earth.

    Periods that have not begun yet give way to it when they begin with it or later.

    Raises:
        Refusal: PERIOD_BEGUN.
    """
    today = day_of(later(moment, _GREATEST_LEAD_S))
    if period.since <= today:
        raise DisciplineReason.PERIOD_BEGUN.refusal(
            venue=regime.venue, since=period.since, today=today
        )
    earlier = [each for each in regime.periods if each.since < period.since]
    return regime.model_copy(update={"periods": (*earlier, period)})


# --- buy-ins ---


class BuyInStep(StrEnum):
    """What can be done about a buy-in, in the words of a refusal."""

    CALL = "call"
    EXECUTE = "execute"
    FAIL = "give up"
    COMPENSATE = "compensate"
    WITHDRAW = "withdraw"


# None is a trade without a buy-in, or whose last one was withdrawn.
BUY_IN_TRANSITIONS: Mapping[tuple[BuyInStatus | None, BuyInStep], BuyInStatus] = MappingProxyType(
    {
        (None, BuyInStep.CALL): BuyInStatus.CALLED,
        (BuyInStatus.CALLED, BuyInStep.EXECUTE): BuyInStatus.EXECUTED,
        (BuyInStatus.CALLED, BuyInStep.FAIL): BuyInStatus.FAILED,
        (BuyInStatus.CALLED, BuyInStep.COMPENSATE): BuyInStatus.COMPENSATED,
        (BuyInStatus.CALLED, BuyInStep.WITHDRAW): BuyInStatus.WITHDRAWN,
        (BuyInStatus.FAILED, BuyInStep.COMPENSATE): BuyInStatus.COMPENSATED,
        (BuyInStatus.FAILED, BuyInStep.WITHDRAW): BuyInStatus.WITHDRAWN,
        (BuyInStatus.WITHDRAWN, BuyInStep.CALL): BuyInStatus.CALLED,
    }
)


def buy_in_after(trade: str, buy_in: BuyIn | None, step: BuyInStep, moment: Instant) -> BuyInStatus:
    """Return where a buy-in stands after a step.

    Money is due in place of units once the agent has given up, or its time is over.

    Raises:
        Refusal: BUY_IN_STATUS or EXECUTION_NOT_DUE.
    """
    before = None if buy_in is None else buy_in.status
    status = BUY_IN_TRANSITIONS.get((before, step))
    if status is None:
        raise DisciplineReason.BUY_IN_STATUS.refusal(
            trade=trade, state=before or "not called", step=step
        )
    waits = step is BuyInStep.COMPENSATE and before is BuyInStatus.CALLED
    if buy_in is not None and waits and moment < buy_in.execution_due:
        raise DisciplineReason.EXECUTION_NOT_DUE.refusal(
            trade=trade, agent=buy_in.agent, execution_due=buy_in.execution_due
        )
    return status


def has_settled_since(replacement: Trade, called_at: Instant) -> bool:
    """Return whether a trade has settled since a buy-in was called."""
    ended_at = replacement.ended_at
    return replacement.status is Status.SETTLED and ended_at is not None and ended_at >= called_at


def check_replacement(
    wanted: TradeTerms, got: TradeTerms, profiles: Mapping[str, Profile], agent: str
) -> None:
    """Return if a trade is what the agent was to buy: the same in all legs from somebody else.

    Who sells it is neither the seller that fails, nor the buyer, nor the agent itself, whatever
    account it uses: they could name any price for the others to pay. From whom that seller has the
    units, and for whom it sells, is not asked: units are all alike, and who acts for whom beyond
    mandates is not on the ledger.

    Args:
        wanted: Terms of the trade that fails, in the units of now.
        got: Terms of the other, likewise.
        profiles: Of each identity of both trades.
        agent: MSP of who was to buy.

    Raises:
        Refusal: REPLACEMENT_WRONG.

    Source: Commission Delegated Regulation (EU) 2018/1229, Article 29: no conflict of interest.
    """
    is_same = _bought(_sold_by(wanted, got.seller)) == _bought(got)
    seller = profiles[got.seller]
    sides = {profiles[wanted.seller].person, profiles[wanted.buyer].person}
    if not is_same or seller.person in sides or seller.organization == agent:
        raise DisciplineReason.REPLACEMENT_WRONG.refusal(trade=wanted.trade, replacement=got.trade)


def _sold_by(terms: TradeTerms, seller: str) -> TradeTerms:
    """Return terms with another seller, in further legs, too."""

    def renamed(identity: str) -> str:
        return seller if identity == terms.seller else identity

    legs = (
        leg.model_copy(update={"sender": renamed(leg.sender), "receiver": renamed(leg.receiver)})
        for leg in terms.legs
    )
    return terms.model_copy(update={"seller": seller, "legs": tuple(legs)})


def _bought(terms: TradeTerms) -> tuple[str, int, str, str, str, tuple[TradeLeg, ...]]:
    return terms.security, terms.quantity, terms.cash, terms.buyer, terms.venue, terms.legs
