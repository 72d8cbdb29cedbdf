"""Orders at work: placed, committed, filled by trades, withdrawn."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import now
from tallystick.contracts.listings.listings import Listings
from tallystick.contracts.orders.models import (
    Commitment,
    Commitments,
    HoldingSeen,
    Pending,
    PendingKind,
    PlacedOrder,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.orders.pending import PendingRows
from tallystick.contracts.orders.rules import committed, difference, licence_findings, with_orders
from tallystick.contracts.parties import (
    Authority,
    Exercised,
    PartiesCheck,
    Party,
    ask,
    authority_for,
    require_authority,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.prices import Price
from tallystick.contracts.readers import COMMITMENTS, trades_of
from tallystick.contracts.reasons import OrderReason, refuse_if_any
from tallystick.contracts.statements import OrderPlaced, OrderSide
from tallystick.contracts.timelines import Timeline

MAX_COMMITMENTS = 64
"""Live commitments of one holder in one security, over all venues."""


class Orders:
    """The orders of all venues, as one transaction sees and changes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def place(self, signed: SignedOrder) -> None:
        """Enter an order; units that it sells are committed to it, whatever the venue.

        Raises:
            Refusal: What stands against the holder, its signature, its broker or the venue; then
                ORDER_OVER, NOT_LISTED, ORDER_WITHOUT_ACCOUNT, ORDER_EXISTS or UNITS_COMMITTED.
        """
        order, moment = signed.statement, now(self._ctx)
        rows = self._rows(order.venue, signed.salt)
        row = PlacedOrder(
            statement=order,
            authority=authority_for(self._ctx, order.holder, order, signed.intent, rows),
            salt=signed.salt,
            submitted_by=self._ctx.client.msp_id,
            placed_at=moment,
            splits_seen=splits_made(self._ctx),
            unfilled=order.quantity,
        )
        self._require_standing(row)
        if order.expires_at <= moment:
            raise OrderReason.ORDER_OVER.refusal(order=order.order)
        listing = Listings(self._ctx).require(order.security, order.venue)
        if listing.terms.accounts_required and order.account is None:
            raise OrderReason.ORDER_WITHOUT_ACCOUNT.refusal(order=order.order, venue=order.venue)
        if rows.holds(_key(order.order)):
            raise OrderReason.ORDER_EXISTS.refusal(order=order.order)
        if order.side is OrderSide.SELL:
            self._commit(row)
        self._save(rows, row)
        self._ctx.emit(events.OrderEntered(venue=order.venue, order=order.order))

    def withdraw(self, signed: SignedOrderWithdrawal) -> None:
        """End what is left of an order, as its holder says or its venue.

        Raises:
            Refusal: ORDER_UNKNOWN, ORDER_DIFFERS or ORDER_OVER.
        """
        said = signed.statement
        row = self.require(said.venue, said.order)
        if row.statement.holder != said.holder:
            raise OrderReason.ORDER_DIFFERS.refusal(order=said.order, what="holder")
        rows = self._rows(said.venue, row.salt)
        if self._ctx.client.msp_id != said.venue:
            require_authority(self._ctx, said.holder, said, signed.intent, rows)
        if row.ended or not row.unfilled:
            raise OrderReason.ORDER_OVER.refusal(order=said.order)
        self.free(row.statement, row.unfilled, row.salt)
        self._save(rows, row.model_copy(update={"ended": True}))
        by = self._ctx.client.msp_id
        self._ctx.emit(events.OrderEnded(venue=said.venue, order=said.order, by=by))

    def fill(self, wanted: OrderPlaced, price: Price) -> None:
        """Fill an order by a trade; its units stay committed until they are locked.

        Args:
            wanted: What the trade says of the order, with the quantity that it fills.
            price: Of the trade.

        Raises:
            Refusal: ORDER_UNKNOWN or ORDER_DIFFERS.
        """
        row = self.require(wanted.venue, wanted.order)
        what = difference(row, wanted, price, wanted.quantity, now(self._ctx))
        if what:
            raise OrderReason.ORDER_DIFFERS.refusal(order=wanted.order, what=what)
        filled = row.model_copy(update={"unfilled": row.unfilled - wanted.quantity})
        self._save(self._rows(wanted.venue, row.salt), filled)

    def free(self, order: OrderPlaced, quantity: int, salt: str) -> None:
        """Commit units to an order no more: they are on hold now, or wanted no more."""
        if order.side is OrderSide.SELL:
            self._change_commitments(order, -quantity, salt, splits_seen=0)

    def find(self, venue: str, order: str) -> PlacedOrder | None:
        """Return an order, or None."""
        return self._rows(venue).load(_key(order), PlacedOrder)

    def require(self, venue: str, order: str) -> PlacedOrder:
        """Return an order; refuse with ORDER_UNKNOWN when there is none."""
        row = self.find(venue, order)
        if row is None:
            raise OrderReason.ORDER_UNKNOWN.refusal(order=order, venue=venue)
        return row

    def commitments(self, security: str, holder: str) -> Commitments:
        """Return what a holder has committed, over all venues."""
        key = composite_key("commitments", security, holder)
        rows = ConfidentialRows(self._ctx, COMMITMENTS)
        return rows.load(key, Commitments) or Commitments()

    def timeline(self, security: str) -> Timeline:
        """Return the record dates and splits of a security."""
        return Timeline.model_validate_json(self._ctx.invoke(Chaincode.TOKEN, "timeline", security))

    # --- how ---

    def _rows(self, venue: str, salt: str = "") -> ConfidentialRows:
        return ConfidentialRows(self._ctx, trades_of(venue), salt)

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

    def _commit(self, placed: PlacedOrder) -> None:
        order = placed.statement
        seen = HoldingSeen.model_validate_json(
            self._ctx.invoke(Chaincode.TOKEN, "holding", order.security, order.holder)
        )
        row = self._change_commitments(order, order.quantity, placed.salt, placed.splits_seen)
        total = row.total(now(self._ctx), self.timeline(order.security))
        if total > seen.available or len(row.commitments) > MAX_COMMITMENTS:
            raise OrderReason.UNITS_COMMITTED.refusal(
                holder=order.holder, security=order.security, quantity=order.quantity
            )

    def _change_commitments(
        self, order: OrderPlaced, change: int, salt: str, splits_seen: int
    ) -> Commitments:
        """Write what is committed to an order; one that has a commitment keeps what it has seen."""
        key = composite_key("commitments", order.security, order.holder)
        former = self.commitments(order.security, order.holder)
        wanted = Commitment(
            venue=order.venue,
            order=order.order,
            quantity=change,
            splits_seen=splits_seen,
            expires_at=order.expires_at,
        )
        row = committed(former, wanted, now(self._ctx))
        ConfidentialRows(self._ctx, COMMITMENTS, salt).save(key, row)
        return row

    def _save(self, rows: ConfidentialRows, row: PlacedOrder) -> None:
        """Write an order, and whether it is under way."""
        order = row.statement
        rows.save(_key(order.order), row)
        line = Pending(
            kind=PendingKind.ORDER,
            name=order.order,
            holder=order.holder,
            security=order.security,
            side=order.side,
            quantity=row.unfilled,
            splits_seen=row.splits_seen,
            expires_at=order.expires_at,
        )
        pending = PendingRows(self._ctx, order.venue, row.salt)
        if row.ended or not row.unfilled:
            pending.remove([line])
        else:
            pending.add([line])


def _key(order: str) -> str:
    return composite_key("order", order)


def splits_made(ctx: Context) -> int:
    """Return how many splits there have been, of all securities together.

    Asked so, and not of one security, it tells nobody which one an order or a trade is about.
    """
    return int(ctx.invoke(Chaincode.TOKEN, "splits_made"))
