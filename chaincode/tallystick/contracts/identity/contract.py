"""The identity contract, as callers see it."""

from tallystick.chaincode import Context, Contract, query, transaction
from tallystick.contracts import events
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.identity.models import (
    Claim,
    Identity,
    IdentityKey,
    IdentityView,
    Mandate,
    Onboarding,
    References,
    Verification,
)
from tallystick.contracts.identity.references import PrivateReferences
from tallystick.contracts.identity.registry import Registry
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent, spend
from tallystick.contracts.keys import key_id, normalize_public_key
from tallystick.contracts.models import Identifier
from tallystick.contracts.participants import Participant, only
from tallystick.contracts.parties import Authority, PartiesCheck, PartiesReport, Party, Requirement
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.readers import may_read
from tallystick.contracts.reasons import Reason, refuse_if_any
from tallystick.contracts.statements import (
    ClaimMade,
    ClaimWithdrawn,
    KeyAddition,
    KeyRevocation,
    KeyRotation,
    MandateGranted,
    MandateWithdrawn,
    NewKey,
    Registration,
    Statement,
)


class IdentityContract(Contract):
    """Identities, keys, claims and mandates.

    Any member of the channel may submit what an identity has signed; the signature is the
    authority.
    """

    name = "identity"

    # --- identities and keys ---

    @transaction
    def register_identity(
        self, ctx: Context, registration: Registration, intent: SignedIntent
    ) -> None:
        """Create an identity; signed with one of its management keys, as proof of it."""
        identity = registration.identity
        registry = Registry(ctx.state)
        if registry.identity(identity) is not None:
            raise Reason.IDENTITY_EXISTS.refusal(identity=identity)
        if intent.key not in [
            key_id(normalize_public_key(key.public_key))
            for key in registration.keys
            if Purpose.MANAGEMENT in key.purposes
        ]:
            raise Reason.MANAGEMENT_KEY_MISSING.refusal(identity=identity)
        registry.save_identity(
            Identity(
                identity=identity,
                party=registration.party,
                data_hash=registration.data_hash,
                registered_at=now(ctx),
            )
        )
        ctx.emit(
            events.IdentityRegistered(
                identity=identity, party=registration.party, data_hash=registration.data_hash
            )
        )
        for key in registration.keys:
            _add_key(ctx, registry, identity, key)
        _require_signature(ctx, identity, registration, intent)

    @transaction
    def add_key(self, ctx: Context, addition: KeyAddition, intent: SignedIntent) -> None:
        """Give an identity one more key; signed with a management key."""
        _require_signature(ctx, addition.identity, addition, intent)
        _add_key(ctx, Registry(ctx.state), addition.identity, addition.key)

    @transaction
    def rotate_key(self, ctx: Context, rotation: KeyRotation, intent: SignedIntent) -> None:
        """Replace a key; signed with a management key, which may be the one that goes."""
        _require_signature(ctx, rotation.identity, rotation, intent)
        registry = Registry(ctx.state)
        _add_key(ctx, registry, rotation.identity, rotation.new)
        _revoke_key(ctx, registry, rotation.identity, rotation.old)

    @transaction
    def revoke_key(self, ctx: Context, revocation: KeyRevocation, intent: SignedIntent) -> None:
        """End a key, at once and everywhere; signed with a management key."""
        _require_signature(ctx, revocation.identity, revocation, intent)
        _revoke_key(ctx, Registry(ctx.state), revocation.identity, revocation.key)

    @transaction
    def onboard(self, ctx: Context, newcomers: tuple[Onboarding, ...]) -> None:
        """Register identities with their claims and mandates: all of it or nothing."""
        for newcomer in newcomers:
            registration = newcomer.registration
            self.register_identity(ctx, registration.statement, registration.intent)
            for claim in newcomer.claims:
                self.add_claim(ctx, claim.statement, claim.intent)
            for mandate in newcomer.mandates:
                self.grant_mandate(ctx, mandate.statement, mandate.intent)

    # --- trust and claims ---

    @transaction
    @only(Participant.REGULATOR, Participant.TRANSFER_AGENT)
    def trust_issuer(self, ctx: Context, topic: Identifier, issuer: Identifier) -> None:
        """Let an identity's claims of a topic count from now on."""
        registry = Registry(ctx.state)
        registry.require_identity(issuer)
        issuers = tuple(sorted({*registry.issuers(topic), issuer}))
        registry.save_issuers(topic, issuers)
        ctx.emit(events.IssuerTrusted(topic=topic, issuer=issuer))

    @transaction
    @only(Participant.REGULATOR, Participant.TRANSFER_AGENT)
    def distrust_issuer(self, ctx: Context, topic: Identifier, issuer: Identifier) -> None:
        """Let an identity's claims of a topic count no longer, those already made included."""
        registry = Registry(ctx.state)
        issuers = registry.issuers(topic)
        if issuer not in issuers:
            raise Reason.ISSUER_NOT_TRUSTED.refusal(topic=topic, issuer=issuer)
        remaining = tuple(each for each in issuers if each != issuer)
        registry.save_issuers(topic, remaining)
        ctx.emit(events.IssuerDistrusted(topic=topic, issuer=issuer))

    @transaction
    def add_claim(self, ctx: Context, claim: ClaimMade, intent: SignedIntent) -> None:
        """Enter a claim signed by its issuer, in place of what it said on the topic before."""
        if claim.valid_until <= claim.valid_from:
            raise Reason.CLAIM_WINDOW_EMPTY.refusal(
                valid_from=claim.valid_from, valid_until=claim.valid_until
            )
        registry = Registry(ctx.state)
        registry.require_identity(claim.subject)
        _require_signature(ctx, claim.issuer, claim, intent)
        registry.save_claim(Claim(statement=claim, key=intent.key))
        ctx.emit(
            events.ClaimAdded(
                subject=claim.subject,
                topic=claim.topic,
                issuer=claim.issuer,
                level=claim.level,
                valid_from=claim.valid_from,
                valid_until=claim.valid_until,
            )
        )

    @transaction
    def revoke_claim(self, ctx: Context, claim: ClaimWithdrawn, intent: SignedIntent) -> None:
        """Take a claim back; signed by its issuer."""
        registry = Registry(ctx.state)
        row = registry.claim(claim.subject, claim.topic, claim.issuer)
        if row is None:
            raise Reason.CLAIM_UNKNOWN.refusal(
                identity=claim.subject, topic=claim.topic, issuer=claim.issuer
            )
        _require_signature(ctx, claim.issuer, claim, intent)
        registry.save_claim(row.model_copy(update={"revoked_at": now(ctx)}))
        ctx.emit(events.ClaimRevoked(subject=claim.subject, topic=claim.topic, issuer=claim.issuer))

    @transaction
    def keep_references(self, ctx: Context) -> None:
        """Hand references to those who may know; all must have the hashes that the ledger has.

        They come as transient data, under ``references``. Whoever holds one may hand it in: what
        makes it true is the hash, which the identity or the issuer has signed.
        """
        given = secret_argument(ctx, "references", References)
        registry = Registry(ctx.state)
        private = PrivateReferences(ctx)
        for investor in given.investors:
            row = registry.require_identity(investor.identity)
            _require_hash(investor.identity, investor.data_hash, row.data_hash)
            private.save_investor(investor)
            _tell_reference(ctx, investor.identity, investor.data_hash)
        for evidence in given.evidence:
            subject = evidence.subject
            claim = registry.claim(subject, evidence.topic, evidence.issuer)
            if claim is None:
                raise Reason.CLAIM_UNKNOWN.refusal(
                    identity=subject, topic=evidence.topic, issuer=evidence.issuer
                )
            _require_hash(subject, evidence.data_hash, claim.statement.data_hash)
            private.save_evidence(evidence)
            _tell_reference(ctx, subject, evidence.data_hash)

    # --- mandates ---

    @transaction
    def grant_mandate(self, ctx: Context, mandate: MandateGranted, intent: SignedIntent) -> None:
        """Let a participant act for an identity, until a moment; replaces an earlier mandate."""
        _require_signature(ctx, mandate.identity, mandate, intent)
        Registry(ctx.state).save_mandate(
            mandate.identity, mandate.participant, Mandate(expires_at=mandate.expires_at)
        )
        ctx.emit(
            events.MandateSet(
                identity=mandate.identity,
                participant=mandate.participant,
                expires_at=mandate.expires_at,
            )
        )

    @transaction
    def revoke_mandate(
        self, ctx: Context, mandate: MandateWithdrawn, intent: SignedIntent | None = None
    ) -> None:
        """End a mandate; signed by the identity, unless the participant itself lays it down."""
        registry = Registry(ctx.state)
        if intent is not None:
            _require_signature(ctx, mandate.identity, mandate, intent)
        elif ctx.client.msp_id != mandate.participant:
            raise Reason.PARTICIPANT_NOT_PERMITTED.refusal(
                participant=ctx.client.msp_id,
                function="revoke_mandate without a signature",
                permitted=mandate.participant,
            )
        if registry.mandate(mandate.identity, mandate.participant) is None:
            raise Reason.MANDATE_MISSING.refusal(
                identity=mandate.identity, participant=mandate.participant
            )
        registry.delete_mandate(mandate.identity, mandate.participant)
        ctx.emit(events.MandateRevoked(identity=mandate.identity, participant=mandate.participant))

    # --- queries ---

    @query
    def check_parties(self, ctx: Context, check: PartiesCheck) -> PartiesReport:
        """Return what stands against parties and authority of an act; for other contracts."""
        return Registry(ctx.state).report(check, now(ctx))

    @query
    def verify(
        self, ctx: Context, identity: str, requirements: tuple[Requirement, ...]
    ) -> Verification:
        """Return whether an identity fulfils the requirements now, and every reason why not."""
        party = Party(identity=identity, requirements=requirements)
        reasons = Registry(ctx.state).party_findings(party, now(ctx))
        return Verification(verified=not reasons, reasons=tuple(reasons))

    @query
    def identity(self, ctx: Context, identity: str) -> IdentityView:
        """Return an identity with its keys and the claims about it, revoked ones included."""
        registry = Registry(ctx.state)
        return IdentityView(
            identity=registry.require_identity(identity),
            keys=tuple(registry.keys(identity)),
            claims=tuple(registry.claims(identity)),
        )

    @query
    def references(self, ctx: Context, identity: str) -> References:
        """Return the references about an identity, to those who may know.

        They are the transfer agent, the clearing firm, the regulator, and participants with the
        identity's mandate.
        """
        registry = Registry(ctx.state)
        if not may_read(ctx):
            mandate = Authority(identity=identity, participant=ctx.client.msp_id)
            question = PartiesCheck(parties=(), authority=mandate)
            refuse_if_any(registry.report(question, now(ctx)).authority)
        registry.require_identity(identity)
        return PrivateReferences(ctx).about(identity)

    @query
    def issuers(self, ctx: Context, topic: str) -> tuple[str, ...]:
        """Return who is trusted to make claims of a topic, sorted."""
        return Registry(ctx.state).issuers(topic)


