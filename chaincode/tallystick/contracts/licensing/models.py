"""The rows, arguments and results of licensing."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Sha256Hex, ShortText
from tallystick.contracts.powers import Power

MAX_LICENCES = 16
MAX_BATCH = 1000

# ISO 3166 alpha-2, with EU for the Union; XX stands for "everywhere", as users may assign it.
Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
ANYWHERE = "XX"


# --- rows ---


class LicenceClass(Model):
    """Row ``class (class)``: what licences of this class let their holders do."""

    licence_class: Identifier
    title: ShortText
    powers: Annotated[tuple[Power, ...], Field(max_length=16)]


class Licence(Model):
    """One licence of an organisation; at most one of each class and jurisdiction.

    Attributes:
        reference: Under which the authority keeps it, such as a number of registration.
        granted_by: MSP of the organisation that granted it.
        suspension: Why it does not count for now; None when it does.
        suspended_by: MSP of the organisation that suspended it.
    """

    licence_class: Identifier
    jurisdiction: Jurisdiction
    reference: ShortText
    valid_from: Instant
    valid_until: Instant
    granted_by: str
    suspension: str | None = None
    suspended_by: str | None = None


class Organization(Model):
    """Row ``organization (msp)``: its licences, and the identity that holds units for it.

    All licences of an organisation are one row, so that whether it may act is one read.

    Attributes:
        identity: The on-ledger identity that the organisation holds units by; None when it has
            none.
        category: What kind of venue or firm it calls itself.
        rulebook_hash: SHA-256 of the rules that it publishes.
    """

    licences: tuple[Licence, ...] = ()
    identity: str | None = None
    category: str | None = None
    rulebook_hash: str | None = None


class Conflict(Model):
    """Two powers that one organisation may not exercise on the same trade."""

    first: Power
    second: Power


class Conflicts(Model):
    """Row ``conflicts ()``: the pairs that conflict."""

    pairs: Annotated[tuple[Conflict, ...], Field(max_length=100)]


class Waiver(Model):
    """Row ``waiver (msp, power, power)``: the pair does not conflict for one organisation.

    Attributes:
        reason_hash: SHA-256 of the document that justifies it.
    """

    valid_until: Instant
    reason_hash: Sha256Hex
    granted_by: str


# --- arguments ---


class LicenceGrant(Model):
    """A licence for an organisation; in place of the one of the same class and jurisdiction."""

    organization: Identifier
    licence_class: Identifier
    jurisdiction: Jurisdiction = ANYWHERE
    reference: ShortText
    valid_from: Instant
    valid_until: Instant


class Description(Model):
    """What an organisation says of itself; each description replaces the one before."""

    category: Identifier | None = None
    rulebook_hash: Sha256Hex | None = None


class WaiverGrant(Model):
    """Leave for an organisation to exercise two powers that conflict."""

    organization: Identifier
    first: Power
    second: Power
    valid_until: Instant
    reason_hash: Sha256Hex


Grants = Annotated[tuple[LicenceGrant, ...], Field(min_length=1, max_length=MAX_BATCH)]
Classes = Annotated[tuple[LicenceClass, ...], Field(min_length=1, max_length=MAX_BATCH)]


# --- results ---


class OrganizationLine(Model):
    """One organisation among others."""

    organization: str
    licences: tuple[Licence, ...]
    identity: str | None
    category: str | None
    rulebook_hash: str | None


class OrganizationPage(Model):
    """Organisations, by MSP; pass the bookmark for the next page, empty after the last."""

    organizations: tuple[OrganizationLine, ...]
    bookmark: str
