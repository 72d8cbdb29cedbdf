"""Where subscriptions lie: public rows, and orders in the collections of their intermediaries."""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.offerings.models import (
    MAX_BOOK,
    Allotted,
    PlacedOrder,
    Subscription,
)
from tallystick.contracts.readers import subscriptions_of
from tallystick.contracts.reasons import OfferingReason


class OrderBook:
    """The subscriptions to all offerings, as one transaction sees and changes them.

    Each is a key of its own: no two subscriptions touch a common row.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def find(self, offering: str, subscription: str) -> Subscription | None:
        """Return a subscription, or None."""
        return self._ctx.state.load(_key(offering, subscription), Subscription)

    def require(self, offering: str, subscription: str) -> Subscription:
        """Return a subscription; refuse with SUBSCRIPTION_UNKNOWN when there is none."""
        row = self.find(offering, subscription)
        if row is None:
            raise OfferingReason.SUBSCRIPTION_UNKNOWN.refusal(
                offering=offering, subscription=subscription
            )
        return row

    def save(self, row: Subscription) -> None:
        """Write a subscription."""
        self._ctx.state.save(_key(row.offering, row.subscription), row)

    def all_of(self, offering: str) -> Iterator[Subscription]:
        """Yield the subscriptions to an offering, by id; one more or less by commit is a conflict.

        Raises:
            Refusal: BOOK_TOO_LARGE.
        """
        rows = self._ctx.state.partial("subscription", offering)
        for number, (_, value) in enumerate(rows):
            if number == MAX_BOOK:
                raise OfferingReason.BOOK_TOO_LARGE.refusal(offering=offering, limit=MAX_BOOK)
            yield Subscription.model_validate_json(value)

    # --- what only the intermediary's readers know ---

    def rows(self, row: Subscription, secret: str = "") -> ConfidentialRows:
        """Return the confidential rows of a subscription's intermediary."""
        return ConfidentialRows(self._ctx, subscriptions_of(row.intermediary), secret)

    def order(self, row: Subscription) -> PlacedOrder:
        """Return the order of a subscription; only peers of members can."""
        placed = self.rows(row).load(_order_key(row), PlacedOrder)
        assert placed is not None, "a subscription is recorded together with its order"
        return placed

    def save_order(self, row: Subscription, placed: PlacedOrder) -> None:
        """Write an order."""
        self.rows(row, placed.order.salt).save(_order_key(row), placed)

    def allotted(self, row: Subscription) -> int:
        """Return how many units a subscription gets; zero before the allocation."""
        found = self.rows(row).load(_allotment_key(row), Allotted)
        return 0 if found is None else found.quantity

    def allot(self, row: Subscription, quantity: int, salt: str) -> None:
        """Write how many units a subscription gets; ``salt`` is that of its order."""
        self.rows(row, salt).save(_allotment_key(row), Allotted(quantity=quantity))


def _key(offering: str, subscription: str) -> str:
    return composite_key("subscription", offering, subscription)


def _order_key(row: Subscription) -> str:
    return composite_key("order", row.offering, row.subscription)


def _allotment_key(row: Subscription) -> str:
    return composite_key("allotment", row.offering, row.subscription)
