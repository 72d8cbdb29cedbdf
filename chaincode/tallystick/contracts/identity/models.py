"""The rows, arguments and results of the identity contract."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent, canonical_hash
from tallystick.contracts.models import Identifier, Model, Salt, Sha256Hex, ShortText
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import ClaimMade, MandateGranted, Registration

# --- rows ---


class Identity(Model):
    """Row ``identity (id)``: a person or a firm, without personal data."""

    identity: str
    party: Literal["person", "firm"]
    data_hash: str | None
    registered_at: Instant


class IdentityKey(Model):
    """Row ``key (identity, key id)``; a revoked key stays, so that it cannot come back."""

    public_key: str
    purposes: tuple[Purpose, ...]
    revoked_at: Instant | None = None


class TopicTrust(Model):
    """Row ``topic (topic)``: whose claims of the topic count, sorted by id."""

    issuers: tuple[str, ...]


class Claim(Model):
    """Row ``claim (subject, topic, issuer)``: what the issuer said last, and with which key."""

    statement: ClaimMade
    key: str
    revoked_at: Instant | None = None


class Mandate(Model):
    """Row ``mandate (identity, participant)``: the latter may act for the former, for a time."""

    expires_at: Instant


# --- private rows: what hashes on the ledger stand for ---


class InvestorReference(Model):
    """Private row ``investor (identity)``: where those who may know find who an identity is.

    Attributes:
        country: ISO 3166 alpha-2 code.
        record: Place of the personal data, in a service off the ledger.
        salt: Random: a hash of few countries would give them away.
    """

    identity: Identifier
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    record: ShortText
    salt: Salt

    @property
    def data_hash(self) -> str:
        """What a registration says of it in public."""
        return canonical_hash(self)


class EvidenceReference(Model):
    """Private row ``evidence (subject, topic, issuer)``: what a claim rests on.

    Attributes:
        record: Place of the evidence, in a service off the ledger.
        document_hash: SHA-256 of the evidence.
        salt: Random.
    """

    subject: Identifier
    topic: Identifier
    issuer: Identifier
    record: ShortText
    document_hash: Sha256Hex
    salt: Salt

    @property
    def data_hash(self) -> str:
        """What a claim says of it in public."""
        return canonical_hash(self)


class References(Model):
    """References to what is known about investors: the secret argument, and what readers get."""

    investors: tuple[InvestorReference, ...] = ()
    evidence: tuple[EvidenceReference, ...] = ()


# --- onboarding in one transaction ---


class SignedRegistration(Model):
    """A registration and the proof that its management key is held."""

    statement: Registration
    intent: SignedIntent


class SignedClaim(Model):
    """A claim and its issuer's signature."""

    statement: ClaimMade
    intent: SignedIntent


class SignedMandate(Model):
    """A mandate and the signature of who gives it."""

    statement: MandateGranted
    intent: SignedIntent


class Onboarding(Model):
    """All that makes a newcomer able to hold securities, entered as one."""

    registration: SignedRegistration
    claims: tuple[SignedClaim, ...] = ()
    mandates: tuple[SignedMandate, ...] = ()


# --- results of queries ---


class IdentityView(Model):
    """What the ledger knows of an identity."""

    identity: Identity
    keys: tuple[IdentityKey, ...]
    claims: tuple[Claim, ...]


class Verification(Model):
    """Whether an identity fulfils requirements now, and everything that it lacks."""

    verified: bool
    reasons: tuple[Finding, ...]
