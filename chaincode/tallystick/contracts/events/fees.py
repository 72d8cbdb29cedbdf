"""Events: fees."""

from typing import ClassVar

from pydantic import JsonValue

from tallystick.contracts.events.base import LedgerEvent


class FeesSet(LedgerEvent):
    """A venue, or an intermediary, takes these fees from now on, in place of all others.

    Attributes:
        taker: Its MSP.
        schedule: Number of this version, from 1.
        lines: As in its row.
    """

    kind: ClassVar[str] = "settlement.FeesSet"
    taker: str
    schedule: int
    lines: tuple[dict[str, JsonValue], ...]
