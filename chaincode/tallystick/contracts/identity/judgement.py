"""The answer to the question of ``parties``: what stands against an act, from all rows of identity.

Rows are fetched in two requests: those that the question names, and those that these lead to.
"""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import State, composite_key
from tallystick.contracts.accounts.accounts import Accounts
from tallystick.contracts.claims.claims import Claims, claims_key, topic_key
from tallystick.contracts.claims.rules import Judge
from tallystick.contracts.identities.identities import (
    Identities,
    identity_key,
    key_key,
    mandate_key,
)
from tallystick.contracts.identities.models import Identity
from tallystick.contracts.identities.rules import block_findings, mandate_findings
from tallystick.contracts.instants import Instant
from tallystick.contracts.licensing.licences import Licences, organization_key
from tallystick.contracts.parties import (
    Authority,
    Exercised,
    PartiesCheck,
    PartiesReport,
    Party,
    PartyReport,
    Profile,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import AccountReason, Finding, IdentityReason


class Judgement:
    """What is known of parties, and what stands against acts, at one moment."""

    def __init__(self, state: State, moment: Instant) -> None:
        self._state = state
        self._moment = moment
        self._identities = Identities(state)
        self._claims = Claims(state)
        self._licences = Licences(state)
        self._accounts = Accounts(state)

    def report(self, check: PartiesCheck) -> PartiesReport:
        """Return what stands against the parties, the authority and the organisations of an act."""
        self._read_ahead(check)
        authority = () if check.authority is None else self.authority_findings(check.authority)
        further = (self.authority_findings(each) for each in check.authorities)
        return PartiesReport.model_construct(
            parties=tuple(self.party(each) for each in check.parties),
            authority=tuple(authority),
            authorities=tuple(tuple(each) for each in further),
            licences=tuple(self._licences.findings(check.exercised, self._moment)),
            organizations=tuple(
                self._licences.standing(each, self._moment) for each in check.organizations
            ),
        )

    def party(self, party: Party) -> PartyReport:
        """Return who a party is, and everything that it lacks."""
        row = self._identities.find(party.identity)
        if row is None:
            unknown = IdentityReason.IDENTITY_UNKNOWN.finding(identity=party.identity)
            return PartyReport.model_construct(profile=None, findings=(unknown,))
        person = self._person(row)
        judge = Judge(
            subject=person.identity,
            claims=self._claims.about(person.identity).claims,
            key_of=self._identities.key,
            moment=self._moment,
            is_parting=party.is_parting,
        )
        findings = block_findings(person)
        if person is not row:
            findings += block_findings(row)
        for requirement in party.requirements:
            findings += judge.findings(requirement, self._claims.topic(requirement.topic))
        findings += self._account_findings(person.identity, party)
        profile = self._profile(row, person, party.topics, judge)
        return PartyReport.model_construct(profile=profile, findings=tuple(findings))

    def authority_findings(self, authority: Authority) -> Sequence[Finding]:
        """Return why a mandate or signatures do not count; a mandate needs a licence to use it.

        Of an identity that does not exist only that is said: it can give no mandate.
        """
        if authority.participant is None:
            return self._identities.signature_findings(authority)
        mandate = self._identities.mandate(authority.identity, authority.participant)
        if mandate is None and self._identities.find(authority.identity) is None:
            return [IdentityReason.IDENTITY_UNKNOWN.finding(identity=authority.identity)]
        findings = mandate_findings(
            mandate,
            identity=authority.identity,
            participant=authority.participant,
            moment=self._moment,
        )
        return findings or self._licences.findings([_acting(authority.participant)], self._moment)

    def _account_findings(self, identity: str, party: Party) -> Sequence[Finding]:
        venue = party.account_at
        if venue is None:
            return ()
        linked = self._accounts.links(identity, venue).accounts
        if linked and party.account in {None, *linked}:
            return ()
        return [AccountReason.ACCOUNT_NOT_LINKED.finding(identity=identity, venue=venue)]

    def _profile(
        self, row: Identity, person: Identity, topics: Sequence[str], judge: Judge
    ) -> Profile:
        organization = row.organization or person.organization
        licences = self._licences.live_classes(organization, self._moment) if organization else ()
        attested = (
            each for topic in topics for each in judge.attested(topic, self._claims.topic(topic))
        )
        return Profile.model_construct(
            identity=row.identity,
            person=person.identity,
            kind=person.party,
            organization=organization,
            licences=licences,
            attested=tuple(attested),
        )

    def _person(self, row: Identity) -> Identity:
        """Return the identity whose claims and keys a holder has."""
        return row if row.account_of is None else self._identities.require(row.account_of)

    # --- reading ahead ---

    def _read_ahead(self, check: PartiesCheck) -> None:
        identities = [party.identity for party in check.parties]
        topics = {
            topic
            for party in check.parties
            for topic in (*party.topics, *(each.topic for each in party.requirements))
        }
        keys = [identity_key(each) for each in identities]
        keys += [claims_key(each) for each in identities]
        keys += [topic_key(each) for each in sorted(topics)]
        keys += [organization_key(each.organization) for each in check.exercised]
        keys += [organization_key(each) for each in check.organizations]
        for authority in _authorities(check):
            keys += _keys_of_authority(authority)
        self._state.read_ahead(keys)
        self._state.read_ahead(self._keys_led_to(check, topics))

    def _keys_led_to(self, check: PartiesCheck, topics: set[str]) -> Iterator[str]:
        """Yield the keys of the rows that the rows of the question lead to."""
        for party in check.parties:
            row = self._identities.find(party.identity)
            if row is None:
                continue
            if row.organization is not None:
                yield organization_key(row.organization)
            if row.account_of is not None:
                yield identity_key(row.account_of)
                yield claims_key(row.account_of)
                continue
            for claim in self._claims.about(party.identity).claims:
                if (
                    claim.topic in topics
                    and claim.issuer in self._claims.topic(claim.topic).issuers
                ):
                    yield from (key_key(claim.issuer, each) for each in claim.keys)
        for authority in _authorities(check):
            yield from self._classes_of(authority)

    def _classes_of(self, authority: Authority) -> Iterator[str]:
        if authority.participant is not None:
            acting = self._licences.organization(authority.participant)
            yield from (composite_key("class", each.licence_class) for each in acting.licences)


def _authorities(check: PartiesCheck) -> Sequence[Authority]:
    first = () if check.authority is None else (check.authority,)
    return (*first, *check.authorities)


def _keys_of_authority(authority: Authority) -> Iterator[str]:
    if authority.participant is not None:
        yield mandate_key(authority.identity, authority.participant)
        return
    yield identity_key(authority.identity)
    yield from (key_key(authority.identity, each.key) for each in authority.signatures)


def _acting(participant: str) -> Exercised:
    return Exercised.model_construct(organization=participant, powers=(Power.ACT_FOR_CLIENTS,))
