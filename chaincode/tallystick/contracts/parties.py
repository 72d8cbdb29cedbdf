"""The one question that other contracts ask the identity contract, and its answer.

Who are these parties, and have they the claims they need? Does this signature or mandate count? Do
these organisations have the licences for what they do, and may one do all of it? One call answers
for everybody in a transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field

from tallystick.chaincode import Context, Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent, lasting_payload, spend
from tallystick.contracts.models import Identifier, Model, Quantity, ShortCode
from tallystick.contracts.powers import Power
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import Finding, IdentityReason, refuse_if_any
from tallystick.contracts.statements import Statement

MAX_REQUIREMENTS = 16
MAX_PARTIES = 2000
"""Of one call; who asks about more is answered in several."""


class Requirement(Model):
    """A claim that somebody must have.

    Attributes:
        topic: What the claim is about.
        level: The least level of it.
        values: The claim must say one of these; empty when any will do.
        issuers: Of those trusted for the topic, only these count; empty when all do.
        quorum: How many issuers must say so; at least the topic's own quorum is needed anyway.
    """

    topic: Identifier
    level: Quantity = 1
    values: Annotated[tuple[ShortCode, ...], Field(max_length=300)] = ()
    issuers: Annotated[tuple[Identifier, ...], Field(max_length=50)] = ()
    quorum: Quantity = 1


Requirements = Annotated[tuple[Requirement, ...], Field(max_length=MAX_REQUIREMENTS)]


class Party(Model):
    """An identity and what is asked about it; without requirements it need only be registered.

    Attributes:
        topics: Topics whose live claims the profile shall tell.
        account_at: MSP of a venue at which the identity must have a linked account, or None.
        account: The account that it must be; None when any will do.
        is_parting: Whether the identity only gives away: then a claim that has ended counts for
            the grace that its topic gives.
    """

    identity: str
    requirements: Requirements = ()
    topics: tuple[str, ...] = ()
    account_at: str | None = None
    account: str | None = None
    is_parting: bool = False


class Attested(Model):
    """A claim that counts now.

    Attributes:
        version: Of the claim: how many its issuer has made about the subject on the topic, so
            that a copy kept elsewhere can be told to be stale.
    """

    topic: str
    issuer: str
    version: int
    level: int
    value: str | None
    valid_from: Instant
    valid_until: Instant


class Profile(Model):
    """Who a party is, as far as rules may know.

    Attributes:
        person: The identity that counts as the holder: of a sub-account, its owner.
        kind: ``person`` or ``firm``.
        organization: MSP of the organisation that holds units by this identity, or None.
        licences: Classes of the live licences of that organisation, sorted.
        attested: All claims that count on the topics asked, by topic and issuer.
    """

    identity: str
    person: str
    kind: str
    organization: str | None = None
    licences: tuple[str, ...] = ()
    attested: tuple[Attested, ...] = ()


class PartyReport(Model):
    """What is known of a party, and what stands against it; the profile is None when unknown."""

    profile: Profile | None
    findings: tuple[Finding, ...]


class Exercised(Model):
    """An organisation that takes part in an act.

    Attributes:
        organization: Its MSP.
        powers: It needs a live licence for one of these; for any power when there are none.
    """

    organization: str
    powers: tuple[Power, ...] = ()


class LiveLicence(Model):
    """A licence that counts now; ``XX`` is everywhere."""

    licence_class: str
    jurisdiction: str


class Standing(Model):
    """What an organisation is now, as far as rules may know.

    Attributes:
        licences: Those that count, by class and jurisdiction.
        category: What kind of venue or firm it calls itself, or None.
        rulebook_hash: SHA-256 of the rules that it publishes, or None.
    """

    organization: str
    licences: tuple[LiveLicence, ...] = ()
    category: str | None = None
    rulebook_hash: str | None = None


class KeySignature(Model):
    """A signature by one key: the key's name, and the signature in base64."""

    key: str
    signature: str


class Authority(Model):
    """By whose right an act is submitted: a participant's under a mandate, or a signature's.

    Attributes:
        identity: Who acts.
        participant: MSP that submits under a mandate; None when the act is signed.
        purpose: What the signing keys must be for.
        payload: The bytes that must be signed, as text.
        signatures: By different keys; as many as the identity's control asks for must count.
    """

    identity: str
    participant: str | None = None
    purpose: Purpose = Purpose.ACTION
    payload: str = ""
    signatures: tuple[KeySignature, ...] = ()


class PartiesCheck(Model):
    """The question: what stands against these parties, these authorities and organisations?

    Attributes:
        authorities: Further ones, such as those of orders that are executed together.
    """

    parties: Annotated[tuple[Party, ...], Field(max_length=MAX_PARTIES)] = ()
    authority: Authority | None = None
    authorities: tuple[Authority, ...] = ()
    exercised: tuple[Exercised, ...] = ()
    organizations: tuple[str, ...] = ()


