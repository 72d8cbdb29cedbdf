"""The rows, arguments and results that concern claims."""

from functools import cached_property
from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent, canonical_hash
from tallystick.contracts.models import (
    Identifier,
    Model,
    Quantity,
    Salt,
    Sha256Hex,
    ShortCode,
    ShortText,
)
from tallystick.contracts.parties import Attested
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import ClaimMade

MAX_CLAIMS = 64
MAX_ISSUERS = 50
MAX_BATCH = 1000

_A_YEAR_S = 366 * 24 * 3600

# --- rows ---


class Topic(Model):
    """Row ``topic (topic)``: whose claims of the topic count, and what they may say.

    Attributes:
        issuers: Those who are trusted, sorted by id.
        quorum: How many of them must say the same of somebody.
        grace_s: For how many seconds a claim that has ended still lets its subject give away.
        values: The vocabulary; empty when claims of the topic say nothing but a level.
    """

    issuers: tuple[str, ...] = ()
    quorum: int = 1
    grace_s: int = 0
    values: tuple[str, ...] = ()


class Claim(Model):
    """What an issuer said last about a subject on a topic, and with which keys it signed that.

    Attributes:
        version: How many the issuer has made about the subject on the topic, this one included.
        key: The first key that signed it.
        cosigners: Further keys that signed it.
        threshold: How many keys the issuer's control asked for then; it counts while as many of
            those that signed count.
    """

    topic: str
    issuer: str
    version: int
    level: int
    value: str | None
    data_hash: str
    valid_from: Instant
    valid_until: Instant
    key: str
    cosigners: tuple[str, ...] = ()
    threshold: int = 1
    revoked_at: Instant | None = None

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """All keys that signed it."""
        return (self.key, *self.cosigners)

    @cached_property
    def attested(self) -> Attested:
        """What rules are told of it while it counts."""
        return Attested.model_construct(
            topic=self.topic,
            issuer=self.issuer,
            version=self.version,
            level=self.level,
            value=self.value,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )


class SubjectClaims(Model):
    """Row ``claims (subject)``: all claims about an identity, by topic and issuer.

    One row, so that what a movement reads does not grow with the claims that its rules need.
    """

    claims: tuple[Claim, ...] = ()

    def find(self, topic: str, issuer: str) -> Claim | None:
        """Return the claim of an issuer on a topic, or None."""
        for claim in self.claims:
            if (claim.topic, claim.issuer) == (topic, issuer):
                return claim
        return None

    def having(self, claim: Claim) -> "SubjectClaims":
        """Return these claims with one in place of its issuer's earlier one on the topic."""
        place = (claim.topic, claim.issuer)
        kept = [each for each in self.claims if (each.topic, each.issuer) != place]
        ordered = sorted([*kept, claim], key=lambda each: (each.topic, each.issuer))
        return SubjectClaims(claims=tuple(ordered))


class BarredList(Model):
    """Row ``barred-list (issuer, list)``: the version that is in force.

    Attributes:
        list_hash: SHA-256 of the list as it was published.
    """

    version: int
    list_hash: str
    updated_at: Instant


# --- private rows ---


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


# --- arguments ---


class TopicTerms(Model):
    """What is asked of the claims of a topic."""

    topic: Identifier
    quorum: Annotated[int, Field(ge=1, le=MAX_ISSUERS)] = 1
    grace_s: Annotated[int, Field(ge=0, le=_A_YEAR_S)] = 0
    values: Annotated[tuple[ShortCode, ...], Field(max_length=300)] = ()


class SignedClaim(Model):
    """A claim and its issuer's signature."""

    statement: ClaimMade
    intent: SignedIntent


SignedClaims = Annotated[tuple[SignedClaim, ...], Field(min_length=1, max_length=MAX_BATCH)]


class OverdueQuestion(Model):
    """Which claims are asked for.

    Attributes:
        before: Such as now, for those that have ended, or a month ahead.
        level: The level that is asked now; claims below it are overdue too.
    """

    topic: Identifier
    before: Instant
    level: Quantity = 1


# --- results ---


class Verification(Model):
    """Whether an identity fulfils requirements now, and everything that it lacks."""

    verified: bool
    reasons: tuple[Finding, ...]


class OverdueLine(Model):
    """A claim that has ended, or ends soon, or is below a level."""

    subject: str
    claim: Claim


class OverduePage(Model):
    """Claims to be refreshed, by subject; pass the bookmark for the next page.

    Attributes:
        bookmark: Empty after the last page; a page may be empty and yet not be the last.
    """

    claims: tuple[OverdueLine, ...]
    bookmark: str
