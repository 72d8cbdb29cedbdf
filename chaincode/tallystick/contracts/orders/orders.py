"""Orders at work: entered, committed, filled by trades, ended."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import now
from tallystick.contracts.orders.commitments import CommitmentRows
from tallystick.contracts.orders.models import Pending, PendingKind, PlacedOrder
from tallystick.contracts.orders.pending import PendingRows
from tallystick.contracts.orders.rules import difference
from tallystick.contracts.prices import Price
from tallystick.contracts.readers import trades_of
from tallystick.contracts.reasons import OrderReason
from tallystick.contracts.statements import OrderPlaced, OrderWithdrawn
from tallystick.contracts.timelines import Timeline


class Orders:
    """The orders of all venues, as one transaction sees and changes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def require_new(self, order: OrderPlaced) -> None:
        """Refuse with ORDER_EXISTS if there ever was an order of this name."""
        if self._rows(order.venue).holds(_key(order.order)):
            raise OrderReason.ORDER_EXISTS.refusal(order=order.order)

    def enter(self, row: PlacedOrder) -> None:
        """Enter an order; units that it sells are committed, whatever the venue.

        Raises:
            Refusal: ORDER_EXISTS.
        """
        order = row.statement
        self.require_new(order)
        self._save(row)
        self._ctx.emit(events.OrderEntered(venue=order.venue, order=order.order))

    def require_open(self, said: OrderWithdrawn) -> PlacedOrder:
        """Return an order that somebody wants no more.

        Raises:
            Refusal: ORDER_UNKNOWN, ORDER_DIFFERS or ORDER_OVER.
        """
        row = self.require(said.venue, said.order)
        if row.statement.holder != said.holder:
            raise OrderReason.ORDER_DIFFERS.refusal(order=said.order, what="holder")
        if row.ended or not row.unfilled:
            raise OrderReason.ORDER_OVER.refusal(order=said.order)
        return row

    def end(self, said: OrderWithdrawn) -> None:
        """End what is left of an order.

        Raises:
            Refusal: As that of ``require_open``.
        """
        row = self.require_open(said)
        self._save(row.model_copy(update={"ended": True}))
        by = self._ctx.client.msp_id
        self._ctx.emit(events.OrderEnded(venue=said.venue, order=said.order, by=by))

    def fill(self, wanted: OrderPlaced, price: Price) -> None:
        """Fill an order by a trade, which commits its units from now on.

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
        self._save(row.model_copy(update={"unfilled": row.unfilled - wanted.quantity}))

    def find(self, venue: str, order: str) -> PlacedOrder | None:
        """Return an order, or None."""
        return self._rows(venue).load(_key(order), PlacedOrder)

    def require(self, venue: str, order: str) -> PlacedOrder:
        """Return an order; refuse with ORDER_UNKNOWN when there is none."""
        row = self.find(venue, order)
        if row is None:
            raise OrderReason.ORDER_UNKNOWN.refusal(order=order, venue=venue)
        return row

    def timeline(self, security: str) -> Timeline:
        """Return the record dates and splits of a security."""
        return Timeline.model_validate_json(self._ctx.invoke(Chaincode.TOKEN, "timeline", security))

    # --- how ---

    def _rows(self, venue: str, salt: str = "") -> ConfidentialRows:
        return ConfidentialRows(self._ctx, trades_of(venue), salt)

    def _save(self, row: PlacedOrder) -> None:
        """Write an order, and what of it is under way and committed."""
        order = row.statement
        self._rows(order.venue, row.salt).save(_key(order.order), row)
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
        for rows in (
            PendingRows(self._ctx, order.venue, row.salt),
            CommitmentRows(self._ctx, order.venue, row.salt),
        ):
            if row.ended or not row.unfilled:
                rows.remove([line])
            else:
                rows.add([line])


def _key(order: str) -> str:
    return composite_key("order", order)


def splits_made(ctx: Context) -> int:
    """Return how many splits there have been, of all securities together.

    Asked so, and not of one security, it tells nobody which one an order or a trade is about.
    """
    return int(ctx.invoke(Chaincode.TOKEN, "splits_made"))