class PartiesReport(Model):
    """The answer; no findings means no objection.

    Attributes:
        parties: One report per party, in the order of the question.
        authority: Findings against the authority.
        authorities: Findings against each further authority, in the order of the question.
        licences: Findings against the organisations: licences that they lack, and functions that
            one of them may not do at once.
        organizations: The standing of those asked for, in the order of the question.
    """

    parties: tuple[PartyReport, ...]
    authority: tuple[Finding, ...] = ()
    authorities: tuple[tuple[Finding, ...], ...] = ()
    licences: tuple[Finding, ...] = ()
    organizations: tuple[Standing, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Everything in it but the licences of who submits: first rights, then what lacks."""
        rights = [finding for each in self.authorities for finding in each]
        lacks = [finding for each in self.parties for finding in each.findings]
        return [*self.authority, *rights, *lacks]


def authority_for(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent | None,
    nonces: ConfidentialRows | None = None,
) -> Authority:
    """Return the authority that an act claims: its signatures, or else the submitter's mandate.

    The nonce of a signature is used up here; whether signature or mandate counts, the identity
    contract says in ``check_parties``.

    Raises:
        Refusal: INTENT_EXPIRED or INTENT_ALREADY_USED.
    """
    if intent is None:
        return _mandated(ctx, signer, statement)
    return signed_authority(ctx, signer, statement, intent, nonces)


def authority_once(
    ctx: Context, signer: str, statement: Statement, intent: SignedIntent | None
) -> Authority:
    """Return the authority for an act that can happen once only, whatever its nonce.

    Raises:
        Refusal: INTENT_EXPIRED.
    """
    if intent is None:
        return _mandated(ctx, signer, statement)
    with _identity_first(ctx, signer, statement):
        payload = lasting_payload(ctx, signer, statement, intent)
    return _signed(signer, statement, intent, payload)


def signed_authority(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent,
    nonces: ConfidentialRows | None = None,
) -> Authority:
    """Return the authority of the signatures under a statement; its nonce is used up.

    Raises:
        Refusal: INTENT_EXPIRED or INTENT_ALREADY_USED.
    """
    with _identity_first(ctx, signer, statement):
        payload = spend(ctx, signer, statement, intent, nonces)
    return _signed(signer, statement, intent, payload)


@contextmanager
def _identity_first(ctx: Context, signer: str, statement: Statement) -> Iterator[None]:
    """Tell who has no licence, or signs with no identity, that before what is wrong with a nonce.

    The identity contract has looked its signers up by then, and cannot be asked by itself.
    """
    try:
        yield
    except Refusal:
        if statement.contract != Chaincode.IDENTITY:
            report = check_parties(ctx, [Party(identity=signer)])
            refuse_if_any([*report.licences, *_unknown(report)])
        raise


def _unknown(report: PartiesReport) -> list[Finding]:
    """Return what says that there is no such identity; of others, nothing is told here."""
    code = IdentityReason.IDENTITY_UNKNOWN.name
    return [each for party in report.parties for each in party.findings if each.code == code]


def _mandated(ctx: Context, signer: str, statement: Statement) -> Authority:
    return Authority.model_construct(
        identity=signer, participant=ctx.client.msp_id, purpose=statement.purpose
    )


def _signed(signer: str, statement: Statement, intent: SignedIntent, payload: bytes) -> Authority:
    signatures = [(intent.key, intent.signature)]
    signatures += [(each.key, each.signature) for each in intent.cosignatures]
    return Authority(
        identity=signer,
        purpose=statement.purpose,
        payload=payload.decode(),
        signatures=tuple(KeySignature(key=key, signature=each) for key, each in signatures),
    )


def check_parties(
    ctx: Context,
    parties: Sequence[Party] = (),
    authority: Authority | None = None,
    exercised: Sequence[Exercised] | None = None,
    organizations: Sequence[str] = (),
) -> PartiesReport:
    """Ask the identity contract what stands against an act now: in one call, unless they are many.

    Args:
        ctx: The call.
        parties: Those whom the act concerns.
        authority: A mandate or signatures to be judged along; None when the right is judged.
        exercised: Organisations that take part; None for the submitter, with any live licence.
        organizations: Those whose standing rules want to know, such as a venue.
    """
    if exercised is None:
        exercised = (Exercised(organization=ctx.client.msp_id),)
    check = PartiesCheck.model_construct(  # the identity contract validates it
        parties=tuple(parties[:MAX_PARTIES]),
        authority=authority,
        exercised=tuple(exercised),
        organizations=tuple(organizations),
    )
    report = ask(ctx, check)
    if len(parties) <= MAX_PARTIES:
        return report
    known = list(report.parties)
    for start in range(MAX_PARTIES, len(parties), MAX_PARTIES):
        others = tuple(parties[start : start + MAX_PARTIES])
        known += ask(ctx, PartiesCheck.model_construct(parties=others)).parties
    return report.model_copy(update={"parties": tuple(known)})


def ask(ctx: Context, check: PartiesCheck) -> PartiesReport:
    """Return what the identity contract answers to a question of one call."""
    answer = ctx.invoke(Chaincode.IDENTITY, "check_parties", check.compact())
    return PartiesReport.model_validate_json(answer)


def require_authority(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent | None,
    nonces: ConfidentialRows | None = None,
) -> None:
    """Refuse an act unless the signer signed it or gave the submitting participant a mandate.

    The submitter needs a live licence in any case.
    """
    authority = authority_for(ctx, signer, statement, intent, nonces)
    report = check_parties(ctx, [Party(identity=signer)], authority)
    refuse_if_any([*report.licences, *report.parties[0].findings, *report.authority])


def require_licences(ctx: Context, *exercised: Exercised) -> None:
    """Refuse unless each organisation has a live licence for what it does, and may do all of it."""
    refuse_if_any(check_parties(ctx, exercised=exercised).licences)


def require_identity(ctx: Context, identity: str) -> None:
    """Refuse with IDENTITY_UNKNOWN unless somebody is registered."""
    refuse_if_any(_unknown(check_parties(ctx, [Party(identity=identity)], exercised=())))


def mandate_findings(ctx: Context, identity: str) -> Sequence[Finding]:
    """Return why the submitting participant may not act for an identity; nothing when it may."""
    authority = Authority(identity=identity, participant=ctx.client.msp_id)
    return check_parties(ctx, (), authority, ()).authority
