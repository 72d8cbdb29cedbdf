"""What the settlement contract tells the token contract of an offering, and what it asks of it.

An offering is settlement's affair, the rules by which units may be issued are the token's: so the
terms that rules rest on travel from the one to the other, and are compared there.
"""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.lots import Origin
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex
from tallystick.contracts.reasons import Finding

MAX_SUBSCRIBERS = 500
"""Of one page of an issue: each page is one transaction."""


class Offer(Model):
    """The terms of an offering that a security must agree with.

    Attributes:
        issuer: MSP of who offers.
        splits_seen: How many splits, of all securities together, there had been when it was
            announced: it is in the units of then.
        unit_price: What a unit costs, in minor units of money.
        multiple: Units are allotted in multiples of it.
        pack: Of the exemption by which they are offered, with its version.
        origin: What is said of the units when they are issued; it names the exemption.
        identifiers: What the security is called elsewhere.
        is_solicited: Whether the offering is advertised.
        is_approved: Whether an authority has approved it.
        document_hash: SHA-256 of the terms, in hex.
    """

    security: Identifier
    issuer: str
    splits_seen: int
    unit_price: Quantity
    multiple: Quantity
    pack: Identifier
    pack_version: Quantity
    origin: Origin
    identifiers: tuple[SecurityIdentifier, ...]
    is_solicited: bool
    is_approved: bool
    document_hash: Sha256Hex


class Allotment(Model):
    """Units for one holder."""

    holder: Identifier
    quantity: Quantity


class OfferReport(Model):
    """What stands against an offering, and against allotments in it; nothing when nothing does."""

    findings: tuple[Finding, ...]


Allotments = Annotated[tuple[Allotment, ...], Field(max_length=MAX_SUBSCRIBERS)]
