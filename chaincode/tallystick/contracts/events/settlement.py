"""Events: trades, and where and through whom they are made."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant
from tallystick.contracts.statements import Side


class TradeProposed(LedgerEvent):
    """A venue has matched two orders and asks all parties for their consent.

    Attributes:
        model: How it is settled: ``dvp-1``, ``dvp-2`` or ``dvp-3``.
    """

    kind: ClassVar[str] = "settlement.TradeProposed"
    version: ClassVar[int] = 3
    trade: str
    terms_hash: str
    venue: str
    model: str


class ConsentGiven(LedgerEvent):
    """One side has consented to the terms with this hash."""

    kind: ClassVar[str] = "settlement.ConsentGiven"
    version: ClassVar[int] = 2
    trade: str
    side: Side
    terms_hash: str


class TradeApproved(LedgerEvent):
    """A mediator has approved a trade, until a moment."""

    kind: ClassVar[str] = "settlement.TradeApproved"
    trade: str
    mediator: str
    valid_until: Instant


class LegsLocked(LedgerEvent):
    """All that is to go over waits for delivery."""

    kind: ClassVar[str] = "settlement.LegsLocked"
    trade: str


class TradeSettled(LedgerEvent):
    """All legs were delivered, in this transaction."""

    kind: ClassVar[str] = "settlement.TradeSettled"
    trade: str


class TradeFailed(LedgerEvent):
    """A trade could not be delivered; what is locked stays so, and it may be tried again.

    Attributes:
        codes: Of the reasons; what they are about is for those who may read the trade.
    """

    kind: ClassVar[str] = "settlement.TradeFailed"
    trade: str
    codes: tuple[str, ...]


class TradeWithdrawn(LedgerEvent):
    """A party wanted a trade no longer before anything was locked."""

    kind: ClassVar[str] = "settlement.TradeWithdrawn"
    trade: str
    side: Side
    reason: str


class TradeRejected(LedgerEvent):
    """A mediator said no to a trade; what was locked is free again."""

    kind: ClassVar[str] = "settlement.TradeRejected"
    trade: str
    mediator: str
    reason: str


class TradeCancelled(LedgerEvent):
    """A trade ended without delivery; what was locked is free again.

    Attributes:
        by: MSP of the participant that cancelled it.
    """

    kind: ClassVar[str] = "settlement.TradeCancelled"
    version: ClassVar[int] = 3
    trade: str
    by: str
    reason: str


class TradeExpired(LedgerEvent):
    """A trade was not settled in time; what was locked is free again."""

    kind: ClassVar[str] = "settlement.TradeExpired"
    trade: str


class SecurityListed(LedgerEvent):
    """A security may be traded at a venue, on these terms, in place of former ones."""

    kind: ClassVar[str] = "settlement.SecurityListed"
    security: str
    venue: str
    due_diligence_hash: str
    accounts_required: bool


class ListingEnded(LedgerEvent):
    """A security is traded at a venue no more."""

    kind: ClassVar[str] = "settlement.ListingEnded"
    security: str
    venue: str
    by: str
    reason: str


class AgencyAccepted(LedgerEvent):
    """A settlement member settles for a participant until a moment."""

    kind: ClassVar[str] = "settlement.AgencyAccepted"
    participant: str
    agent: str
    valid_until: Instant


class AgencyEnded(LedgerEvent):
    """A settlement member settles for a participant no more."""

    kind: ClassVar[str] = "settlement.AgencyEnded"
    participant: str
    agent: str
    by: str


class PermitKeyRenewed(LedgerEvent):
    """Permits of before count no more."""

    kind: ClassVar[str] = "settlement.PermitKeyRenewed"
    by: str


class OrderEntered(LedgerEvent):
    """An order lies on the ledger; what it is about is for its venue and who watches over it."""

    kind: ClassVar[str] = "settlement.OrderEntered"
    venue: str
    order: str


class OrderEnded(LedgerEvent):
    """What was left of an order is wanted no more."""

    kind: ClassVar[str] = "settlement.OrderEnded"
    venue: str
    order: str
    by: str
