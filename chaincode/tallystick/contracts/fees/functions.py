"""Fees, as callers of the settlement contract see them."""

from collections.abc import Mapping
from itertools import chain

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

_TAKERS: Mapping[FeeKind, tuple[Power, ...]] = {
    FeeKind.TRADE: (Power.OPERATE_VENUE,),
    FeeKind.SUBSCRIPTION: (Power.ACT_FOR_CLIENTS,),
}
"""Which powers let somebody take fees of a kind."""


class FeeFunctions(MarketContract):
    """What venues and intermediaries take."""

    @transaction
    def set_fees(self, ctx: Context, lines: FeeLines) -> None:
        """Let these be the submitter's fees from now on; no lines, no fees.

        Of trades only venues take any, of subscriptions who acts for clients. What settles
        afterwards pays them, whenever it was agreed; of subscriptions only those placed afterwards.
        """
        taker = ctx.client.msp_id
        receivers = [Party(identity=each) for each in dict.fromkeys(x.receiver for x in lines)]
        kinds = dict.fromkeys(line.kind for line in lines)
        powers = [_TAKERS[kind] for kind in kinds] or [tuple(chain(*_TAKERS.values()))]
        wanted = [Exercised(organization=taker, powers=each) for each in powers]
        report = check_parties(ctx, receivers, exercised=wanted)
        refuse_if_any(report.licences)
        refuse_if_any(
            [*findings(lines), *(found for each in report.parties for found in each.findings)]
        )
        schedules = Schedules(ctx.state)
        old = schedules.find(taker)
        row = FeeSchedule(
            taker=taker, version=old.version + 1 if old else 1, lines=lines, set_at=now(ctx)
        )
        schedules.save(row)
        ctx.emit(
            events.FeesSet(
                taker=taker,
                schedule=row.version,
                lines=tuple(line.model_dump(mode="json") for line in lines),
            )
        )

    @query
    def fees(self, ctx: Context, taker: str) -> FeeSchedule | None:
        """Return what somebody takes; None when it never said so, and takes nothing."""
        return Schedules(ctx.state).find(taker)

    @query
    def quote_fees(
        self, ctx: Context, taker: str, kind: FeeKind, security: str, amount: Quantity
    ) -> tuple[Fee, ...]:
        """Return what would be taken of an amount now, from a payer called ``buyer`` or ``seller``.

        The cash is left out, since it makes no difference.
        """
        case = FeeCase(
            kind=kind, security=security, cash="any", amount=amount, buyer="buyer", seller="seller"
        )
        charge = Schedules(ctx.state).charge(taker, case)
        refuse_if_any(charge.findings)
        return charge.fees
