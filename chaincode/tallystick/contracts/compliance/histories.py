"""What rules may know of the past: units given away, money paid and raised in offerings."""

from collections.abc import Iterator

from tallystick.chaincode import composite_key
from tallystick.contracts import events
from tallystick.contracts.compliance.periods import Period, end_of
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import ANY_CLASS
from tallystick.contracts.models import Identifier, Model
from tallystick.contracts.timelines import Timeline

MAX_SALES = 1000
"""Sales that a holder's row tells apart; when there are more, the oldest count as one."""


class Sale(Model):
    """Units that a holder gave to another."""

    moment: Instant
    quantity: int
    venue: str | None = None


class Sales(Model):
    """Row ``sales (security, holder)``: what a holder gave away within the longest window asked.

    Attributes:
        as_of: The turn of the security's timeline since which the row was not written.
    """

    sales: tuple[Sale, ...] = ()
    as_of: int = 0

    def brought_up(self, timeline: Timeline) -> "Sales":
        """Return the sales in units of now, each rounded down at each split."""
        if self.as_of == timeline.turns:
            return self
        sales = tuple(
            each.model_copy(update={"quantity": timeline.scaled(each.quantity, self.as_of)})
            for each in self.sales
        )
        return Sales(sales=sales, as_of=timeline.turns)

    def within(self, window: Period, moment: Instant) -> tuple[Sale, ...]:
        """Return those that a window counts that ends now."""
        return tuple(each for each in self.sales if moment < end_of(each.moment, window))

    def having(self, sale: Sale) -> "Sales":
        """Return the sales with one more; the two oldest become one when there are too many."""
        sales = [*self.sales, sale]
        if len(sales) > MAX_SALES:
            oldest, next_one, *later = sales
            both = oldest.quantity + next_one.quantity
            sales = [next_one.model_copy(update={"quantity": both}), *later]
        return self.model_copy(update={"sales": tuple(sales)})


class Purchase(Model):
    """Row ``raised (issuer, exemption, transaction id, security, holder)``: units sold.

    Attributes:
        amount: What they cost, in minor units of money.
        classes: Those of the person when it bought.
        sellers: What holders, and not the issuer, sold of it: each one's classes and amount.
    """

    moment: Instant
    amount: int
    person: str
    classes: tuple[str, ...]
    sellers: tuple[events.Seller, ...] = ()


class Invested(Model):
    """Row ``invested (person, exemption, transaction id, security, holder)``: money paid."""

    moment: Instant
    amount: int
    exemption: Identifier
    security: Identifier


class RaiseQuestion(Model):
    """What a rule asks about the offerings of an issuer under an exemption.

    Attributes:
        window: How far back it asks.
        of: Only purchasers of this class are counted; all when empty.
        without: Purchasers of this class are not.
        sold_by: The amount is only what holders of this class sold, ``*`` for all holders; what
            everybody sold, the issuer included, when empty.
    """

    exemption: Identifier
    window: Period
    of: str = ""
    without: str = ""
    sold_by: str = ""

    def amount_of(self, purchase: Purchase) -> int:
        """Return what of a purchase is asked for, in minor units of money."""
        if not self.sold_by:
            return purchase.amount
        return sum(
            each.amount for each in purchase.sellers if is_sold_by(self.sold_by, each.classes)
        )

    def counts(self, classes: tuple[str, ...]) -> bool:
        """Return whether a purchaser of these classes is counted."""
        return (not self.of or self.of in classes) and self.without not in classes


class Raised(Model):
    """The answer: so much money, from so many persons; and who of the receivers is among them."""

    question: RaiseQuestion
    amount: int
    purchasers: int
    known: tuple[str, ...] = ()


def is_sold_by(seller_class: str, classes: tuple[str, ...]) -> bool:
    """Return whether a seller of some classes is one of a class; every holder is one of ``*``."""
    return seller_class in {ANY_CLASS, *classes}


def purchase_rows(told: events.PurchaseNoted, moment: Instant) -> Iterator[tuple[str, Model]]:
    """Yield the two rows of a purchase with their keys: the issuer's and the investor's."""
    place = (told.transaction, told.security, told.holder)
    yield (
        composite_key("raised", told.issuer, told.exemption, *place),
        Purchase(
            moment=moment,
            amount=told.amount,
            person=told.person,
            classes=told.classes,
            sellers=told.sellers,
        ),
    )
    yield (
        composite_key("invested", told.person, told.exemption, *place),
        Invested(
            moment=moment,
            amount=told.amount,
            exemption=told.exemption,
            security=told.security,
        ),
    )
