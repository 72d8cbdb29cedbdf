"""What holders have committed to orders, over all venues: for those who see every venue."""

from collections.abc import Iterator
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.orders.models import Commitment, PlacedOrder
from tallystick.contracts.readers import COMMITMENTS
from tallystick.contracts.statements import OrderPlaced, OrderSide


class CommitmentRows:
    """One row for each order, so that no two orders of one holder have a row in common.

    The order's name is blinded in the key by its salt: what cannot be guessed may be deleted in
    public.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def add(self, placed: PlacedOrder) -> None:
        """Write what an order commits."""
        order = placed.statement
        row = Commitment(
            security=order.security,
            holder=order.holder,
            venue=order.venue,
            order=order.order,
            quantity=order.quantity if order.side is OrderSide.SELL else 0,
            splits_seen=placed.splits_seen,
            expires_at=order.expires_at,
        )
        self._rows(placed.salt).save(_key(order, placed.salt), row)

    def lessen(self, placed: PlacedOrder, quantity: int) -> None:
        """Let so many units wait for an order no more."""
        key = _key(placed.statement, placed.salt)
        rows = self._rows(placed.salt)
        row = rows.load(key, Commitment)
        if row is None:
            return
        if row.quantity > quantity:
            rows.save(key, row.model_copy(update={"quantity": row.quantity - quantity}))
        else:
            rows.erase(key)

    def of(self, security: str, holder: str) -> Iterator[Commitment]:
        """Yield what a holder has committed of a security, over all venues; for queries."""
        for _, value in self._rows().partial("commitment", security, holder):
            yield Commitment.model_validate_json(value)

    def _rows(self, salt: str = "") -> ConfidentialRows:
        return ConfidentialRows(self._ctx, COMMITMENTS, salt)


def _key(order: OrderPlaced, salt: str) -> str:
    blinded = sha256(f"{salt}/commitment/{order.venue}/{order.order}".encode()).hexdigest()
    return composite_key("commitment", order.security, order.holder, blinded)
