"""What people put their signature under: one model per act, with every term of the act in it.

Identities (investors, claim issuers) have keys of their own and no certificate, so a participant
submits their acts together with a signature. The contract rebuilds the statement from what it is
asked to do, so a signature fits one act only. ``intents`` says how a statement becomes the bytes
that are signed.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex, ShortText
from tallystick.contracts.purposes import Purpose


class Statement(Model):
    """One act of an identity.

    Attributes:
        contract: The chaincode that the act is addressed to; no other accepts it.
        kind: The word for the act within that contract.
        purpose: What the signing key must be for.
    """

    contract: ClassVar[str]
    kind: ClassVar[str]
    purpose: ClassVar[Purpose] = Purpose.ACTION


# --- identity ---


class NewKey(Model):
    """A public key, as PEM or base64 of DER (SPKI), and what it will be for."""

    public_key: Annotated[str, StringConstraints(max_length=500)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]


class Registration(Statement):
    """I am this identity, and these are my keys. No personal data: that never enters the ledger.

    Attributes:
        data_hash: Hash of an `InvestorReference`; what it refers to stays with those who may know.
    """

    contract = "identity"
    kind = "register"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    party: Literal["person", "firm"]
    data_hash: Sha256Hex | None = None
    keys: Annotated[tuple[NewKey, ...], Field(min_length=1, max_length=20)]


class KeyAddition(Statement):
    """I have one more key."""

    contract = "identity"
    kind = "add_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    key: NewKey


class KeyRotation(Statement):
    """One of my keys is replaced by another in the same instant."""

    contract = "identity"
    kind = "rotate_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    old: Sha256Hex
    new: NewKey


class KeyRevocation(Statement):
    """One of my keys counts no longer; nor does any claim that I signed with it."""

    contract = "identity"
    kind = "revoke_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    key: Sha256Hex


class ClaimMade(Statement):
    """I, the issuer, attest something about a subject, for a time.

    Attributes:
        level: How thorough the check was, from 1 up; what the levels mean is the topic's affair.
        data_hash: Hash of an `EvidenceReference`; the evidence itself stays off the ledger.
    """

    contract = "identity"
    kind = "claim"
    purpose = Purpose.CLAIM

    subject: Identifier
    topic: Identifier
    issuer: Identifier
    level: Quantity = 1
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


class MandateGranted(Statement):
    """A participant (its MSP) may act for me until a moment: my broker-dealer, my custodian."""

    contract = "identity"
    kind = "grant_mandate"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    participant: Identifier
    expires_at: Instant


class MandateWithdrawn(Statement):
    """A participant may no longer act for me."""

    contract = "identity"
    kind = "revoke_mandate"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    participant: Identifier


# --- token and cash ---


class UnitsSent(Statement):
    """I transfer units of a security."""

    contract = "token"
    kind = "transfer"

    security: Identifier
    sender: Identifier
    receiver: Identifier
    quantity: Quantity


class UnitsAllowed(Statement):
    """A participant may draw so many of my units, until a moment; replaces what it might before."""

    contract = "token"
    kind = "approve"

    security: Identifier
    holder: Identifier
    spender: Identifier
    quantity: Quantity
    expires_at: Instant


class AllowanceWithdrawn(Statement):
    """A participant may draw no more of my units."""

    contract = "token"
    kind = "revoke_allowance"

    security: Identifier
    holder: Identifier
    spender: Identifier


class MoneySent(Statement):
    """I pay an amount."""

    contract = "cash"
    kind = "transfer"

    cash: Identifier
    sender: Identifier
    receiver: Identifier
    amount: Quantity


# --- settlement ---

Side = Literal["buyer", "seller"]


class Consent(Statement):
    """I agree, on my side, to a trade with exactly the terms that have this hash."""

    contract = "settlement"
    kind = "consent"

    trade: Identifier
    side: Side
    party: Identifier
    terms_hash: Sha256Hex


class Withdrawal(Statement):
    """I no longer want a trade whose legs are not locked yet."""

    contract = "settlement"
    kind = "withdraw"

    trade: Identifier
    side: Side
    party: Identifier
    reason: ShortText
