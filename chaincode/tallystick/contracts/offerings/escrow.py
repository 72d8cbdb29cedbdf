"""Money that waits for units: a hold on the payer's account, for the issuer and nobody else.

It is the payer's until units are issued against it, in the same transaction.
"""

from collections.abc import Sequence
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.book import HeldMove
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.offerings.models import OfferingTerms
from tallystick.contracts.statements import SubscriptionOrder

Held = tuple[SubscriptionOrder, int]
"""An order, and for how many of its units money waits."""


def lock(ctx: Context, terms: OfferingTerms, order: SubscriptionOrder, units: int) -> None:
    """Hold what so many units cost."""
    ctx.invoke(Chaincode.CASH, "lock", [payment(terms, order, units)], order.salt)


def release(ctx: Context, terms: OfferingTerms, held: Sequence[Held]) -> None:
    """Give holds up: what was held is the payers' to use."""
    _all(ctx, "release", terms, held)


def deliver(ctx: Context, terms: OfferingTerms, allotted: Sequence[Held]) -> None:
    """Pay the issuer for the units of each order; what is held beyond that is free again."""
    _all(ctx, "deliver", terms, allotted)


def _all(ctx: Context, function: str, terms: OfferingTerms, held: Sequence[Held]) -> None:
    moves = [payment(terms, order, units) for order, units in held]
    ctx.invoke(Chaincode.CASH, function, moves, _secret([order for order, _ in held]))


def payment(terms: OfferingTerms, order: SubscriptionOrder, units: int) -> HeldMove:
    """Return what an order pays for so many units, out of its hold."""
    return HeldMove(
        asset=terms.cash,
        sender=order.payer,
        receiver=terms.proceeds_to,
        quantity=units * terms.price,
        hold=hold_of(order),
    )


def hold_of(order: SubscriptionOrder) -> str:
    """Return the name of an order's hold: unlike that of any trade, and of any other order."""
    place = composite_key("subscription", order.offering, order.subscription)
    return sha256(place.encode()).hexdigest()


def _secret(orders: Sequence[SubscriptionOrder]) -> str:
    """Return a secret that only those know who know every order."""
    return sha256("".join(order.salt for order in orders).encode()).hexdigest()