def _require_signature(
    ctx: Context, signer: str, statement: Statement, intent: SignedIntent
) -> None:
    """Spend the intent; refuse unless a key of ``signer`` that may do so signed the statement."""
    payload = spend(ctx, signer, statement, intent)
    authority = Authority(
        identity=signer, payload=payload.decode(), key=intent.key, signature=intent.signature
    )
    refuse_if_any(Registry(ctx.state).signature_findings(authority, statement.purpose))


def _add_key(ctx: Context, registry: Registry, identity: str, new: NewKey) -> None:
    public_key = normalize_public_key(new.public_key)
    key = key_id(public_key)
    if registry.key(identity, key) is not None:
        raise Reason.KEY_EXISTS.refusal(identity=identity, key=key)
    registry.save_key(identity, key, IdentityKey(public_key=public_key, purposes=new.purposes))
    purposes = tuple(map(str, new.purposes))
    ctx.emit(events.KeyAdded(identity=identity, key=key, purposes=purposes))


def _revoke_key(ctx: Context, registry: Registry, identity: str, key: str) -> None:
    """End a key; refuse when it is unknown or when nobody would be in control afterwards."""
    row = registry.key(identity, key)
    if row is None or row.revoked_at is not None:
        raise Reason.KEY_UNKNOWN.refusal(identity=identity, key=key)
    registry.save_key(identity, key, row.model_copy(update={"revoked_at": now(ctx)}))
    if not any(
        each.revoked_at is None and Purpose.MANAGEMENT in each.purposes
        for each in registry.keys(identity)
    ):
        raise Reason.LAST_MANAGEMENT_KEY.refusal(identity=identity, key=key)
    ctx.emit(events.KeyRevoked(identity=identity, key=key))


def _require_hash(identity: str, data_hash: str, recorded: str | None) -> None:
    if data_hash != recorded:
        raise Reason.REFERENCE_DIFFERS.refusal(identity=identity)


def _tell_reference(ctx: Context, identity: str, data_hash: str) -> None:
    ctx.emit(events.ReferenceKept(identity=identity, data_hash=data_hash))
