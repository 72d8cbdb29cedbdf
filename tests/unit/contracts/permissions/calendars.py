"""Who may call the settlement contract's functions about calendars, and well formed arguments."""

from tests.unit.contracts.permissions.roles import (
    CLEARING,
    REGULATOR,
    VENUES,
    Arguments,
    P,
    Permissions,
    anybody,
    only,
)

from tallystick.contracts.calendars.models import (
    CalendarGiven,
    Convention,
    ConventionsGiven,
    Schedule,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "set_calendar": only(CLEARING | REGULATOR),
    "set_conventions": only(VENUES),
    "calendar": anybody(),
    "calendars": anybody(),
    "conventions": anybody(),
    "settlement_day": anybody(),
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
        "set_calendar": [CALENDAR.model_copy(update={"calendar": "d"})],
        "set_conventions": [CONVENTIONS],
        "calendar": ["c"],
        "calendars": [],
        "conventions": [P.ATS],
        "settlement_day": [P.ATS, "ACME"],
    }
