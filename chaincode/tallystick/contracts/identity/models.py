"""Arguments and results that concern identities together with the claims about them."""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.claims.models import (
    MAX_BATCH,
    Claim,
    EvidenceReference,
    SignedClaim,
)
from tallystick.contracts.identities.models import Identity, IdentityKey, InvestorReference
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Model
from tallystick.contracts.statements import AccountLinked, MandateGranted, Registration

# --- onboarding in one transaction ---


class SignedRegistration(Model):
    """A registration and the proof that its keys are held."""

    statement: Registration
    intent: SignedIntent


class SignedMandate(Model):
    """A mandate and the signature of who gives it."""

    statement: MandateGranted
    intent: SignedIntent


class SignedAccountLink(Model):
    """The answer to a venue's challenge, signed by the identity that answers."""

    statement: AccountLinked
    intent: SignedIntent


class Onboarding(Model):
    """All that makes a newcomer able to hold securities, entered as one.

    Attributes:
        accounts: Links to accounts that the newcomer has already, made in the same step.
    """

    registration: SignedRegistration
    claims: Annotated[tuple[SignedClaim, ...], Field(max_length=50)] = ()
    mandates: Annotated[tuple[SignedMandate, ...], Field(max_length=50)] = ()
    accounts: Annotated[tuple[SignedAccountLink, ...], Field(max_length=50)] = ()


Newcomers = Annotated[tuple[Onboarding, ...], Field(max_length=MAX_BATCH)]


# --- references off the ledger ---


class References(Model):
    """References to what is known about investors: the secret argument, and what readers get."""

    investors: Annotated[tuple[InvestorReference, ...], Field(max_length=MAX_BATCH)] = ()
    evidence: Annotated[tuple[EvidenceReference, ...], Field(max_length=MAX_BATCH)] = ()


# --- results of queries ---


class IdentityView(Model):
    """What the ledger knows of an identity."""

    identity: Identity
    keys: tuple[IdentityKey, ...]
    claims: tuple[Claim, ...]
