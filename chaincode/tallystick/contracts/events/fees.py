"""Events: fees."""

from typing import ClassVar

from pydantic import JsonValue

from tallystick.contracts.events.base import LedgerEvent


class FeesSet(LedgerEvent):
    """A venue takes these fees from now on, in place of all others.

    Attributes:
        schedule: Number of this version, from 1.
        lines: As in the venue's row.
    """

    kind: ClassVar[str] = "settlement.FeesSet"
    venue: str
    schedule: int
    lines: tuple[dict[str, JsonValue], ...]
