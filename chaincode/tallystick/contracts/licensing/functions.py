"""The functions of licensing, as callers of the identity contract see them."""

from collections.abc import Sequence

from tallystick.chaincode import Context, query, split_composite_key, transaction
from tallystick.contracts import events
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.licensed import licensed
from tallystick.contracts.licensing.licences import Licences
from tallystick.contracts.licensing.models import (
    ANYWHERE,
    MAX_LICENCES,
    Classes,
    Conflicts,
    Description,
    Grants,
    Jurisdiction,
    Licence,
    LicenceClass,
    LicenceGrant,
    Organization,
    OrganizationLine,
    OrganizationPage,
    Waiver,
    WaiverGrant,
)
from tallystick.contracts.licensing.part import IdentityPart
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.parties import Exercised
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import LicenceReason, refuse_if_any


class LicensingFunctions(IdentityPart):
    """Licences: granted by the regulator or its delegate, and checked at each call."""

    # --- licences ---

    @transaction
    @licensed(Power.LICENSE)
    def define_classes(self, ctx: Context, classes: Classes) -> None:
        """Say what licences of these classes convey; one that exists is replaced.

        Only an organisation that oversees may define a class that licenses or oversees, or one that
        did so until now; and nobody defines a class of which it has a licence itself.
        """
        licences = Licences(ctx.state)
        for row in classes:
            _require_another(ctx, licences, row)
            _require_oversight(ctx, licences, row)
            if (former := licences.find_class(row.licence_class)) is not None:
                _require_oversight(ctx, licences, former)
            licences.save_class(row)
            powers = tuple(map(str, row.powers))
            ctx.emit(
                events.LicenceClassDefined(
                    licence_class=row.licence_class, title=row.title, powers=powers
                )
            )

    @transaction
    @licensed(Power.LICENSE)
    def grant_licences(self, ctx: Context, grants: Grants) -> None:
        """Grant licences, or renew those of the same class and jurisdiction: all or none.

        Only an organisation that oversees may grant a licence that licenses or oversees, and
        nobody grants one to itself.
        """
        licences = Licences(ctx.state)
        for grant in grants:
            _grant(ctx, licences, grant)

    @transaction
    @licensed(Power.LICENSE, Power.OVERSEE)
    def suspend_licence(
        self,
        ctx: Context,
        organization: Identifier,
        licence_class: Identifier,
        reason: ShortText,
        jurisdiction: Jurisdiction = ANYWHERE,
    ) -> None:
        """Let a licence not count from this transaction on, until it is resumed."""
        licences = Licences(ctx.state)
        licence = _require_licence(ctx, licences, organization, licence_class, jurisdiction)
        suspended = {"suspension": reason, "suspended_by": ctx.client.msp_id}
        _replace(licences, organization, licence, licence.model_copy(update=suspended))
        ctx.emit(
            events.LicenceSuspended(
                organization=organization,
                licence_class=licence_class,
                jurisdiction=jurisdiction,
                reason=reason,
                by=ctx.client.msp_id,
            )
        )

    @transaction
    @licensed(Power.LICENSE)
    def resume_licence(
        self,
        ctx: Context,
        organization: Identifier,
        licence_class: Identifier,
        jurisdiction: Jurisdiction = ANYWHERE,
    ) -> None:
        """Let a suspended licence count again, as who suspended it, or who oversees, says."""
        licences = Licences(ctx.state)
        licence = _require_licence(ctx, licences, organization, licence_class, jurisdiction)
        if licence.suspension is None:
            raise LicenceReason.LICENCE_NOT_SUSPENDED.refusal(
                organization=organization, licence_class=licence_class
            )
        _require_lifting(ctx, licences, licence)
        resumed = {"suspension": None, "suspended_by": None}
        _replace(licences, organization, licence, licence.model_copy(update=resumed))
        ctx.emit(
            events.LicenceResumed(
                organization=organization,
                licence_class=licence_class,
                jurisdiction=jurisdiction,
                by=ctx.client.msp_id,
            )
        )

    @transaction
    @licensed(Power.LICENSE)
    def revoke_licence(
        self,
        ctx: Context,
        organization: Identifier,
        licence_class: Identifier,
        reason: ShortText,
        jurisdiction: Jurisdiction = ANYWHERE,
    ) -> None:
        """End a licence for good."""
        licences = Licences(ctx.state)
        licence = _require_licence(ctx, licences, organization, licence_class, jurisdiction)
        _replace(licences, organization, licence, None)
        ctx.emit(
            events.LicenceRevoked(
                organization=organization,
                licence_class=licence_class,
                jurisdiction=jurisdiction,
                reason=reason,
                by=ctx.client.msp_id,
            )
        )

    # --- what organisations say of themselves ---

    @transaction
    @licensed()
    def describe_organization(self, ctx: Context, description: Description) -> None:
        """Say what kind of venue or firm the submitter is, and by which rules it acts."""
        licences, organization = Licences(ctx.state), ctx.client.msp_id
        facts = description.model_dump()
        row = licences.organization(organization).model_copy(update=facts)
        licences.save_organization(organization, row)
        ctx.emit(events.OrganizationDescribed(organization=organization, **facts))

    # --- separation of functions ---

    @transaction
    @licensed(Power.OVERSEE)
    def set_conflicts(self, ctx: Context, conflicts: Conflicts) -> None:
        """Say which powers conflict, in place of all pairs before."""
        Licences(ctx.state).save_conflicts(conflicts)
        pairs = tuple((str(pair.first), str(pair.second)) for pair in conflicts.pairs)
        ctx.emit(events.ConflictsSet(pairs=pairs, by=ctx.client.msp_id))

    @transaction
    @licensed(Power.OVERSEE)
    def grant_waiver(self, ctx: Context, grant: WaiverGrant) -> None:
        """Let an organisation exercise two powers that conflict, until a moment."""
        _require_future(grant.valid_until, now(ctx))
        row = Waiver(
            valid_until=grant.valid_until,
            reason_hash=grant.reason_hash,
            granted_by=ctx.client.msp_id,
        )
        Licences(ctx.state).save_waiver(grant.organization, grant.first, grant.second, row)
        ctx.emit(events.WaiverGranted(**grant.model_dump(), by=ctx.client.msp_id))

    @transaction
    @licensed(Power.OVERSEE)
    def revoke_waiver(
        self, ctx: Context, organization: Identifier, first: Power, second: Power
    ) -> None:
        """End a waiver before its time."""
        licences = Licences(ctx.state)
        if licences.waiver(organization, first, second) is None:
            raise LicenceReason.WAIVER_UNKNOWN.refusal(
                organization=organization, first=first, second=second
            )
        licences.delete_waiver(organization, first, second)
        ctx.emit(
            events.WaiverRevoked(
                organization=organization, first=first, second=second, by=ctx.client.msp_id
            )
        )

    # --- queries ---

    @query
    def organization(self, ctx: Context, organization: str) -> OrganizationLine:
        """Return an organisation with its licences, those that do not count included."""
        return _line(organization, Licences(ctx.state).organization(organization))

    @query
    def organizations(
        self, ctx: Context, page_size: PageSize = 100, bookmark: str = ""
    ) -> OrganizationPage:
        """Return one page of the organisations that have, or had, licences, by MSP."""
        page = ctx.state.partial_page("organization", page_size=page_size, bookmark=bookmark)
        lines = tuple(
            _line(split_composite_key(key)[1][0], Organization.model_validate_json(value))
            for key, value in page.rows
        )
        return OrganizationPage(organizations=lines, bookmark=page.bookmark)

    @query
    def licence_classes(self, ctx: Context) -> tuple[LicenceClass, ...]:
        """Return all classes of licence with what they convey, by name."""
        return tuple(Licences(ctx.state).classes())

    @query
    def conflicts(self, ctx: Context) -> Conflicts:
        """Return the pairs of powers that conflict."""
        return Licences(ctx.state).conflicts()

    @query
    def waiver(self, ctx: Context, organization: str, first: Power, second: Power) -> Waiver | None:
        """Return the waiver of an organisation for a pair of powers, if there is one."""
        return Licences(ctx.state).waiver(organization, first, second)


