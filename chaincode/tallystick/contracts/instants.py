"""Moments in time, as text: ``2026-03-31T16:00:00Z``, UTC, whole seconds.

The text is what people sign and auditors read. Its width is fixed, so instants order as their texts
do and nothing needs parsing to be compared. A deadline is passed from that very second on: whether
a time with fractions lies before a whole second is decided by the time's whole seconds alone, so
the comparison is exact.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from tallystick.chaincode import Context

_NS_PER_S = 1_000_000_000


def _on_the_calendar(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _day_on_the_calendar(text: str) -> str:
    date.fromisoformat(text)
    return text


Instant = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
    AfterValidator(_on_the_calendar),
]
Day = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$"), AfterValidator(_day_on_the_calendar)
]


def instant(time: datetime) -> Instant:
    """Return the instant of an aware time, rounded down to the second."""
    utc = time.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def instant_from_ns(time_ns: int) -> Instant:
    """Return the instant of a time in nanoseconds since the epoch, UTC, rounded down."""
    return _instant_from_s(time_ns // _NS_PER_S)


def now(ctx: Context) -> Instant:
    """Return the time of the transaction, rounded down to the second."""
    return _instant_from_s(ctx.timestamp_ns // _NS_PER_S)


@lru_cache(maxsize=1024)
def _instant_from_s(time_s: int) -> Instant:
    return instant(datetime.fromtimestamp(time_s, UTC))


def later(moment: Instant, seconds: int) -> Instant:
    """Return the instant that lies so many seconds after another."""
    return instant(datetime.fromisoformat(moment) + timedelta(seconds=seconds))


def day_of(moment: Instant) -> Day:
    """Return the UTC day on which an instant falls."""
    return moment[:10]
