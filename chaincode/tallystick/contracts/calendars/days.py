"""Business days, openings and cut-offs, worked out from a calendar. Pure.

A day is a date in the calendar's local time. Moments are instants, UTC, whole seconds; each of them
falls on one local day.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from tallystick.contracts.calendars.models import Calendar, CalendarGiven, Schedule
from tallystick.contracts.instants import Day, Instant, instant

_MINUTE = timedelta(minutes=1)
_A_DAY = timedelta(days=1)


def is_business_day(calendar: Calendar, day: Day) -> bool:
    """Return whether trades settle on a day."""
    if date.fromisoformat(day).isoweekday() in schedule_on(calendar, day).weekend:
        return False
    place = bisect_left(calendar.holidays, day)
    return calendar.holidays[place : place + 1] != (day,)


def business_day_from(calendar: Calendar, day: Day) -> Day:
    """Return a day if it is a business day, else the first one after it."""
    while not is_business_day(calendar, day):
        day = _following(day)
    return day


def business_days_after(calendar: Calendar, day: Day, count: int) -> Day:
    """Return the business day that is so many business days after another."""
    for _ in range(count):
        day = business_day_from(calendar, _following(day))
    return day


def opening(calendar: Calendar, day: Day) -> Instant:
    """Return the second from which trades of a day settle."""
    schedule = schedule_on(calendar, day)
    return _moment(schedule, day, schedule.opens)


def cut_off(calendar: Calendar, day: Day) -> Instant:
    """Return the second from which what was to settle on a day has not settled in time."""
    schedule = schedule_on(calendar, day)
    return _moment(schedule, day, schedule.cut_off)


def schedule_on(calendar: Calendar, day: Day) -> Schedule:
    """Return the schedule that holds for a day."""
    begun = bisect_right(calendar.schedules, day, key=lambda each: each.since)
    return calendar.schedules[max(0, begun - 1)]


def local_day(calendar: CalendarGiven, moment: Instant) -> Day:
    """Return the local day on which a moment falls."""
    begun = bisect_right(calendar.schedules, moment, key=lambda each: _moment(each, each.since))
    schedule = calendar.schedules[max(0, begun - 1)]
    local = datetime.fromisoformat(moment) + schedule.utc_offset_minutes * _MINUTE
    return local.date().isoformat()


def trade_day(calendar: Calendar, moment: Instant) -> Day:
    """Return the business day as of which a match counts.

    On a weekend, on a holiday, and from the cut-off on, that is the next business day.
    """
    day = local_day(calendar, moment)
    if is_business_day(calendar, day) and moment < cut_off(calendar, day):
        return day
    return business_days_after(calendar, day, 1)


def failed_days(calendar: Calendar, settlement_day: Day, until: Instant) -> Iterator[Day]:
    """Yield the business days on which a trade was due, and had not settled by their cut-off.

    Args:
        calendar: The trade's.
        settlement_day: The day on which it was to settle; when that has become a holiday since,
            the next business day counts.
        until: When it settled or ended, or now. At the very second of a cut-off it is too late.
    """
    last = local_day(calendar, until)
    day = business_day_from(calendar, settlement_day)
    while day <= last and cut_off(calendar, day) <= until:
        yield day
        day = business_days_after(calendar, day, 1)


def _following(day: Day) -> Day:
    return (date.fromisoformat(day) + _A_DAY).isoformat()


def _moment(schedule: Schedule, day: Day, time: str = "00:00:00") -> Instant:
    hours, minutes, seconds = map(int, time.split(":"))
    local = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    midnight = datetime.fromisoformat(f"{day}T00:00:00Z")
    return instant(midnight + local - schedule.utc_offset_minutes * _MINUTE)
