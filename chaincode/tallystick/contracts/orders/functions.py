"""Orders, as callers of the settlement contract see them.

What an order is about comes in transient data, and is for its venue and those who watch over it.
What is committed at all venues together is for none of them: it is judged on the peers of those
who see every venue.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.orders.admission import OrderAdmission
from tallystick.contracts.orders.models import (
    HoldingSeen,
    Pending,
    PendingKind,
    Permit,
    PermitKey,
    PlacedOrder,
    RealAmount,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.orders.orders import Orders
from tallystick.contracts.orders.pending import PendingRows
from tallystick.contracts.orders.permits import Permits
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import reading_findings
from tallystick.contracts.reasons import refuse_if_any
from tallystick.contracts.statements import OrderSide


class OrderFunctions(MarketContract):
    """Orders, and what somebody can sell at a venue."""

    @transaction
    @licensed(Power.CLEAR, Power.KEEP_REGISTER)
    def renew_permit_key(self, ctx: Context) -> None:
        """Let permits be sealed with a new key, which comes as transient data: ``permit_key``."""
        Permits(ctx).renew_key(secret_argument(ctx, "permit_key", PermitKey))
        ctx.emit(events.PermitKeyRenewed(by=ctx.client.msp_id))

    @query
    @licensed()
    def order_permit(self, ctx: Context) -> Permit:
        """Return what ``place_order`` asks for, once everything about an order was judged.

        The order comes as transient data, under ``order``: its holder signed it, or gave the
        submitter its mandate.
        """
        return OrderAdmission(ctx).judge(secret_argument(ctx, "order", SignedOrder))

    @transaction
    @licensed()
    def place_order(self, ctx: Context) -> None:
        """Enter an order; units that it sells are committed.

        It comes as transient data, under ``order``, and so does its ``permit``.
        """
        permit = secret_argument(ctx, "permit", Permit)
        OrderAdmission(ctx).place(secret_argument(ctx, "order", SignedOrder), permit)

    @query
    @licensed()
    def withdrawal_permit(self, ctx: Context) -> Permit:
        """Return what ``withdraw_order`` asks of all but the venue; ``withdrawal`` is transient."""
        said = secret_argument(ctx, "withdrawal", SignedOrderWithdrawal)
        return OrderAdmission(ctx).judge_withdrawal(said)

    @transaction
    @licensed()
    def withdraw_order(self, ctx: Context) -> None:
        """End what is left of an order, as its holder or its venue says.

        What is said comes as transient data, under ``withdrawal``; so does its ``permit``, which
        the venue does without.
        """
        said = secret_argument(ctx, "withdrawal", SignedOrderWithdrawal)
        is_venue = ctx.client.msp_id == said.statement.venue
        permit = None if is_venue else secret_argument(ctx, "permit", Permit)
        OrderAdmission(ctx).withdraw(said, permit)

    @query
    def order(self, ctx: Context, venue: str, order: str) -> PlacedOrder:
        """Return an order, to its venue and to readers."""
        refuse_if_any(reading_findings(ctx, venue))
        return Orders(ctx).require(venue, order)

    @query
    def pending(self, ctx: Context, venue: str, holder: str, security: str) -> tuple[Pending, ...]:
        """Return what a holder has under way at a venue, to it and to readers."""
        refuse_if_any(reading_findings(ctx, venue))
        moment = now(ctx)
        found = PendingRows(ctx, venue).of(holder, security)
        return tuple(each for each in found if moment < each.expires_at)

    @query
    def real_amount(self, ctx: Context, venue: str, holder: str, security: str) -> RealAmount:
        """Return what somebody can sell at a venue now, to it and to readers.

        It is what is free on the register, which knows the locks of every venue, less what this
        venue has under way. Of other venues' orders and trades it tells nothing.
        """
        seen = HoldingSeen.model_validate_json(
            ctx.invoke(Chaincode.TOKEN, "holding", security, holder)
        )
        under_way = self.pending(ctx, venue, holder, security)
        timeline = Orders(ctx).timeline(security)

        def due(line: Pending) -> int:
            return timeline.whole(line.quantity, line.splits_seen)

        sells = sum(due(each) for each in under_way if each.side is OrderSide.SELL)
        buys = sum(
            due(each)
            for each in under_way
            if each.side is OrderSide.BUY and each.kind is PendingKind.TRADE
        )
        return RealAmount(
            quantity=seen.quantity,
            available=seen.available,
            sells=sells,
            buys=buys,
            amount=max(seen.available - sells, 0),
            with_buys=max(seen.available - sells + buys, 0),
        )
