"""Who caused a fail on each business day, and what the day costs. Pure.

Penalty of a day, in minor units, to the nearest one, halves up:

    for want of money        amount x yearly rate / 1,000,000 / days of the year
    for any other cause      amount x rate of the kind of security / 1,000,000

The amount is that of the trade: there are no market prices on the ledger.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from tallystick.contracts.calendars.days import cut_off, failed_days
from tallystick.contracts.calendars.models import Calendar
from tallystick.contracts.discipline.models import Cause, FailedDay, FailRecord
from tallystick.contracts.discipline.packs import DisciplinePack, RegimePeriod
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.statements import Side

_MILLION = 1_000_000
_SIDES: Final[tuple[Side, ...]] = ("buyer", "seller")
"""Parties to further legs only have no counterparty to whom they could owe a penalty."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a trade and of its day.

    Attributes:
        until: When it ended, or now.
        matched_at: When the last party consented; None while one has not.
        late: Who consented last; None when several did in the same second, or one has not.
        amount: Of the trade, in minor units.
    """

    calendar: Calendar
    settlement_day: Day
    until: Instant
    matched_at: Instant | None
    late: Side | None
    security: str
    cash: str
    amount: int


class Figures(NamedTuple):
    """The figures of one day: a pack, and how the venue's securities and cash are to be read."""

    pack: DisciplinePack
    period: RegimePeriod


FiguresOn = Callable[[Day], Figures | None]


class Blame(NamedTuple):
    """Why a trade did not settle on a day, and who is responsible."""

    cause: Cause | None
    side: Side | None


def blame(facts: Facts, record: FailRecord, day: Day) -> Blame:
    """Return the cause of the fail of a day, as things stood at its cut-off.

    A trade that was not matched yet failed for that; a matched one because a side held it back;
    otherwise the cause is the one that clearing has recorded. Nobody is responsible for a trade
    that was never matched, or that both sides hold.
    """
    moment = cut_off(facts.calendar, day)
    if facts.matched_at is None or facts.matched_at >= moment:
        return Blame(Cause.LATE_MATCHING, facts.late)
    holding = {each.side: each.holds for each in record.holds if each.at < moment}
    held_by = [side for side, holds in holding.items() if holds]
    if held_by:
        return Blame(Cause.ON_HOLD, held_by[0] if len(held_by) == 1 else None)
    noted = [each for each in record.notes if each.day <= day]
    return Blame(noted[-1].cause, noted[-1].side) if noted else Blame(None, None)


def penalty_of(facts: Facts, cause: Cause, figures: Figures | None) -> int:
    """Return what a day costs whose cause is known; nothing where no figure is in force."""
    if figures is None:
        return 0
    if cause is Cause.LACK_OF_CASH:
        interest = figures.pack.cash_rate(figures.period.currency(facts.cash))
        if interest is None:
            return 0
        return _nearest(facts.amount * interest.yearly_per_million, interest.days_of_year)
    rate = figures.pack.securities_rate(figures.period.instrument(facts.security))
    return 0 if rate is None else _nearest(facts.amount * rate.per_million, 1)


def failed(facts: Facts, record: FailRecord, figures_on: FiguresOn) -> Iterator[FailedDay]:
    """Yield each business day that a trade failed, with its cause and its penalty."""
    for day in failed_days(facts.calendar, facts.settlement_day, facts.until):
        cause, side = blame(facts, record, day)
        owes = cause is not None and side in _SIDES
        penalty = penalty_of(facts, cause, figures_on(day)) if cause and owes else 0
        yield FailedDay(day=day, cause=cause, side=side, penalty=penalty)


def _nearest(millionths: int, divisor: int) -> int:
    """Return a number of millionths, divided, as the nearest whole number; halves go up."""
    whole = _MILLION * divisor
    return (2 * millionths + whole) // (2 * whole)
