"""Events: trades."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.statements import Side


class TradeProposed(LedgerEvent):
    """A venue has matched two orders and asks both sides for their consent."""

    kind: ClassVar[str] = "settlement.TradeProposed"
    version: ClassVar[int] = 2
    trade: str
    terms_hash: str
    venue: str


class ConsentGiven(LedgerEvent):
    """One side has consented to the terms with this hash."""

    kind: ClassVar[str] = "settlement.ConsentGiven"
    version: ClassVar[int] = 2
    trade: str
    side: Side
    terms_hash: str


class LegsLocked(LedgerEvent):
    """The seller's units and the buyer's money wait for delivery."""

    kind: ClassVar[str] = "settlement.LegsLocked"
    trade: str


class TradeSettled(LedgerEvent):
    """Both legs were delivered, in this transaction."""

    kind: ClassVar[str] = "settlement.TradeSettled"
    trade: str


class TradeCancelled(LedgerEvent):
    """A trade ended without delivery; what was locked is free again.

    Attributes:
        by: MSP of the participant that cancelled it, or the side that withdrew.
    """

    kind: ClassVar[str] = "settlement.TradeCancelled"
    version: ClassVar[int] = 2
    trade: str
    by: str
    reason: str


class TradeExpired(LedgerEvent):
    """A trade was not settled in time; what was locked is free again."""

    kind: ClassVar[str] = "settlement.TradeExpired"
    trade: str
