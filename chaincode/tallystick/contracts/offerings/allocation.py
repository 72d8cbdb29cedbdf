"""Who gets how many units when more are ordered than there are.

Pure, and the same for any order in which the subscriptions are given.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, assert_never

from tallystick.contracts.instants import Instant
from tallystick.contracts.offerings.models import AllocationRule


class Ordered(NamedTuple):
    """One order that counts.

    Attributes:
        quantity: Units, a multiple of the offering's.
        since: The second in which it was complete: placed, or paid where orders are prepaid.
        transaction: Id of the transaction by which it was; decides between orders of one second.
        chosen: Units that the issuer gives it by discretion.
    """

    subscription: str
    quantity: int
    since: Instant
    transaction: str
    chosen: int = 0

    @property
    def rank(self) -> tuple[Instant, str, str]:
        """What decides who comes first."""
        return self.since, self.transaction, self.subscription


def allotments(
    rule: AllocationRule, orders: Sequence[Ordered], *, hard_cap: int, multiple: int
) -> Mapping[str, int]:
    """Return what each subscription gets, zero for none.

    Every order gets at most what it is for. The sum is the demand, or, when that is more, the hard
    cap rounded down to the multiple; by discretion it is what the issuer says.
    """
    match rule:
        case AllocationRule.PRO_RATA:
            return pro_rata(orders, hard_cap // multiple, multiple)
        case AllocationRule.FIRST_COME:
            return first_come(orders, hard_cap // multiple * multiple)
        case AllocationRule.DISCRETIONARY:
            return {each.subscription: each.chosen for each in orders}
    assert_never(rule)


def pro_rata(orders: Sequence[Ordered], parts: int, multiple: int) -> dict[str, int]:
    """Return equal shares of what each order is for, in whole multiples.

    Each share is rounded down; the multiples that are left then go one each to those who lost most
    by rounding, of equals to who came first. So the larger of two orders never gets less.

    Args:
        orders: Those that count.
        parts: How many multiples there are.
        multiple: Units in each.
    """
    demand = sum(each.quantity // multiple for each in orders)
    if demand <= parts:
        return {each.subscription: each.quantity for each in orders}
    shares = {
        each.subscription: divmod(each.quantity // multiple * parts, demand) for each in orders
    }
    left = parts - sum(whole for whole, _ in shares.values())
    by_loss = sorted(orders, key=lambda each: (-shares[each.subscription][1], each.rank))
    rounded_up = {each.subscription for each in by_loss[:left]}
    return {name: (whole + (name in rounded_up)) * multiple for name, (whole, _) in shares.items()}


def first_come(orders: Sequence[Ordered], units: int) -> dict[str, int]:
    """Return all of each order by rank, until nothing is left; the last may get a part."""
    given = {}
    for each in sorted(orders, key=lambda each: each.rank):
        given[each.subscription] = min(each.quantity, units)
        units -= given[each.subscription]
    return given
