"""The rows, arguments and results of the identity contract."""

from typing import Literal

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Model
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import ClaimMade, MandateGranted, Registration

# --- rows ---


class Identity(Model):
    """Row ``identity (id)``: a person or a firm, without personal data."""

    identity: str
    party: Literal["person", "firm"]
    country: str | None
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
