"""Events: corporate actions.

What somebody gets and how it votes is not told: it lies in the collection of the issuer's actions.
"""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant


class ActionAnnounced(LedgerEvent):
    """An issuer announces a corporate action.

    Attributes:
        document: Its terms, as JSON.
    """

    kind: ClassVar[str] = "settlement.ActionAnnounced"
    action: str
    action_type: str
    security: str
    issuer: str
    document: str


class ActionConfirmed(LedgerEvent):
    """The transfer agent has confirmed an action; its record date is set."""

    kind: ClassVar[str] = "settlement.ActionConfirmed"
    action: str
    record_at: Instant | None


class ActionCancelled(LedgerEvent):
    """An action ended before anybody got anything."""

    kind: ClassVar[str] = "settlement.ActionCancelled"
    action: str
    by: str
    reason: str


class EntitlementsEntered(LedgerEvent):
    """What further holders get is fixed.

    Attributes:
        holders: How many.
        is_complete: Whether nobody is missing now.
    """

    kind: ClassVar[str] = "settlement.EntitlementsEntered"
    action: str
    holders: int
    is_complete: bool


class ActionFunded(LedgerEvent):
    """The money for all who are entitled waits for them."""

    kind: ClassVar[str] = "settlement.ActionFunded"
    action: str


class EntitlementsPaid(LedgerEvent):
    """So many holders have got what an action gives them."""

    kind: ClassVar[str] = "settlement.EntitlementsPaid"
    action: str
    holders: int


class RedemptionsHindered(LedgerEvent):
    """Units of so many holders could not end when they should; these are not paid."""

    kind: ClassVar[str] = "settlement.RedemptionsHindered"
    action: str
    holders: int


class ActionClosed(LedgerEvent):
    """An action is over: what was left of its money went back, it was executed, or counted."""

    kind: ClassVar[str] = "settlement.ActionClosed"
    action: str


class MarketClaimChanged(LedgerEvent):
    """What the other side of a trade is owed by an action was raised, settled or dropped.

    Attributes:
        is_reverse: Whether it is the buyer who gives.
        status: Of the claim as a whole: open or hindered as long as a part of it is.
        is_hindered: Whether a part of it waits for givers who have too little left.
    """

    kind: ClassVar[str] = "settlement.MarketClaimChanged"
    action: str
    trade: str
    is_reverse: bool
    status: str
    is_hindered: bool


class VoteReceived(LedgerEvent):
    """A holder has voted with so many units; how, is not told."""

    kind: ClassVar[str] = "settlement.VoteReceived"
    action: str
    holder: str
    units: int
