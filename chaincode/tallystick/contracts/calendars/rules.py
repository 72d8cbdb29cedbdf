"""What decides about calendars: which changes they take, and which day a trade gets. Pure."""

from tallystick.contracts.calendars.days import (
    business_days_after,
    local_day,
    opening,
    trade_day,
)
from tallystick.contracts.calendars.models import (
    EVERY_DAY,
    Calendar,
    CalendarGiven,
    Convention,
    Intended,
)
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.reasons import CalendarReason


def check_change(before: Calendar, given: CalendarGiven, moment: Instant) -> None:
    """Return if a calendar may change so: in nothing that is said of today or of earlier days.

    Nor may a day to come have begun by what is said now, as it would have in a place far enough
    east: what was due on it could be late before anybody knew.

    Raises:
        Refusal: CALENDAR_PAST_CHANGED.
    """
    today = local_day(before, moment)
    is_begun = local_day(given, moment) > today
    if is_begun or _as_of(before, today) != _as_of(given, today):
        raise CalendarReason.CALENDAR_PAST_CHANGED.refusal(calendar=before.calendar, today=today)


def _as_of(calendar: CalendarGiven, today: Day) -> tuple[object, object]:
    """Return all that a calendar says of days until today."""
    begun = [each for each in calendar.schedules if each.since <= today]
    holidays = [each for each in calendar.holidays if each <= today]
    return begun or calendar.schedules[:1], holidays


def cycle_of(calendar: Calendar, convention: Convention, wanted: int | None) -> int:
    """Return the cycle of a trade: its own, else the convention's, else the calendar's.

    Raises:
        Refusal: CYCLE_TOO_LONG.
    """
    cycle = next(each for each in (wanted, convention.cycle, calendar.cycle) if each is not None)
    if cycle > calendar.longest_cycle:
        raise CalendarReason.CYCLE_TOO_LONG.refusal(
            calendar=calendar.calendar, cycle=cycle, longest=calendar.longest_cycle
        )
    return cycle


def intended(calendar: Calendar, cycle: int, moment: Instant) -> Intended:
    """Return when a trade is to settle that is matched now."""
    traded = trade_day(calendar, moment)
    day = business_days_after(calendar, traded, cycle)
    return Intended(
        calendar=calendar.calendar,
        cycle=cycle,
        trade_day=traded,
        settlement_day=day,
        settles_from=opening(calendar, day),
    )


def intended_without_conventions(moment: Instant, cycle: int | None, day: Day | None) -> Intended:
    """Return when a trade is to settle at a venue that has no conventions.

    Every day is a business day there, and any to come may be given that agrees with the trade's own
    cycle.

    Raises:
        Refusal: SETTLEMENT_DAY_WRONG or SETTLEMENT_DAY_PAST.
    """
    found = intended(EVERY_DAY, cycle or 0, moment).model_copy(update={"calendar": None})
    if cycle is not None or day is None:
        check_day(found, day)
        return found
    if day < found.trade_day:
        raise CalendarReason.SETTLEMENT_DAY_PAST.refusal(given=day, trade_day=found.trade_day)
    return found.model_copy(update={"settlement_day": day, "settles_from": opening(EVERY_DAY, day)})


def check_day(found: Intended, given: Day | None) -> None:
    """Return if a venue gave no settlement day, or the right one.

    Raises:
        Refusal: SETTLEMENT_DAY_WRONG.
    """
    if given is not None and given != found.settlement_day:
        raise CalendarReason.SETTLEMENT_DAY_WRONG.refusal(
            given=given,
            calendar=found.calendar or EVERY_DAY.calendar,
            cycle=found.cycle,
            trade_day=found.trade_day,
            settlement_day=found.settlement_day,
        )
