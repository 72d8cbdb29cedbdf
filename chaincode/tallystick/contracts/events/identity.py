"""Events: organisations, identities, keys, claims and mandates."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant


class IdentityRegistered(LedgerEvent):
    """An identity exists from now on."""

    kind: ClassVar[str] = "identity.IdentityRegistered"
    version: ClassVar[int] = 2
    identity: str
    party: str
    data_hash: str | None


class ReferenceKept(LedgerEvent):
    """Those who may know have the reference with this hash, which an identity or a claim names."""

    kind: ClassVar[str] = "identity.ReferenceKept"
    identity: str
    data_hash: str


class SubAccountOpened(LedgerEvent):
    """An identity has a further line of the register."""

    kind: ClassVar[str] = "identity.SubAccountOpened"
    identity: str
    account: str


class ControlChanged(LedgerEvent):
    """So many keys of an identity must sign together from now on."""

    kind: ClassVar[str] = "identity.ControlChanged"
    identity: str
    management: int
    action: int
    claim: int


class KeyAdded(LedgerEvent):
    """An identity has one more key.

    Attributes:
        wallet: The wallet that it belongs to, if it entered with one.
    """

    kind: ClassVar[str] = "identity.KeyAdded"
    version: ClassVar[int] = 2
    identity: str
    key: str
    public_key: str
    purposes: tuple[str, ...]
    wallet: str | None


class KeyRetired(LedgerEvent):
    """A key signs nothing more; what it signed before stands."""

    kind: ClassVar[str] = "identity.KeyRetired"
    identity: str
    key: str


class KeyRevoked(LedgerEvent):
    """A key counts no longer, nor do the claims signed with it."""

    kind: ClassVar[str] = "identity.KeyRevoked"
    identity: str
    key: str


class MandateSet(LedgerEvent):
    """A participant may act for an identity until a moment."""

    kind: ClassVar[str] = "identity.MandateSet"
    identity: str
    participant: str
    expires_at: Instant


class MandateRevoked(LedgerEvent):
    """A participant may no longer act for an identity."""

    kind: ClassVar[str] = "identity.MandateRevoked"
    identity: str
    participant: str


class IdentityRecovered(LedgerEvent):
    """All keys of an identity were replaced; events before this one tell which.

    Attributes:
        by: MSP of the organisation that answers for it.
    """

    kind: ClassVar[str] = "identity.IdentityRecovered"
    identity: str
    evidence_hash: str
    by: str


class AccessGranted(LedgerEvent):
    """A participant may read fields about an identity at a service, until a moment."""

    kind: ClassVar[str] = "identity.AccessGranted"
    identity: str
    grant: str
    service: str
    grantee: str
    fields: tuple[str, ...]
    reason: str
    expires_at: Instant


class AccessWithdrawn(LedgerEvent):
    """A grant of access has ended."""

    kind: ClassVar[str] = "identity.AccessWithdrawn"
    identity: str
    grant: str


class AccessRecorded(LedgerEvent):
    """A service has let the grantee read these fields."""

    kind: ClassVar[str] = "identity.AccessRecorded"
    identity: str
    grant: str
    fields: tuple[str, ...]
