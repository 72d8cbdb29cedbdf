"""Events: offerings and subscriptions. Who orders, and how much, they do not tell."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent


class OfferingAnnounced(LedgerEvent):
    """An issuer has said what it will offer."""

    kind: ClassVar[str] = "settlement.OfferingAnnounced"
    offering: str
    issuer: str
    security: str
    terms_hash: str


class OfferingAdvanced(LedgerEvent):
    """An offering has come to another status, or was approved.

    Attributes:
        reason: Why it was withdrawn or failed; None otherwise.
    """

    kind: ClassVar[str] = "settlement.OfferingAdvanced"
    offering: str
    status: str
    reason: str | None = None


class OfferingAllocated(LedgerEvent):
    """Who gets how many units in an offering is settled.

    Attributes:
        subscriptions: Orders that counted.
        demand: Units that they are for, together.
        allotted: Units allotted, together.
    """

    kind: ClassVar[str] = "settlement.OfferingAllocated"
    offering: str
    subscriptions: int
    demand: int
    allotted: int


class SubscriptionPlaced(LedgerEvent):
    """An order in an offering has come in.

    Attributes:
        intermediary: MSP of the participant in whose collection the order lies.
    """

    kind: ClassVar[str] = "settlement.SubscriptionPlaced"
    offering: str
    subscription: str
    intermediary: str
    order_hash: str


class SubscriptionAdvanced(LedgerEvent):
    """A subscription has come to another status.

    Attributes:
        reason: Why it was rejected; None otherwise.
    """

    kind: ClassVar[str] = "settlement.SubscriptionAdvanced"
    offering: str
    subscription: str
    status: str
    reason: str | None = None
