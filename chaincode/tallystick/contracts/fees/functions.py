"""Fees, as callers of the settlement contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.fees.models import FeeKind, FeeLines, FeeSchedule
from tallystick.contracts.fees.rules import FeeCase, findings
from tallystick.contracts.fees.schedules import Schedules
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract
from tallystick.contracts.models import Quantity
from tallystick.contracts.parties import Exercised, Party, check_parties
from tallystick.contracts.payments import Fee
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import refuse_if_any


class FeeFunctions(MarketContract):
    """What venues take."""

    @transaction
    def set_fees(self, ctx: Context, lines: FeeLines) -> None:
        """Let these be the submitting venue's fees from now on; no lines, no fees.

        What settles afterwards pays them, whenever it was agreed.
        """
        venue = ctx.client.msp_id
        receivers = [Party(identity=each) for each in dict.fromkeys(x.receiver for x in lines)]
        wanted = Exercised(organization=venue, powers=(Power.OPERATE_VENUE,))
        report = check_parties(ctx, receivers, exercised=(wanted,))
        refuse_if_any(report.licences)
        refuse_if_any(
            [*findings(lines), *(found for each in report.parties for found in each.findings)]
        )
        schedules = Schedules(ctx.state)
        old = schedules.find(venue)
        row = FeeSchedule(
            venue=venue, version=old.version + 1 if old else 1, lines=lines, set_at=now(ctx)
        )
        schedules.save(row)
        ctx.emit(
            events.FeesSet(
                venue=venue,
                schedule=row.version,
                lines=tuple(line.model_dump(mode="json") for line in lines),
            )
        )

    @query
    def fees(self, ctx: Context, venue: str) -> FeeSchedule | None:
        """Return what a venue takes; None when it never said so, and takes nothing."""
        return Schedules(ctx.state).find(venue)

    @query
    def quote_fees(
        self, ctx: Context, venue: str, kind: FeeKind, security: str, amount: Quantity
    ) -> tuple[Fee, ...]:
        """Return what would be taken of an amount now, from a payer called ``buyer`` or ``seller``.

        The cash is left out, since it makes no difference.
        """
        case = FeeCase(
            kind=kind, security=security, cash="any", amount=amount, buyer="buyer", seller="seller"
        )
        charge = Schedules(ctx.state).charge(venue, case)
        refuse_if_any(charge.findings)
        return charge.fees
