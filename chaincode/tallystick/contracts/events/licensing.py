"""Events: organisations, their licences, and the separation of functions."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant


class LicenceClassDefined(LedgerEvent):
    """Licences of this class convey these powers from now on, those already granted included."""

    kind: ClassVar[str] = "identity.LicenceClassDefined"
    licence_class: str
    title: str
    powers: tuple[str, ...]


class LicenceGranted(LedgerEvent):
    """An organisation has a licence, in place of the one of the same class and jurisdiction.

    Attributes:
        by: MSP of the organisation that granted it.
    """

    kind: ClassVar[str] = "identity.LicenceGranted"
    organization: str
    licence_class: str
    jurisdiction: str
    reference: str
    valid_from: Instant
    valid_until: Instant
    by: str


class LicenceSuspended(LedgerEvent):
    """A licence does not count until it is resumed."""

    kind: ClassVar[str] = "identity.LicenceSuspended"
    organization: str
    licence_class: str
    jurisdiction: str
    reason: str
    by: str


class LicenceResumed(LedgerEvent):
    """A suspended licence counts again."""

    kind: ClassVar[str] = "identity.LicenceResumed"
    organization: str
    licence_class: str
    jurisdiction: str
    by: str


class LicenceRevoked(LedgerEvent):
    """An organisation has a licence no longer."""

    kind: ClassVar[str] = "identity.LicenceRevoked"
    organization: str
    licence_class: str
    jurisdiction: str
    reason: str
    by: str


class ConflictsSet(LedgerEvent):
    """These pairs of powers, and no others, conflict from now on."""

    kind: ClassVar[str] = "identity.ConflictsSet"
    pairs: tuple[tuple[str, str], ...]
    by: str


class WaiverGranted(LedgerEvent):
    """An organisation may exercise two powers that conflict, until a moment."""

    kind: ClassVar[str] = "identity.WaiverGranted"
    organization: str
    first: str
    second: str
    valid_until: Instant
    reason_hash: str
    by: str


class WaiverRevoked(LedgerEvent):
    """An organisation may no longer exercise two powers that conflict."""

    kind: ClassVar[str] = "identity.WaiverRevoked"
    organization: str
    first: str
    second: str
    by: str


class OrganizationDescribed(LedgerEvent):
    """An organisation says this of itself from now on, and nothing else."""

    kind: ClassVar[str] = "identity.OrganizationDescribed"
    organization: str
    category: str | None
    rulebook_hash: str | None


class OrganizationRepresented(LedgerEvent):
    """An organisation holds units by an identity from now on; None ends it."""

    kind: ClassVar[str] = "identity.OrganizationRepresented"
    organization: str
    identity: str | None
