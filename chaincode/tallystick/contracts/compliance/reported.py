"""Volumes that venues report by calendar weeks: what rules know of the market in a security."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from tallystick.chaincode import composite_key
from tallystick.contracts.instants import Day, Instant, day_of
from tallystick.contracts.models import MAX_QUANTITY, Identifier, Model
from tallystick.contracts.timelines import Timeline

MAX_WEEKS = 53
"""Weeks that a venue's row keeps, and the most that a rule may look back."""

_DAYS = 7
_A_WEEK = timedelta(days=_DAYS)


def week_of(day: Day) -> Day:
    """Return the Sunday with which the calendar week of a day begins."""
    given = date.fromisoformat(day)
    return (given - timedelta(days=given.isoweekday() % _DAYS)).isoformat()


def weeks_before(moment: Instant, count: int) -> tuple[Day, ...]:
    """Return the last calendar weeks that were over before that of a moment, newest first."""
    current = date.fromisoformat(week_of(day_of(moment)))
    return tuple((current - number * _A_WEEK).isoformat() for number in range(1, count + 1))


def _begins_a_week(day: str) -> str:
    if week_of(day) != day:
        raise ValueError(f"a week begins on a Sunday, such as {week_of(day)}")
    return day


Week = Annotated[Day, AfterValidator(_begins_a_week)]


class VolumeReport(Model):
    """What a venue says was traded there in a security, in units of the moment when it says so.

    Attributes:
        week: A calendar week, named by its Sunday; days are those of UTC.
    """

    week: Week
    quantity: Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
    security: Identifier


class TradedInWeek(Model):
    """A week's volume at one venue.

    Attributes:
        classes: Of the venue's live licences when it reported it, sorted.
    """

    week: Day
    quantity: int
    classes: tuple[str, ...]


class ReportedVolumes(Model):
    """Row ``volumes (security, venue)``: what a venue reported, the newest weeks only.

    Attributes:
        weeks: The newest week first.
        as_of: The turn of the security's timeline since which the row was not written.
    """

    weeks: tuple[TradedInWeek, ...] = ()
    as_of: int = 0

    def brought_up(self, timeline: Timeline) -> "ReportedVolumes":
        """Return the volumes in units of now, each rounded down at each split."""
        if self.as_of == timeline.turns:
            return self
        weeks = tuple(
            each.model_copy(update={"quantity": timeline.scaled(each.quantity, self.as_of)})
            for each in self.weeks
        )
        return self.model_copy(update={"weeks": weeks, "as_of": timeline.turns})

    def having(self, week: Day, quantity: int, classes: Sequence[str]) -> "ReportedVolumes":
        """Return the row with one week more, or with another figure for one that it has."""
        others = [each for each in self.weeks if each.week != week]
        weeks = [*others, TradedInWeek(week=week, quantity=quantity, classes=tuple(classes))]
        newest = sorted(weeks, key=lambda each: each.week, reverse=True)[:MAX_WEEKS]
        return self.model_copy(update={"weeks": tuple(newest)})


def volumes_key(security: str, venue: str) -> str:
    """Return the key of the row of a venue's volumes."""
    return composite_key("volumes", security, venue)
