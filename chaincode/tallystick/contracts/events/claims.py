"""Events: claims, whose word counts, and who is barred."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant


class IssuerTrusted(LedgerEvent):
    """Claims of this topic by this issuer count from now on."""

    kind: ClassVar[str] = "identity.IssuerTrusted"
    topic: str
    issuer: str


class IssuerDistrusted(LedgerEvent):
    """Claims of this topic by this issuer count no longer."""

    kind: ClassVar[str] = "identity.IssuerDistrusted"
    topic: str
    issuer: str


class TopicSet(LedgerEvent):
    """This is asked of the claims of a topic from now on."""

    kind: ClassVar[str] = "identity.TopicSet"
    topic: str
    quorum: int
    grace_s: int
    values: tuple[str, ...]


class ClaimAdded(LedgerEvent):
    """An issuer attests something; this replaces what it attested on the topic before.

    Attributes:
        key: The first key that signed it.
        cosigners: Further keys that signed it.
        threshold: As many of them must count as long as it counts.
        claim_version: How many the issuer has made about the subject on the topic.
    """

    kind: ClassVar[str] = "identity.ClaimAdded"
    version: ClassVar[int] = 3
    subject: str
    topic: str
    issuer: str
    level: int
    value: str | None
    data_hash: str
    valid_from: Instant
    valid_until: Instant
    key: str
    cosigners: tuple[str, ...]
    threshold: int
    claim_version: int


class ClaimRevoked(LedgerEvent):
    """An issuer takes a claim back."""

    kind: ClassVar[str] = "identity.ClaimRevoked"
    version: ClassVar[int] = 2
    subject: str
    topic: str
    issuer: str
    claim_version: int


class ListUpdated(LedgerEvent):
    """A list of the barred has a new version."""

    kind: ClassVar[str] = "identity.ListUpdated"
    issuer: str
    list_name: str
    list_version: int
    list_hash: str


class IdentityBarred(LedgerEvent):
    """A list names an identity: nothing of it moves from now on, pending trades included."""

    kind: ClassVar[str] = "identity.IdentityBarred"
    identity: str
    issuer: str
    list_name: str


class IdentityCleared(LedgerEvent):
    """A list names an identity no longer."""

    kind: ClassVar[str] = "identity.IdentityCleared"
    identity: str
    issuer: str
    list_name: str
