"""When a claim, a key or a mandate counts. Pure: rows and the moment come in, findings go out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tallystick.contracts.identity.models import Claim, IdentityKey, Mandate
from tallystick.contracts.instants import Instant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.purposes import Purpose, serves
from tallystick.contracts.reasons import Finding, Reason


@dataclass(frozen=True, slots=True)
class ClaimEvidence:
    """A claim and its issuer's key that signed it, as they stand now."""

    claim: Claim
    key: IdentityKey | None


def key_counts(key: IdentityKey | None, purpose: Purpose) -> bool:
    """Return whether a key may sign for ``purpose`` now."""
    return key is not None and key.revoked_at is None and serves(key.purposes, purpose)


def claim_finding(
    evidence: ClaimEvidence, requirement: Requirement, moment: Instant
) -> Finding | None:
    """Return why a trusted issuer's claim does not fulfil a requirement, or None when it does."""
    claim = evidence.claim.statement
    facts = {"topic": claim.topic, "issuer": claim.issuer, "identity": claim.subject}
    if evidence.claim.revoked_at is not None:
        return Reason.CLAIM_REVOKED.finding(**facts)
    if moment < claim.valid_from:
        return Reason.CLAIM_NOT_YET_VALID.finding(**facts, valid_from=claim.valid_from)
    if moment >= claim.valid_until:
        return Reason.CLAIM_EXPIRED.finding(**facts, valid_until=claim.valid_until)
    if claim.level < requirement.level:
        return Reason.CLAIM_LEVEL_TOO_LOW.finding(
            **facts, level=claim.level, required=requirement.level
        )
    if not key_counts(evidence.key, Purpose.CLAIM):
        return Reason.CLAIM_KEY_REVOKED.finding(**facts)
    return None


def requirement_findings(
    identity: str,
    requirement: Requirement,
    *,
    issuers: Sequence[str],
    evidence: Iterable[ClaimEvidence],
    moment: Instant,
) -> list[Finding]:
    """Return why an identity does not fulfil a requirement; nothing when one claim suffices.

    Args:
        identity: Who must fulfil it.
        requirement: Topic and level.
        issuers: Who is trusted for the topic; nobody means that nobody can fulfil it.
        evidence: The claims of those issuers about the identity; read no further than needed.
        moment: Now.
    """
    if not issuers:
        return [Reason.TOPIC_WITHOUT_ISSUER.finding(identity=identity, topic=requirement.topic)]
    findings = []
    for each in evidence:
        finding = claim_finding(each, requirement, moment)
        if finding is None:
            return []
        findings.append(finding)
    return findings or [Reason.CLAIM_MISSING.finding(identity=identity, topic=requirement.topic)]


def mandate_findings(
    mandate: Mandate | None, *, identity: str, participant: str, moment: Instant
) -> list[Finding]:
    """Return why a participant may not act for an identity."""
    if mandate is None:
        return [Reason.MANDATE_MISSING.finding(identity=identity, participant=participant)]
    if moment >= mandate.expires_at:
        return [
            Reason.MANDATE_EXPIRED.finding(
                identity=identity, participant=participant, expires_at=mandate.expires_at
            )
        ]
    return []
