"""The part of the settlement contract about calendars and the conventions of venues."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.calendars.calendars import Calendars
from tallystick.contracts.calendars.models import (
    Calendar,
    CalendarGiven,
    CalendarPage,
    Conventions,
    ConventionsGiven,
    Cycle,
    Intended,
)
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import CalendarReason, refuse_if_any


class CalendarFunctions(MarketContract):
    """When trades settle."""

    @transaction
    @licensed(Power.CLEAR, Power.OVERSEE)
    def set_calendar(self, ctx: Context, given: CalendarGiven) -> int:
        """Make a calendar, or change it in what it says of days to come; return its version.

        Only who made it may change it, or whoever oversees.
        """
        calendars = Calendars(ctx)
        before = calendars.find(given.calendar)
        if before is not None and before.kept_by != ctx.client.msp_id:
            refuse_if_any(self.licence_findings(ctx, (Power.OVERSEE,)))
        return calendars.save(given)

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def set_conventions(self, ctx: Context, given: ConventionsGiven) -> int:
        """Set by which calendar and cycle the submitting venue's next trades settle."""
        return Calendars(ctx).save_conventions(ctx.client.msp_id, given)

    @query
    def calendar(self, ctx: Context, calendar: str) -> Calendar:
        """Return a calendar."""
        return Calendars(ctx).require(calendar)

    @query
    def calendars(
        self, ctx: Context, page_size: PageSize = 100, bookmark: str = ""
    ) -> CalendarPage:
        """Return one page of all calendars, by id."""
        return Calendars(ctx).page(page_size, bookmark)

    @query
    def conventions(self, ctx: Context, venue: str) -> Conventions:
        """Return by what calendar and cycle a venue's trades settle."""
        row = Calendars(ctx).conventions(venue)
        if row is None:
            raise CalendarReason.CONVENTIONS_UNKNOWN.refusal(venue=venue)
        return row

    @query
    def settlement_day(
        self, ctx: Context, venue: str, security: Identifier, cycle: Cycle | None = None
    ) -> Intended:
        """Return when a trade would settle that a venue matched now."""
        return Calendars(ctx).intended(venue, security, cycle=cycle)