def _grant(ctx: Context, licences: Licences, grant: LicenceGrant) -> None:
    if grant.organization == ctx.client.msp_id:
        raise LicenceReason.NOT_FOR_ONESELF.refusal(organization=grant.organization)
    if grant.valid_until <= grant.valid_from:
        raise LicenceReason.LICENCE_WINDOW_EMPTY.refusal(valid_until=grant.valid_until)
    _require_future(grant.valid_until, now(ctx))
    _require_oversight(ctx, licences, licences.licence_class(grant.licence_class))
    facts = grant.model_dump(exclude={"organization"})
    licence = Licence(**facts, granted_by=ctx.client.msp_id)
    row = licences.organization(grant.organization)
    for each in row.licences:
        if _place(each) == _place(licence):
            _require_lifting(ctx, licences, each)
    kept = [each for each in row.licences if _place(each) != _place(licence)]
    if len(kept) == MAX_LICENCES:
        raise LicenceReason.LICENCES_TOO_MANY.refusal(
            organization=grant.organization, limit=MAX_LICENCES
        )
    _save(licences, grant.organization, row, [*kept, licence])
    ctx.emit(events.LicenceGranted(organization=grant.organization, **facts, by=ctx.client.msp_id))


def _require_licence(
    ctx: Context,
    licences: Licences,
    organization: str,
    licence_class: str,
    jurisdiction: str,
) -> Licence:
    """Return a licence that the submitter is about to change."""
    if organization == ctx.client.msp_id:
        raise LicenceReason.NOT_FOR_ONESELF.refusal(organization=organization)
    for licence in licences.organization(organization).licences:
        if _place(licence) == (licence_class, jurisdiction):
            _require_oversight(ctx, licences, licences.licence_class(licence_class))
            return licence
    raise LicenceReason.LICENCE_UNKNOWN.refusal(
        organization=organization, licence_class=licence_class
    )


