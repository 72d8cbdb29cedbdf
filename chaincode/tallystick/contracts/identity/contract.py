"""The identity contract, as callers see it: put together from the parts of its concerns."""

from collections.abc import Sequence

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.accounts.functions import AccountFunctions
from tallystick.contracts.claims.claims import Claims
from tallystick.contracts.claims.functions import ClaimFunctions
from tallystick.contracts.claims.models import Verification
from tallystick.contracts.claims.screening import ScreeningFunctions
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.identities.agency import AgencyFunctions
from tallystick.contracts.identities.functions import IdentityFunctions
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identity.judgement import Judgement
from tallystick.contracts.identity.models import IdentityView, Newcomers, References
from tallystick.contracts.identity.references import PrivateReferences
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import licence_first, licensed
from tallystick.contracts.licensing.functions import LicensingFunctions
from tallystick.contracts.parties import (
    Authority,
    PartiesCheck,
    PartiesReport,
    Party,
    Requirement,
)
from tallystick.contracts.powers import READING
from tallystick.contracts.reasons import Finding, IdentityReason, refuse_if_any


class IdentityContract(
    LicensingFunctions,
    IdentityFunctions,
    AgencyFunctions,
    ClaimFunctions,
    ScreeningFunctions,
    AccountFunctions,
):
    """Organisations and identities: licences, keys, claims, mandates, accounts."""

    name = "identity"

    @transaction
    @licensed()
    def onboard(self, ctx: Context, newcomers: Newcomers) -> None:
        """Register identities with claims, mandates and account links: all of it or nothing."""
        for newcomer in newcomers:
            registration = newcomer.registration
            self.register_identity(ctx, registration.statement, registration.intent)
            for claim in newcomer.claims:
                self.add_claim(ctx, claim.statement, claim.intent)
            for mandate in newcomer.mandates:
                self.grant_mandate(ctx, mandate.statement, mandate.intent)
            for link in newcomer.accounts:
                self.link_account(ctx, link.statement, link.intent)

    @transaction
    @licensed()
    def keep_references(self, ctx: Context) -> None:
        """Hand references to those who may know; all must have the hashes that the ledger has.

        They come as transient data, under ``references``. Whoever holds one may hand it in: what
        makes it true is the hash, which the identity or the issuer has signed.
        """
        given = secret_argument(ctx, "references", References)
        private = PrivateReferences(ctx)
        for investor in given.investors:
            row = Identities(ctx.state).require(investor.identity)
            _require_hash(investor.identity, investor.data_hash, row.data_hash)
            private.save_investor(investor)
            _tell_reference(ctx, investor.identity, investor.data_hash)
        for evidence in given.evidence:
            subject = evidence.subject
            claim = Claims(ctx.state).require(subject, evidence.topic, evidence.issuer)
            _require_hash(subject, evidence.data_hash, claim.data_hash)
            private.save_evidence(evidence)
            _tell_reference(ctx, subject, evidence.data_hash)

    # --- queries ---

    @query
    def check_parties(self, ctx: Context, check: PartiesCheck) -> PartiesReport:
        """Return what stands against the parties, authority and organisations of an act."""
        return Judgement(ctx.state, now(ctx)).report(check)

    @query
    def verify(
        self, ctx: Context, identity: str, requirements: tuple[Requirement, ...]
    ) -> Verification:
        """Return whether an identity fulfils the requirements now, and every reason why not."""
        party = Party(identity=identity, requirements=requirements)
        reasons = Judgement(ctx.state, now(ctx)).party(party).findings
        return Verification(verified=not reasons, reasons=reasons)

    @query
    def identity(self, ctx: Context, identity: str) -> IdentityView:
        """Return an identity with its keys and the claims about it, ended ones included."""
        identities = Identities(ctx.state)
        return IdentityView(
            identity=identities.require(identity),
            keys=tuple(row for _, row in identities.keys(identity)),
            claims=Claims(ctx.state).about(identity).claims,
        )

    @query
    @licence_first()
    def references(self, ctx: Context, identity: str) -> References:
        """Return the references about an identity, to those who may know.

        They are organisations that keep the register, clear or oversee, and those with the
        identity's mandate.
        """
        if self.licence_findings(ctx, READING):
            mandate = Authority(identity=identity, participant=ctx.client.msp_id)
            refuse_if_any(_authority_findings(ctx, mandate))
        Identities(ctx.state).require(identity)
        return PrivateReferences(ctx).about(identity)


def _authority_findings(ctx: Context, authority: Authority) -> Sequence[Finding]:
    return Judgement(ctx.state, now(ctx)).authority_findings(authority)


def _require_hash(identity: str, data_hash: str, recorded: str | None) -> None:
    if data_hash != recorded:
        raise IdentityReason.REFERENCE_DIFFERS.refusal(identity=identity)


def _tell_reference(ctx: Context, identity: str, data_hash: str) -> None:
    ctx.emit(events.ReferenceKept(identity=identity, data_hash=data_hash))
