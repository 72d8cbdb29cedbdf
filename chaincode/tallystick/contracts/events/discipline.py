"""Events: fails and what follows from them. They name no identity, no cause and no amount."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.statements import Side


class TradeHeld(LedgerEvent):
    """A trade does not settle until this side releases it."""

    kind: ClassVar[str] = "settlement.TradeHeld"
    trade: str
    side: Side


class TradeReleased(LedgerEvent):
    """This side lets a trade settle again."""

    kind: ClassVar[str] = "settlement.TradeReleased"
    trade: str
    side: Side


class ChangeAsked(LedgerEvent):
    """A side agrees that a trade changes, and the other side has not agreed to the same yet."""

    kind: ClassVar[str] = "settlement.ChangeAsked"
    trade: str
    side: Side


class EarlySettlementAgreed(LedgerEvent):
    """A trade may settle before its day, as both sides agree."""

    kind: ClassVar[str] = "settlement.EarlySettlementAgreed"
    trade: str
    settles_from: Instant


class TradeSplit(LedgerEvent):
    """A part of a trade is a trade of its own from now on, as both sides agree.

    Attributes:
        terms_hash: Of what remains of the trade.
    """

    kind: ClassVar[str] = "settlement.TradeSplit"
    trade: str
    terms_hash: str
    part: str
    part_terms_hash: str


class SaleMarked(LedgerEvent):
    """The venue has said what kind of sale a trade is."""

    kind: ClassVar[str] = "settlement.SaleMarked"
    trade: str


class FailRecorded(LedgerEvent):
    """The cause of a fail is recorded, from a business day on."""

    kind: ClassVar[str] = "settlement.FailRecorded"
    trade: str
    day: Day


class PenaltiesCollected(LedgerEvent):
    """The penalties of a trade are paid through a business day."""

    kind: ClassVar[str] = "settlement.PenaltiesCollected"
    trade: str
    through: Day


class DisciplinePackPublished(LedgerEvent):
    """A version of a pack of penalties, buy-ins and close-outs exists; it never changes.

    Attributes:
        document: The pack as JSON.
    """

    kind: ClassVar[str] = "settlement.DisciplinePackPublished"
    pack: str
    pack_version: int
    document: str


class RegimeSet(LedgerEvent):
    """A venue's fails are judged by other figures from a day on.

    Attributes:
        document: The period that begins then, as JSON; later ones that were planned are void.
    """

    kind: ClassVar[str] = "settlement.RegimeSet"
    venue: str
    document: str


class BuyInCalled(LedgerEvent):
    """An agent is to buy elsewhere what a trade does not deliver."""

    kind: ClassVar[str] = "settlement.BuyInCalled"
    trade: str
    agent: str


class BuyInExecuted(LedgerEvent):
    """Another trade has delivered it; this one has ended."""

    kind: ClassVar[str] = "settlement.BuyInExecuted"
    trade: str
    replacement: str


class BuyInFailed(LedgerEvent):
    """The agent could not buy."""

    kind: ClassVar[str] = "settlement.BuyInFailed"
    trade: str


class BuyInCompensated(LedgerEvent):
    """The buyer has money in place of units; the trade has ended.

    Attributes:
        evidence_hash: SHA-256 of the document that shows their value.
    """

    kind: ClassVar[str] = "settlement.BuyInCompensated"
    trade: str
    evidence_hash: str


class BuyInWithdrawn(LedgerEvent):
    """The buyer waits for the seller again."""

    kind: ClassVar[str] = "settlement.BuyInWithdrawn"
    trade: str
