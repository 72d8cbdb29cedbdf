"""Calendars and the conventions of venues, as one transaction sees and changes them."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.calendars import rules
from tallystick.contracts.calendars.models import (
    EVERY_DAY,
    Calendar,
    CalendarGiven,
    CalendarPage,
    Conventions,
    ConventionsGiven,
    Intended,
)
from tallystick.contracts.instants import Day, now
from tallystick.contracts.reasons import CalendarReason
from tallystick.contracts.rows import load_row


class Calendars:
    """All calendars, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def find(self, calendar: str) -> Calendar | None:
        """Return a calendar, or None."""
        return load_row(self._ctx.state, _calendar_key(calendar), Calendar)

    def require(self, calendar: str | None) -> Calendar:
        """Return a calendar, the one without weekend for None; refuse with CALENDAR_UNKNOWN."""
        if calendar is None:
            return EVERY_DAY
        row = self.find(calendar)
        if row is None:
            raise CalendarReason.CALENDAR_UNKNOWN.refusal(calendar=calendar)
        return row

    def save(self, given: CalendarGiven) -> int:
        """Write a calendar; return its version.

        Raises:
            Refusal: CALENDAR_PAST_CHANGED.
        """
        before = self.find(given.calendar)
        if before is not None:
            rules.check_change(before, given, now(self._ctx))
        row = Calendar(
            **dict(given),
            version=1 if before is None else before.version + 1,
            kept_by=self._ctx.client.msp_id if before is None else before.kept_by,
        )
        self._ctx.state.save(_calendar_key(row.calendar), row)
        self._ctx.emit(
            events.CalendarSet(
                calendar=row.calendar,
                calendar_version=row.version,
                document=given.model_dump_json(),
                actor=self._ctx.client.msp_id,
            )
        )
        return row.version

    def page(self, page_size: int, bookmark: str) -> CalendarPage:
        """Return one page of all calendars, by id."""
        page = self._ctx.state.partial_page("calendar", page_size=page_size, bookmark=bookmark)
        calendars = tuple(Calendar.model_validate_json(value) for _, value in page.rows)
        return CalendarPage(calendars=calendars, bookmark=page.bookmark)

    def conventions(self, venue: str) -> Conventions | None:
        """Return what a venue's trades settle by; None for one that has not said so."""
        return load_row(self._ctx.state, composite_key("conventions", venue), Conventions)

    def save_conventions(self, venue: str, given: ConventionsGiven) -> int:
        """Write a venue's conventions; return their version.

        Raises:
            Refusal: CALENDAR_UNKNOWN or CYCLE_TOO_LONG.
        """
        for each in (given.standard, *given.securities.values()):
            rules.cycle_of(self.require(each.calendar), each, None)
        before = self.conventions(venue)
        row = Conventions(
            **dict(given), venue=venue, version=1 if before is None else before.version + 1
        )
        self._ctx.state.save(composite_key("conventions", venue), row)
        self._ctx.emit(
            events.ConventionsSet(
                venue=venue, conventions_version=row.version, document=given.model_dump_json()
            )
        )
        return row.version

    def intended(
        self, venue: str, security: str, *, cycle: int | None = None, day: Day | None = None
    ) -> Intended:
        """Return when a trade is to settle that a venue matches now.

        Args:
            venue: Its MSP.
            security: What is traded.
            cycle: That of the trade itself; None for what is usual.
            day: The day that the venue gives; None to leave it to the calendar. A venue without
                conventions may give any day to come.

        Raises:
            Refusal: SETTLEMENT_DAY_WRONG, SETTLEMENT_DAY_PAST, CYCLE_TOO_LONG or
                CALENDAR_UNKNOWN.
        """
        moment = now(self._ctx)
        conventions = self.conventions(venue)
        if conventions is None:
            return rules.intended_without_conventions(moment, cycle, day)
        convention = conventions.of(security)
        calendar = self.require(convention.calendar)
        found = rules.intended(calendar, rules.cycle_of(calendar, convention, cycle), moment)
        rules.check_day(found, day)
        return found


def _calendar_key(calendar: str) -> str:
    return composite_key("calendar", calendar)
