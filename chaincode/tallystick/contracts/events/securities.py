"""Events: what securities are, and what is published about them."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import Dates
from tallystick.contracts.models import Identifier, Model, ShortText


class SecurityIdentifier(Model):
    """What a security is called elsewhere: scheme (``ISIN``, ``CUSIP``, …) and value."""

    scheme: Identifier
    value: ShortText


class RequiredClaim(Model):
    """A claim that holders of a security need, as its terms say."""

    topic: str
    level: int
    values: tuple[str, ...]
    issuers: tuple[str, ...]
    quorum: int


class SecurityCreated(LedgerEvent):
    """A security exists from now on, with nothing issued.

    Attributes:
        cap: The most units there may be; None without a cap.
        granularity: Units move in multiples of it.
        decimals: How many of a quantity's digits are shown after the point.
        on_sale: What becomes of lots' dates when units are sold.
        requirements: The claims that holders need.
    """

    kind: ClassVar[str] = "token.SecurityCreated"
    version: ClassVar[int] = 2
    security: str
    name: str
    issuer: str
    cap: int | None
    granularity: int
    decimals: int
    identifiers: tuple[SecurityIdentifier, ...]
    on_sale: Dates
    requirements: tuple[RequiredClaim, ...]


class SecurityAmended(LedgerEvent):
    """A security has another name or other identifiers.

    Attributes:
        number: Of the version of its terms.
    """

    kind: ClassVar[str] = "token.SecurityAmended"
    security: str
    number: int
    name: str
    identifiers: tuple[SecurityIdentifier, ...]


class SecurityPaused(LedgerEvent):
    """No units of a security move between holders until it is resumed."""

    kind: ClassVar[str] = "token.SecurityPaused"
    security: str
    reason: str


class SecurityResumed(LedgerEvent):
    """Units of a security move again."""

    kind: ClassVar[str] = "token.SecurityResumed"
    security: str


class SecurityDeactivated(LedgerEvent):
    """A security has ended: for ever, units can only be redeemed."""

    kind: ClassVar[str] = "token.SecurityDeactivated"
    security: str
    reason: str


class ChangesFolded(LedgerEvent):
    """So many rows of changes of a count are one row now; what they add up to stays."""

    kind: ClassVar[str] = "token.ChangesFolded"
    security: str
    count: str
    rows: int


class CapChanged(LedgerEvent):
    """There may be so many units at most; None without a cap."""

    kind: ClassVar[str] = "token.CapChanged"
    security: str
    cap: int | None


class IssuanceClosed(LedgerEvent):
    """No more units are ever issued."""

    kind: ClassVar[str] = "token.IssuanceClosed"
    security: str


class EnforcementRenounced(LedgerEvent):
    """Units of a security are never again moved against their holder's will."""

    kind: ClassVar[str] = "token.EnforcementRenounced"
    security: str


class RecordDateSet(LedgerEvent):
    """Who holds units of a security at a moment to come will be written down."""

    kind: ClassVar[str] = "token.RecordDateSet"
    security: str
    name: str
    at: Instant


class RecordDateCancelled(LedgerEvent):
    """A record date does not come."""

    kind: ClassVar[str] = "token.RecordDateCancelled"
    security: str
    name: str


class RecordDateSealed(LedgerEvent):
    """Who holds units of a security here, in the order of the ledger, is what counts.

    Attributes:
        turn: Its number among the turns of the security's timeline.
        at: The moment that was set for it.
    """

    kind: ClassVar[str] = "token.RecordDateSealed"
    security: str
    name: str
    turn: int
    at: Instant


class SecuritySplit(LedgerEvent):
    """For every ``old`` units of a security, whosever and wherever, there are ``new`` ones now.

    It is the one event of a split. Positions with their lots, holds, allowances, approvals, sales
    that count and the cap become what ``timelines`` says: rounded down, and without fractions where
    units are held.

    Attributes:
        turn: Its number among the turns of the security's timeline.
        number: Its number among the splits of all securities.
        at: Of the transaction.
        document_hash: Of the resolution.
    """

    kind: ClassVar[str] = "token.SecuritySplit"
    security: str
    turn: int
    number: int
    new: int
    old: int
    at: Instant
    document_hash: str


class DocumentPublished(LedgerEvent):
    """A document of a security has a new version.

    Attributes:
        uri: Where it can be read.
        document_hash: SHA-256, in hex.
        next_due_at: When the next version must be there; None when none must.
    """

    kind: ClassVar[str] = "token.DocumentPublished"
    security: str
    name: str
    number: int
    uri: str
    document_hash: str
    next_due_at: Instant | None


class DocumentRemoved(LedgerEvent):
    """A document no longer counts."""

    kind: ClassVar[str] = "token.DocumentRemoved"
    security: str
    name: str


class ProductListed(LedgerEvent):
    """How a security stands in the catalogue from now on.

    Attributes:
        risk_class: 1, the lowest, to 7.
        category: A word for what it is.
        summary_hash: Of the text that describes it to clients.
    """

    kind: ClassVar[str] = "token.ProductListed"
    security: str
    risk_class: int
    category: str
    summary_hash: str
