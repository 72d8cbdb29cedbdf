"""Orders, as callers of the settlement contract see them.

What an order is about comes in transient data, and is for its venue and those who watch over it.
What is committed at all venues together is for none of them: it is judged on the peers of those
who see every venue.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.orders.models import (
    HoldingSeen,
    Pending,
    PendingKind,
    PlacedOrder,
    RealAmount,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.orders.orders import Orders
from tallystick.contracts.orders.pending import PendingRows
from tallystick.contracts.readers import reading_findings
from tallystick.contracts.reasons import refuse_if_any
from tallystick.contracts.statements import OrderSide


class OrderFunctions(MarketContract):
    """Orders, and what somebody can sell at a venue."""

    @transaction
    @licensed()
    def place_order(self, ctx: Context) -> None:
        """Enter an order of somebody who signed it, or gave the submitter its mandate.

        It comes as transient data, under ``order``. Units that it sells are committed.
        """
        Orders(ctx).place(secret_argument(ctx, "order", SignedOrder))

    @transaction
    @licensed()
    def withdraw_order(self, ctx: Context) -> None:
        """End what is left of an order, as its holder or its venue says.

        What is said comes as transient data, under ``withdrawal``.
        """
        Orders(ctx).withdraw(secret_argument(ctx, "withdrawal", SignedOrderWithdrawal))

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
