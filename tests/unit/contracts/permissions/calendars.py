"""Who may call the settlement contract's functions about calendars, and well formed arguments."""

from tests.unit.contracts.permissions.roles import EVERYBODY, Arguments, P, Permissions

from tallystick.contracts.calendars.models import (
    CalendarGiven,
    Convention,
    ConventionsGiven,
    Schedule,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "set_calendar": frozenset({P.CLEARING, P.REGULATOR}),
    "set_conventions": frozenset({P.ATS}),
    "calendar": EVERYBODY,
    "calendars": EVERYBODY,
    "conventions": EVERYBODY,
    "settlement_day": EVERYBODY,
}

CALENDAR = CalendarGiven(
    calendar="c",
    title="Business days",
    cycle=1,
    longest_cycle=2,
    schedules=(Schedule(since="2024-01-01"),),
)
CONVENTIONS = ConventionsGiven(standard=Convention(calendar="c"))


def arguments(_: Market) -> Arguments:
    return {
        "set_calendar": [CALENDAR],
        "set_conventions": [CONVENTIONS],
        "calendar": ["c"],
        "calendars": [],
        "conventions": [P.ATS],
        "settlement_day": [P.ATS, "ACME"],
    }
