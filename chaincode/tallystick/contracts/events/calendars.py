"""Events: settlement calendars."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent


class CalendarSet(LedgerEvent):
    """A calendar was made or changed.

    Attributes:
        document: All of it, as JSON.
    """

    kind: ClassVar[str] = "settlement.CalendarSet"
    calendar: str
    calendar_version: int
    document: str
    actor: str


class ConventionsSet(LedgerEvent):
    """A venue's trades settle by other calendars or cycles from now on.

    Attributes:
        document: All of its conventions, as JSON.
    """

    kind: ClassVar[str] = "settlement.ConventionsSet"
    venue: str
    conventions_version: int
    document: str
