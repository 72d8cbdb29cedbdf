"""The rows of the identity contract: where each lies and how it is read and written."""

from collections.abc import Iterator

from tallystick.chaincode import State, composite_key
from tallystick.contracts.identity.models import (
    Claim,
    Identity,
    IdentityKey,
    Mandate,
    TopicTrust,
)
from tallystick.contracts.identity.rules import (
    ClaimEvidence,
    key_counts,
    mandate_findings,
    requirement_findings,
)
from tallystick.contracts.instants import Instant
from tallystick.contracts.keys import is_signature
from tallystick.contracts.parties import Authority, PartiesCheck, PartiesReport, Party, Requirement
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import Finding, Reason


class Registry:
    """Identities, keys, trust, claims and mandates as one transaction sees them."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- identities and keys ---

    def identity(self, identity: str) -> Identity | None:
        """Return an identity, or None."""
        return self._state.load(composite_key("identity", identity), Identity)

    def save_identity(self, row: Identity) -> None:
        """Write an identity."""
        self._state.save(composite_key("identity", row.identity), row)

    def require_identity(self, identity: str) -> Identity:
        """Return an identity; refuse with IDENTITY_UNKNOWN when there is none."""
        row = self.identity(identity)
        if row is None:
            raise Reason.IDENTITY_UNKNOWN.refusal(identity=identity)
        return row

    def key(self, identity: str, key: str) -> IdentityKey | None:
        """Return a key of an identity, revoked or not, or None."""
        return self._state.load(composite_key("key", identity, key), IdentityKey)

    def save_key(self, identity: str, key: str, row: IdentityKey) -> None:
        """Write a key."""
        self._state.save(composite_key("key", identity, key), row)

    def keys(self, identity: str) -> Iterator[IdentityKey]:
        """Yield all keys of an identity, revoked ones included."""
        for _, value in self._state.partial("key", identity):
            yield IdentityKey.model_validate_json(value)

    # --- trust and claims ---

    def issuers(self, topic: str) -> tuple[str, ...]:
        """Return who is trusted to make claims of a topic, sorted."""
        row = self._state.load(composite_key("topic", topic), TopicTrust)
        return row.issuers if row else ()

    def save_issuers(self, topic: str, issuers: tuple[str, ...]) -> None:
        """Write who is trusted for a topic."""
        self._state.save(composite_key("topic", topic), TopicTrust(issuers=issuers))

    def claim(self, subject: str, topic: str, issuer: str) -> Claim | None:
        """Return what an issuer said last about a subject on a topic, or None."""
        return self._state.load(composite_key("claim", subject, topic, issuer), Claim)

    def save_claim(self, row: Claim) -> None:
        """Write a claim in place of the issuer's earlier one on the same."""
        made = row.statement
        self._state.save(composite_key("claim", made.subject, made.topic, made.issuer), row)

    def claims(self, subject: str) -> Iterator[Claim]:
        """Yield all claims about a subject."""
        for _, value in self._state.partial("claim", subject):
            yield Claim.model_validate_json(value)

    # --- mandates ---

    def mandate(self, identity: str, participant: str) -> Mandate | None:
        """Return the mandate of an identity for a participant, or None."""
        return self._state.load(composite_key("mandate", identity, participant), Mandate)

    def save_mandate(self, identity: str, participant: str, row: Mandate) -> None:
        """Write a mandate."""
        self._state.save(composite_key("mandate", identity, participant), row)

    def delete_mandate(self, identity: str, participant: str) -> None:
        """Remove a mandate."""
        self._state.delete(composite_key("mandate", identity, participant))

    # --- judgements ---

    def report(self, check: PartiesCheck, moment: Instant) -> PartiesReport:
        """Return what stands against the parties and the authority of an act at ``moment``."""
        self._read_ahead(check)
        authority = self._authority_findings(check.authority, moment) if check.authority else []
        return PartiesReport(
            parties=tuple(tuple(self.party_findings(party, moment)) for party in check.parties),
            authority=tuple(authority),
        )

    def _read_ahead(self, check: PartiesCheck) -> None:
        """Fetch what a report reads, in as few requests as rows lead on to others."""
        keys = [composite_key("identity", party.identity) for party in check.parties]
        needs = [
            (party.identity, each.topic) for party in check.parties for each in party.requirements
        ]
        keys += [composite_key("topic", topic) for _, topic in needs]
        if (authority := check.authority) is not None:
            keys.append(
                composite_key("key", authority.identity, authority.key)
                if authority.participant is None
                else composite_key("mandate", authority.identity, authority.participant)
            )
        self._state.read_ahead(keys)
        claims = [
            (subject, topic, issuer) for subject, topic in needs for issuer in self.issuers(topic)
        ]
        self._state.read_ahead(composite_key("claim", *claim) for claim in claims)
        made = (self.claim(*claim) for claim in claims)
        self._state.read_ahead(
            composite_key("key", row.statement.issuer, row.key) for row in made if row is not None
        )

    def party_findings(self, party: Party, moment: Instant) -> list[Finding]:
        """Return everything that a party lacks."""
        if self.identity(party.identity) is None:
            return [Reason.IDENTITY_UNKNOWN.finding(identity=party.identity)]
        findings: list[Finding] = []
        for requirement in party.requirements:
            issuers = self.issuers(requirement.topic)
            findings += requirement_findings(
                party.identity,
                requirement,
                issuers=issuers,
                evidence=self._evidence(party.identity, requirement, issuers),
                moment=moment,
            )
        return findings

    def signature_findings(self, authority: Authority, purpose: Purpose) -> list[Finding]:
        """Return why a signature does not count for ``purpose``."""
        key = self.key(authority.identity, authority.key)
        if key is None or not key_counts(key, purpose):
            return [
                Reason.INTENT_KEY_UNKNOWN.finding(
                    signer=authority.identity, key=authority.key, purpose=purpose
                )
            ]
        if not is_signature(key.public_key, authority.signature, authority.payload.encode()):
            return [Reason.INTENT_SIGNATURE_INVALID.finding(signer=authority.identity)]
        return []

    def _authority_findings(self, authority: Authority, moment: Instant) -> list[Finding]:
        if authority.participant is None:
            return self.signature_findings(authority, Purpose.ACTION)
        return mandate_findings(
            self.mandate(authority.identity, authority.participant),
            identity=authority.identity,
            participant=authority.participant,
            moment=moment,
        )

    def _evidence(
        self, subject: str, requirement: Requirement, issuers: tuple[str, ...]
    ) -> Iterator[ClaimEvidence]:
        for issuer in issuers:
            claim = self.claim(subject, requirement.topic, issuer)
            if claim is not None:
                yield ClaimEvidence(claim, self.key(issuer, claim.key))
