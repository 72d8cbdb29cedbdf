"""What is asked about an order before it is placed or withdrawn: in a query, for a permit.

When a trade that fills the order is locked, signature, signer, broker and account are asked about
again, and every rule of the security besides; by then all of it is public.
"""

from typing import Final

from tallystick.chaincode import Context
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import later, now
from tallystick.contracts.intents import canonical_json
from tallystick.contracts.listings.listings import Listings
from tallystick.contracts.orders.commitments import commitments
from tallystick.contracts.orders.models import (
    HoldingSeen,
    Permit,
    PlacedOrder,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.orders.orders import Orders, splits_made
from tallystick.contracts.orders.permits import PERMIT_LIFE_S, Judged, JudgedOrder, Permits
from tallystick.contracts.orders.rules import committed, licence_findings, with_orders
from tallystick.contracts.parties import (
    Authority,
    Exercised,
    PartiesCheck,
    Party,
    ask,
    authority_once,
    check_parties,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import OrderReason, refuse_if_any
from tallystick.contracts.statements import OrderPlaced, OrderSide
from tallystick.contracts.statements.base import Statement

MAX_COMMITMENTS: Final = 64
"""Live orders of one holder in one security, over all venues."""


class OrderAdmission:
    """Orders and withdrawals as a query judges them, and as a transaction finds them judged."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._orders = Orders(ctx)
        self._permits = Permits(ctx)

    # --- in a query ---

    def judge(self, signed: SignedOrder) -> Permit:
        """Return the permit to place an order; units that it sells must be committed nowhere.

        Raises:
            Refusal: What stands against the holder, its signature, its broker or the venue; then
                ORDER_OVER, NOT_LISTED, ORDER_WITHOUT_ACCOUNT, ORDER_EXISTS or UNITS_COMMITTED.
        """
        order, row = signed.statement, self._row(signed)
        self._require_standing(row)
        if order.expires_at <= now(self._ctx):
            raise OrderReason.ORDER_OVER.refusal(order=order.order)
        listing = Listings(self._ctx).require(order.security, order.venue)
        if listing.terms.accounts_required and order.account is None:
            raise OrderReason.ORDER_WITHOUT_ACCOUNT.refusal(order=order.order, venue=order.venue)
        self._orders.require_new(order)
        self._require_uncommitted(order)
        judged = JudgedOrder(
            judged_at=now(self._ctx),
            turn=self._permits.next_turn(order.holder, order.security),
            splits_seen=splits_made(self._ctx),
        )
        return self._permits.seal(self._act(order, row.authority, signed.salt), judged)

    def judge_withdrawal(self, signed: SignedOrderWithdrawal) -> Permit:
        """Return the permit to end what is left of an order, as its holder says.

        Raises:
            Refusal: What stands against the holder or its signature; then ORDER_UNKNOWN,
                ORDER_DIFFERS or ORDER_OVER.
        """
        said = signed.statement
        authority = authority_once(self._ctx, said.holder, said, signed.intent)
        report = check_parties(self._ctx, [Party(identity=said.holder)], authority)
        refuse_if_any([*report.licences, *report.parties[0].findings, *report.authority])
        self._orders.require_open(said)
        return self._permits.seal(self._act(said, authority), Judged(judged_at=now(self._ctx)))

    # --- in a transaction ---

    def place(self, signed: SignedOrder, permit: Permit) -> None:
        """Enter an order that a query has judged.

        Raises:
            Refusal: PERMIT_VOID, or ORDER_EXISTS.
        """
        row = self._row(signed)
        act = self._act(row.statement, row.authority, row.salt)
        judged = self._permits.open(act, permit, JudgedOrder)
        self._permits.take(judged.turn, row.salt)
        self._orders.enter(row.model_copy(update={"splits_seen": judged.splits_seen}))

    def withdraw(self, signed: SignedOrderWithdrawal, permit: Permit | None) -> None:
        """End what is left of an order, as its holder says by a permit, or without one its venue.

        Raises:
            Refusal: PERMIT_VOID; then ORDER_UNKNOWN, ORDER_DIFFERS or ORDER_OVER.
        """
        said = signed.statement
        if permit is not None:
            authority = authority_once(self._ctx, said.holder, said, signed.intent)
            self._permits.open(self._act(said, authority), permit, Judged)
        self._orders.end(said)

    # --- how ---

    def _row(self, signed: SignedOrder) -> PlacedOrder:
        order = signed.statement
        return PlacedOrder(
            statement=order,
            authority=authority_once(self._ctx, order.holder, order, signed.intent),
            salt=signed.salt,
            submitted_by=self._ctx.client.msp_id,
            placed_at=now(self._ctx),
            splits_seen=0,  # until the permit has said it
            unfilled=order.quantity,
        )

    def _act(self, said: Statement, authority: Authority, salt: str = "") -> bytes:
        """Return what a permit is for: who asks where for which act, by what right, with its salt.

        The right may be the holder's signature, which others could carry along.
        """
        asks = (self._ctx.client.msp_id, self._ctx.channel_id, said.kind)
        parts = (*asks, said.model_dump(mode="json"), authority.model_dump(mode="json"), salt)
        return canonical_json(parts)

    def _require_standing(self, row: PlacedOrder) -> None:
        """Refuse unless everybody may do this: holder, signer, broker, venue, submitter."""
        order = row.statement
        venue = Exercised(organization=order.venue, powers=(Power.OPERATE_VENUE,))
        account = Party(identity=order.holder, account_at=order.venue, account=order.account)
        check = PartiesCheck(
            parties=() if order.account is None else (account,),
            authorities=(Authority(identity=order.holder, participant=order.broker),),
            exercised=(venue, Exercised(organization=row.submitted_by)),
        )
        report = ask(self._ctx, with_orders(check, [row]))
        refuse_if_any(report.licences)
        refuse_if_any([*report.findings, *licence_findings([row], report)])

    def _require_uncommitted(self, order: OrderPlaced) -> None:
        """Refuse to commit what is committed already, whatever the venue, and say no figure."""
        # For so long a trade may yet come that was sent before the expiry.
        since = later(now(self._ctx), -PERMIT_LIFE_S)
        rows = commitments(self._ctx, order.security, order.holder, since)
        units, orders = committed(rows, since, self._orders.timeline(order.security))
        buys = order.side is OrderSide.BUY
        fits = buys or units + order.quantity <= self._available(order)
        if not fits or orders >= MAX_COMMITMENTS:
            raise OrderReason.UNITS_COMMITTED.refusal(
                holder=order.holder, security=order.security, quantity=order.quantity
            )

    def _available(self, order: OrderPlaced) -> int:
        seen = self._ctx.invoke(Chaincode.TOKEN, "holding", order.security, order.holder)
        return HoldingSeen.model_validate_json(seen).available