def _require_another(ctx: Context, licences: Licences, row: LicenceClass) -> None:
    """Refuse who would give itself powers, by what a licence that it has shall convey."""
    submitter = ctx.client.msp_id
    held = licences.organization(submitter).licences
    if row.licence_class in {each.licence_class for each in held}:
        raise LicenceReason.NOT_FOR_ONESELF.refusal(organization=submitter)


def _require_lifting(ctx: Context, licences: Licences, licence: Licence) -> None:
    """Refuse who neither suspended a licence nor oversees to let it count again."""
    if licence.suspended_by not in {None, ctx.client.msp_id}:
        wanted = Exercised(organization=ctx.client.msp_id, powers=(Power.OVERSEE,))
        refuse_if_any(licences.findings([wanted], now(ctx)))


def _require_oversight(ctx: Context, licences: Licences, row: LicenceClass) -> None:
    """Refuse delegates what only the regulator may hand on: to license, and to oversee."""
    if {Power.LICENSE, Power.OVERSEE}.intersection(row.powers):
        wanted = Exercised(organization=ctx.client.msp_id, powers=(Power.OVERSEE,))
        refuse_if_any(licences.findings([wanted], now(ctx)))


def _require_future(valid_until: Instant, moment: Instant) -> None:
    if valid_until <= moment:
        raise LicenceReason.LICENCE_WINDOW_EMPTY.refusal(valid_until=valid_until)


def _replace(licences: Licences, organization: str, old: Licence, new: Licence | None) -> None:
    row = licences.organization(organization)
    kept = [each for each in row.licences if each != old]
    _save(licences, organization, row, kept if new is None else [*kept, new])


def _save(
    licences: Licences, organization: str, row: Organization, held: Sequence[Licence]
) -> None:
    ordered = tuple(sorted(held, key=_place))
    licences.save_organization(organization, row.model_copy(update={"licences": ordered}))


def _place(licence: Licence) -> tuple[str, str]:
    return licence.licence_class, licence.jurisdiction


def _line(organization: str, row: Organization) -> OrganizationLine:
    return OrganizationLine(organization=organization, **dict(row))
