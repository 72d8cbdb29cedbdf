"""Periods of the calendar, as statutes count them: ``P40D``, ``P6M``, ``P1Y``, ``PT3600S``.

A month or a year ends on the same day of the month, or on the last day where there is no such day.
"""

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from tallystick.contracts.instants import Day, Instant, instant

Period = Annotated[str, StringConstraints(pattern=r"^P(\d{1,4}[DMY]|T\d{1,9}S)$")]

_MONTHS_PER_YEAR = 12
THE_END: Instant = "9999-12-31T23:59:59Z"


def end_of(start: Instant | Day, period: Period) -> Instant:
    """Return the second from which a period is over that began at an instant, or with a day.

    Beyond the year 9999 there is no calendar: a period that would end there ends with its last
    second, so that "for ever" can be said.
    """
    try:
        return _end_of(start, period)
    except (OverflowError, ValueError):
        return THE_END


def _end_of(start: Instant | Day, period: Period) -> Instant:
    begun = datetime.fromisoformat(start if "T" in start else f"{start}T00:00:00Z")
    if period.startswith("PT"):
        return instant(begun + timedelta(seconds=int(period[2:-1])))
    count, unit = int(period[1:-1]), period[-1]
    if unit == "D":
        return instant(begun + timedelta(days=count))
    return instant(_months_later(begun, count * (_MONTHS_PER_YEAR if unit == "Y" else 1)))


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, _MONTHS_PER_YEAR)
    year, month = moment.year + years, month + 1
    day = min(moment.day, monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)
