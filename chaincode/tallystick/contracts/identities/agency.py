"""Whom an identity lets act for it, hold by it, or read about it: as callers see it."""

from tallystick.chaincode import Context, query, split_composite_key, transaction
from tallystick.contracts import events
from tallystick.contracts.identities.identities import Identities
from tallystick.contracts.identities.models import (
    Access,
    AccessGrant,
    AccessLine,
    AccessPage,
    AccessVerdict,
    Mandate,
)
from tallystick.contracts.identities.rules import access_finding
from tallystick.contracts.identities.signatures import require_signatures
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import licensed
from tallystick.contracts.licensing.licences import Licences
from tallystick.contracts.licensing.part import IdentityPart
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.reasons import (
    AccessReason,
    IdentityReason,
    LicenceReason,
    refuse_if_any,
)
from tallystick.contracts.statements import (
    AccessGranted,
    AccessWithdrawn,
    MandateGranted,
    MandateWithdrawn,
    Representation,
)
from tallystick.contracts.statements.identity import FieldNames


class AgencyFunctions(IdentityPart):
    """Mandates, representation of organisations, and access to data off the ledger."""

    # --- mandates ---

    @transaction
    @licensed()
    def grant_mandate(self, ctx: Context, mandate: MandateGranted, intent: SignedIntent) -> None:
        """Let a participant act for an identity, until a moment; replaces an earlier mandate."""
        require_signatures(ctx, mandate.identity, mandate, intent)
        Identities(ctx.state).save_mandate(
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
        """End a mandate; signed by the identity, unless the participant itself lays it down.

        A participant needs no licence to lay a mandate down.
        """
        if intent is not None:
            refuse_if_any(self.licence_findings(ctx, ()))
            require_signatures(ctx, mandate.identity, mandate, intent)
        else:
            _require_organization(ctx, mandate.participant, "revoke_mandate without a signature")
        identities = Identities(ctx.state)
        if identities.mandate(mandate.identity, mandate.participant) is None:
            raise AccessReason.MANDATE_MISSING.refusal(
                identity=mandate.identity, participant=mandate.participant
            )
        identities.delete_mandate(mandate.identity, mandate.participant)
        ctx.emit(events.MandateRevoked(identity=mandate.identity, participant=mandate.participant))

    # --- the identity by which an organisation holds units ---

    @transaction
    @licensed()
    def represent(self, ctx: Context, representation: Representation, intent: SignedIntent) -> None:
        """Let an organisation hold units by an identity; the one submits, the other has signed."""
        organization = representation.organization
        _require_organization(ctx, organization, "represent")
        identities, licences = Identities(ctx.state), Licences(ctx.state)
        row = identities.require_controlling(representation.identity)
        held = licences.organization(organization)
        if held.identity is not None:
            raise LicenceReason.ORGANIZATION_TAKEN.refusal(
                organization=organization, identity=held.identity
            )
        if row.organization is not None:
            raise IdentityReason.IDENTITY_REPRESENTS.refusal(
                identity=row.identity, organization=row.organization
            )
        require_signatures(ctx, row.identity, representation, intent)
        identities.save(row.model_copy(update={"organization": organization}))
        licences.save_organization(organization, held.model_copy(update={"identity": row.identity}))
        ctx.emit(events.OrganizationRepresented(organization=organization, identity=row.identity))

    @transaction
    @licensed()
    def end_representation(self, ctx: Context) -> None:
        """Let the submitting organisation hold units by an identity no longer."""
        organization = ctx.client.msp_id
        identities, licences = Identities(ctx.state), Licences(ctx.state)
        held = licences.organization(organization)
        if held.identity is None:
            raise LicenceReason.ORGANIZATION_NOT_REPRESENTED.refusal(organization=organization)
        row = identities.require(held.identity)
        identities.save(row.model_copy(update={"organization": None}))
        licences.save_organization(organization, held.model_copy(update={"identity": None}))
        ctx.emit(events.OrganizationRepresented(organization=organization, identity=None))

    # --- access to data off the ledger ---

    @transaction
    @licensed()
    def grant_access(self, ctx: Context, granted: AccessGranted, intent: SignedIntent) -> None:
        """Let a participant read fields about an identity at a service, for a reason and a time."""
        require_signatures(ctx, granted.identity, granted, intent)
        identities = Identities(ctx.state)
        if identities.grant(granted.identity, granted.grant) is not None:
            raise IdentityReason.GRANT_EXISTS.refusal(
                identity=granted.identity, grant=granted.grant
            )
        facts = granted.model_dump(exclude={"identity", "grant"})
        identities.save_grant(granted.identity, granted.grant, AccessGrant(**facts))
        ctx.emit(events.AccessGranted(identity=granted.identity, grant=granted.grant, **facts))

    @transaction
    @licensed()
    def revoke_access(self, ctx: Context, withdrawn: AccessWithdrawn, intent: SignedIntent) -> None:
        """End a grant of access at once."""
        require_signatures(ctx, withdrawn.identity, withdrawn, intent)
        identities = Identities(ctx.state)
        row = identities.grant(withdrawn.identity, withdrawn.grant)
        if row is None or row.withdrawn_at is not None:
            raise IdentityReason.ACCESS_NOT_GRANTED.refusal(
                identity=withdrawn.identity, grant=withdrawn.grant
            )
        ended = row.model_copy(update={"withdrawn_at": now(ctx)})
        identities.save_grant(withdrawn.identity, withdrawn.grant, ended)
        ctx.emit(events.AccessWithdrawn(identity=withdrawn.identity, grant=withdrawn.grant))

    @transaction
    @licensed()
    def record_access(
        self, ctx: Context, identity: Identifier, grant: Identifier, fields: FieldNames
    ) -> None:
        """Note that the submitting service lets the grantee read fields now; it asks before.

        Refused when the grant does not cover that now, so that a service which records first
        cannot go wrong.
        """
        identities = Identities(ctx.state)
        row = identities.grant(identity, grant)
        if row is not None:
            _require_organization(ctx, row.service, "record_access")
        moment = now(ctx)
        finding = access_finding(row, identity=identity, name=grant, fields=fields, moment=moment)
        refuse_if_any([] if finding is None else [finding])
        identities.save_access(
            identity, grant, ctx.transaction_id, Access(fields=fields, at=moment)
        )
        ctx.emit(events.AccessRecorded(identity=identity, grant=grant, fields=fields))

    # --- queries ---

    @query
    def may_access(
        self, ctx: Context, identity: str, grant: str, fields: FieldNames
    ) -> AccessVerdict:
        """Return whether a grant lets its grantee read fields now, and why not."""
        row = Identities(ctx.state).grant(identity, grant)
        finding = access_finding(row, identity=identity, name=grant, fields=fields, moment=now(ctx))
        return AccessVerdict(
            allowed=finding is None, reason=None if finding is None else finding.message
        )

    @query
    def accesses(
        self, ctx: Context, identity: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> AccessPage:
        """Return one page of the log of who was let read about an identity, by grant."""
        page = ctx.state.partial_page("access", identity, page_size=page_size, bookmark=bookmark)
        lines = []
        for key, value in page.rows:
            _, (_, grant, transaction_id) = split_composite_key(key)
            access = Access.model_validate_json(value)
            lines.append(
                AccessLine(
                    grant=grant,
                    transaction_id=transaction_id,
                    fields=access.fields,
                    at=access.at,
                )
            )
        return AccessPage(accesses=tuple(lines), bookmark=page.bookmark)


def _require_organization(ctx: Context, organization: str, function: str) -> None:
    """Refuse everybody's call but that of one organisation."""
    if ctx.client.msp_id != organization:
        raise AccessReason.PARTICIPANT_NOT_PERMITTED.refusal(
            participant=ctx.client.msp_id, function=function, permitted=organization
        )
