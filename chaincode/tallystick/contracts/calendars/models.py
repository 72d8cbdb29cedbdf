"""The rows, arguments and results about settlement calendars."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import Identifier, Model, Quantity, ShortText

MAX_HOLIDAYS = 2000
MAX_SCHEDULES = 400
MAX_CONVENTIONS = 1000

TimeOfDay = Annotated[
    str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d:[0-5]\d|24:00:00)$")
]
Weekday = Annotated[int, Field(ge=1, le=7)]
UtcOffset = Annotated[int, Field(ge=-12 * 60, le=14 * 60)]
Cycle = Annotated[int, Field(ge=0, le=30)]
"""So many business days from the trade day to the settlement day: T+0, T+1, T+n."""


class Schedule(Model):
    """When a calendar's business days are, and how long they last, from some day on.

    Attributes:
        since: The first day, in local time, for which it holds; the first schedule of a calendar
            holds for all days before as well.
        weekend: Days of the week that are no business days; 1 is Monday, 7 is Sunday.
        utc_offset_minutes: Local time less UTC. It is fixed: a market with summer time has a
            schedule for each change, so that no peer needs a database of time zones.
        opens: Local time from which the trades of the day settle.
        cut_off: Local time from which a trade of the day that has not settled is failing, and from
            which a match counts as one of the next business day.
    """

    since: Day
    weekend: Annotated[tuple[Weekday, ...], Field(max_length=6)] = ()
    utc_offset_minutes: UtcOffset = 0
    opens: TimeOfDay = "00:00:00"
    cut_off: TimeOfDay = "24:00:00"

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.opens >= self.cut_off:
            raise ValueError("a day opens before its cut-off")
        if list(self.weekend) != sorted(set(self.weekend)):
            raise ValueError("the weekend's days are ascending, each once")
        return self


class CalendarGiven(Model):
    """What a calendar shall be from now on.

    Attributes:
        holidays: Days that are no business days although they are on no weekend; ascending.
        cycle: The standard settlement cycle.
        longest_cycle: The longest that a venue, a security or a trade may have instead.
        schedules: Ascending by their first day.
    """

    calendar: Identifier
    title: ShortText
    cycle: Cycle
    longest_cycle: Cycle
    holidays: Annotated[tuple[Day, ...], Field(max_length=MAX_HOLIDAYS)] = ()
    schedules: Annotated[tuple[Schedule, ...], Field(min_length=1, max_length=MAX_SCHEDULES)]

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        since = [each.since for each in self.schedules]
        for days in (since, list(self.holidays)):
            if days != sorted(set(days)):
                raise ValueError("days are ascending, each once")
        if self.cycle > self.longest_cycle:
            raise ValueError("the standard cycle is longer than the longest one")
        return self


class Calendar(CalendarGiven):
    """Row ``calendar (calendar)``: what counts as a business day, for all to read.

    What it says of days that have begun never changes, so the age of a fail never does either.

    Attributes:
        version: Raised with every change.
        kept_by: MSP of who made it.
    """

    version: int
    kept_by: str


EVERY_DAY = Calendar(
    calendar="every-day",
    title="Every day is a business day, from midnight to midnight UTC",
    cycle=0,
    longest_cycle=0,
    schedules=(Schedule(since="1970-01-01"),),
    version=0,
    kept_by="",
)
"""The calendar of a venue that has not said otherwise; no row."""


class Convention(Model):
    """How long trades take to settle, and by which calendar.

    Attributes:
        cycle: None for the calendar's standard.
    """

    calendar: Identifier
    cycle: Cycle | None = None


class ConventionsGiven(Model):
    """What a venue's trades shall settle by from now on.

    Attributes:
        standard: Of securities that are not named.
        securities: By security.
        least_part: The least quantity that a part of a trade, and what remains of it, must have.
    """

    standard: Convention
    securities: Annotated[Mapping[Identifier, Convention], Field(max_length=MAX_CONVENTIONS)] = {}
    least_part: Quantity = 1


class Conventions(ConventionsGiven):
    """Row ``conventions (venue)``: what its trades settle by, unless their terms say otherwise.

    They lie in one row for each venue: to read a row by the security would publish which security
    a trade is about.

    Attributes:
        version: Raised with every change.
    """

    venue: str
    version: int

    def of(self, security: str) -> Convention:
        """Return the convention for a security."""
        return self.securities.get(security, self.standard)


class Intended(Model):
    """When a trade is to settle.

    Attributes:
        calendar: None for a venue without conventions: every day is a business day.
        trade_day: The business day as of which the match counts.
        settles_from: The opening of the settlement day: the first second at which it may settle.
    """

    calendar: str | None
    cycle: int
    trade_day: Day
    settlement_day: Day
    settles_from: Instant


class CalendarPage(Model):
    """Calendars, by id; pass the bookmark for the next page, empty after the last."""

    calendars: tuple[Calendar, ...]
    bookmark: str
