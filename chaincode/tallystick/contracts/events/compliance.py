"""Events: what is bound to securities, and what is decided and said about movements.

Rules, packs and approvals travel whole, as the JSON that the rows hold.
"""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import Model


class PackPublished(LedgerEvent):
    """A version of a pack can be bound from now on; it never changes.

    Attributes:
        document: The pack as JSON.
    """

    kind: ClassVar[str] = "token.PackPublished"
    pack: str
    pack_version: int
    document: str


class RulesBound(LedgerEvent):
    """Other rules are in force for a security.

    Attributes:
        document: All rules in force, as JSON.
    """

    kind: ClassVar[str] = "token.RulesBound"
    security: str
    rule_set: int
    document: str


class VenueRulesBound(LedgerEvent):
    """A venue asks other things of those who trade a security there.

    Attributes:
        document: All of its rules, as JSON.
    """

    kind: ClassVar[str] = "token.VenueRulesBound"
    security: str
    venue: str
    rule_set: int
    document: str


class TransferApproved(LedgerEvent):
    """Somebody approved a transfer beforehand.

    Attributes:
        exemption: Under which the sender sells in the issuer's offering; None when it does not.
    """

    kind: ClassVar[str] = "token.TransferApproved"
    version: ClassVar[int] = 2
    security: str
    sender: str
    receiver: str
    quantity: int
    expires_at: Instant
    waives: tuple[str, ...]
    exemption: str | None
    evidence_hash: str
    approver: str


class ApprovalWithdrawn(LedgerEvent):
    """An approver approves a transfer no longer, or nobody does.

    Attributes:
        left: Who approves it still.
    """

    kind: ClassVar[str] = "token.ApprovalWithdrawn"
    version: ClassVar[int] = 2
    security: str
    sender: str
    receiver: str
    actor: str
    left: tuple[str, ...]


class ApprovalUsed(LedgerEvent):
    """What was approved has moved."""

    kind: ClassVar[str] = "token.ApprovalUsed"
    security: str
    sender: str
    receiver: str


class SaleNoted(LedgerEvent):
    """A sale counts for rules about volume.

    Attributes:
        forgotten: How many of the person's oldest sales count no longer.
    """

    kind: ClassVar[str] = "token.SaleNoted"
    security: str
    person: str
    quantity: int
    venue: str | None
    forgotten: int


class VolumeReported(LedgerEvent):
    """A venue says what was traded there in a calendar week, in place of what it said before.

    Attributes:
        week: The Sunday with which it begins.
        classes: Those of the venue's live licences, sorted.
    """

    kind: ClassVar[str] = "token.VolumeReported"
    security: str
    venue: str
    week: Day
    quantity: int
    classes: tuple[str, ...]


class Seller(Model):
    """A holder who sells in an offering: as what, and for how many minor units of money."""

    classes: tuple[str, ...]
    amount: int


class PurchaseNoted(LedgerEvent):
    """Units were sold in an offering, for so many minor units of money.

    Attributes:
        transaction: Its id, by which the purchase is kept.
        classes: Those of the person when it bought.
        sellers: What holders sold of it; what remains, the issuer sold.
    """

    kind: ClassVar[str] = "token.PurchaseNoted"
    version: ClassVar[int] = 2
    issuer: str
    exemption: str
    transaction: str
    security: str
    holder: str
    person: str
    amount: int
    classes: tuple[str, ...]
    sellers: tuple[Seller, ...] = ()


class RefusalRecorded(LedgerEvent):
    """A movement was refused, and the record says why.

    Attributes:
        venue: Where it was agreed; None for a draw on an allowance that names none.
        codes: Of the reasons, each once.
    """

    kind: ClassVar[str] = "token.RefusalRecorded"
    version: ClassVar[int] = 2
    security: str
    decision: str
    venue: str | None
    codes: tuple[str, ...]


class DecisionReviewed(LedgerEvent):
    """The regulator said something of a decision."""

    kind: ClassVar[str] = "token.DecisionReviewed"
    security: str
    decision: str
    review: str
    by: str
    note_hash: str


class HolderCounted(LedgerEvent):
    """A person is counted among the holders otherwise than before: it came, went, or was recounted.

    Attributes:
        accounts: Those in which it holds units; none when it left.
        classes: As what it is counted, sorted.
        owners: As how many it counts looked through.
    """

    kind: ClassVar[str] = "token.HolderCounted"
    security: str
    person: str
    accounts: tuple[str, ...]
    classes: tuple[str, ...]
    owners: int


class SecurityAccepted(LedgerEvent):
    """A holder wants to receive units of a security from now on, or no more."""

    kind: ClassVar[str] = "token.SecurityAccepted"
    security: str
    holder: str
    accepts: bool
