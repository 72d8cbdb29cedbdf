"""When claims count. Pure: rows and the moment come in, findings go out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tallystick.contracts.claims.models import Claim, OverdueQuestion, Topic
from tallystick.contracts.identities.models import IdentityKey
from tallystick.contracts.instants import Instant, later
from tallystick.contracts.parties import Attested, Requirement
from tallystick.contracts.purposes import Purpose, serves
from tallystick.contracts.reasons import ClaimReason, Finding

KeyOf = Callable[[str, str], IdentityKey | None]
"""Returns a key of an identity, by the identity and the key's name."""

Judged = tuple[Claim, Finding | None]
"""A claim, and why it does not count; None when it does."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the claims about one identity at one moment.

    Attributes:
        subject: Whom they are about.
        claims: All claims about it.
        key_of: The keys of issuers, as they stand now.
        moment: Now.
        is_parting: Whether grace counts, since the subject only gives away.

    What counts on a topic is worked out when it is first asked about.
    """

    subject: str
    claims: Sequence[Claim]
    key_of: KeyOf
    moment: Instant
    is_parting: bool = False
    _judged: dict[str, list[Judged]] = field(default_factory=dict, init=False)

    def findings(self, requirement: Requirement, topic: Topic) -> list[Finding]:
        """Return why the subject does not fulfil a requirement; nothing when it does.

        Where several issuers must say so, they must say the same.
        """
        trusted = trusted_issuers(requirement, topic)
        facts = {"identity": self.subject, "topic": requirement.topic}
        if not trusted:
            return [ClaimReason.TOPIC_WITHOUT_ISSUER.finding(**facts)]
        quorum = max(requirement.quorum, topic.quorum)
        findings: list[Finding] = []
        agreeing: dict[str | None, int] = {}
        for claim, objection in self._on(requirement.topic, topic):
            if claim.issuer not in trusted:
                continue
            finding = objection or _shortcoming(self.subject, claim, requirement)
            if finding is None:
                given = agreeing[claim.value] = agreeing.get(claim.value, 0) + 1
                if given >= quorum:
                    return []
            else:
                findings.append(finding)
        if agreeing:
            given = max(agreeing.values())
            findings.append(
                ClaimReason.CLAIM_QUORUM_MISSED.finding(**facts, given=given, quorum=quorum)
            )
        return findings or [ClaimReason.CLAIM_MISSING.finding(**facts)]

    def attested(self, name: str, topic: Topic) -> Iterator[Attested]:
        """Yield the claims on a topic that count, by issuer.

        Where the topic asks for several issuers, a claim counts when as many say the same value at
        its level or above.
        """
        live = [claim for claim, objection in self._on(name, topic) if objection is None]
        for claim in live:
            if _agreeing(claim, live) >= topic.quorum:
                yield claim.attested

    def _on(self, name: str, topic: Topic) -> Sequence[Judged]:
        """Return the claims on a topic of those whom it trusts, judged."""
        judged = self._judged.get(name)
        if judged is None:
            judged = self._judged[name] = [
                (claim, self._finding(claim, topic))
                for claim in self.claims
                if claim.topic == name and claim.issuer in topic.issuers
            ]
        return judged

    def _finding(self, claim: Claim, topic: Topic) -> Finding | None:
        """Return why a trusted issuer's claim does not count, or None when it does."""
        facts = {"topic": claim.topic, "issuer": claim.issuer, "identity": self.subject}
        if claim.issuer == self.subject:
            return ClaimReason.CLAIM_SELF_MADE.finding(**facts)
        if claim.revoked_at is not None:
            return ClaimReason.CLAIM_REVOKED.finding(**facts)
        if self.moment < claim.valid_from:
            return ClaimReason.CLAIM_NOT_YET_VALID.finding(**facts, valid_from=claim.valid_from)
        if self.moment >= claim.valid_until and not self._within_grace(claim, topic):
            return ClaimReason.CLAIM_EXPIRED.finding(**facts, valid_until=claim.valid_until)
        live = sum([self._counts(claim.issuer, key) for key in claim.keys])
        if live < claim.threshold:
            return ClaimReason.CLAIM_KEY_REVOKED.finding(**facts)
        return None

    def _counts(self, issuer: str, name: str) -> bool:
        """Return whether what a key of an issuer signed still counts."""
        key = self.key_of(issuer, name)
        return key is not None and key.revoked_at is None and serves(key.purposes, Purpose.CLAIM)

    def _within_grace(self, claim: Claim, topic: Topic) -> bool:
        return self.is_parting and self.moment < later(claim.valid_until, topic.grace_s)


def trusted_issuers(requirement: Requirement, topic: Topic) -> tuple[str, ...]:
    """Return whose claims fulfil a requirement: never more than those whom the topic trusts."""
    if not requirement.issuers:
        return topic.issuers
    return tuple(each for each in topic.issuers if each in requirement.issuers)


def is_overdue(claim: Claim, question: OverdueQuestion) -> bool:
    """Return whether a claim of the topic ends before the moment, or is below the level, asked."""
    if claim.topic != question.topic or claim.revoked_at is not None:
        return False
    return claim.valid_until <= question.before or claim.level < question.level


def _agreeing(claim: Claim, claims: Sequence[Claim]) -> int:
    return sum(each.value == claim.value and each.level >= claim.level for each in claims)


def _shortcoming(subject: str, claim: Claim, requirement: Requirement) -> Finding | None:
    """Return what a claim that counts falls short of, or None when it suffices."""
    facts = {"topic": claim.topic, "issuer": claim.issuer, "identity": subject}
    if claim.level < requirement.level:
        return ClaimReason.CLAIM_LEVEL_TOO_LOW.finding(
            **facts, level=claim.level, required=requirement.level
        )
    if requirement.values and claim.value not in requirement.values:
        return ClaimReason.CLAIM_VALUE_DIFFERS.finding(
            **facts, value=claim.value or "nothing", required=" or ".join(requirement.values)
        )
    return None
