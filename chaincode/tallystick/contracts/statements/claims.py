"""What claim issuers sign: claims, and lists of those who are barred."""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Quantity, Sha256Hex, ShortCode
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements.base import Statement


class ClaimMade(Statement):
    """I, the issuer, attest something about a subject, for a time.

    Attributes:
        level: How thorough the check was, from 1 up; what the levels mean is the topic's affair.
        value: A word of the topic's vocabulary, such as a country; None where being attested is
            all there is to say.
        data_hash: Hash of an `EvidenceReference`; the evidence itself stays off the ledger.
    """

    contract = "identity"
    kind = "claim"
    purpose = Purpose.CLAIM

    subject: Identifier
    topic: Identifier
    issuer: Identifier
    level: Quantity = 1
    value: ShortCode | None = None
    data_hash: Sha256Hex
    valid_from: Instant
    valid_until: Instant


class ClaimWithdrawn(Statement):
    """I, the issuer, no longer attest it."""

    contract = "identity"
    kind = "revoke_claim"
    purpose = Purpose.CLAIM

    subject: Identifier
    topic: Identifier
    issuer: Identifier


Identities = Annotated[tuple[Identifier, ...], Field(max_length=1000)]


class ListUpdated(Statement):
    """My list of the barred has a new version, which these identities enter or leave.

    Attributes:
        list_name: Which of my lists.
        version: One more than the version before.
        list_hash: SHA-256 of the list as it was published; names stay off the ledger.
    """

    contract = "identity"
    kind = "update_list"
    purpose = Purpose.CLAIM

    issuer: Identifier
    list_name: Identifier
    version: Quantity
    list_hash: Sha256Hex
    added: Identities = ()
    removed: Identities = ()
