"""The rows, arguments and results that concern listings."""

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Sha256Hex


class ListingTerms(Model):
    """A venue's approval of a security, on the terms on which it is traded there.

    Attributes:
        due_diligence_hash: SHA-256 of the document that says why it was approved.
        accounts_required: Whether each side of a trade must have an account at the venue, linked to
            its identity.
    """

    security: Identifier
    due_diligence_hash: Sha256Hex
    accounts_required: bool = False


class Listing(Model):
    """Row ``listing (security, venue)``; it stays when it has ended, and can be renewed.

    Attributes:
        ended: Why it has ended; None while the security is traded there.
    """

    terms: ListingTerms
    listed_at: Instant
    ended: str | None = None


class ListingLine(Model):
    """One listing among others."""

    venue: str
    listing: Listing
