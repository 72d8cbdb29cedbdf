"""Prices: the one thing that has fractions. What is paid is a whole amount, and says so. Pure."""

from typing import Annotated

from pydantic import StringConstraints

_ONE = 1_000_000_000

# In the minor unit of the cash, for one unit of the security.
Price = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,9})?$")]


def scaled(price: Price) -> int:
    """Return a price in billionths of the minor unit, exactly."""
    whole, _, fraction = price.partition(".")
    return int(whole) * _ONE + int(fraction.ljust(9, "0"))


def amount_of(price: Price, quantity: int) -> int:
    """Return what a quantity costs, in whole minor units: the nearest, and halves go up."""
    return (2 * scaled(price) * quantity + _ONE) // (2 * _ONE)


def price_of(amount: int, quantity: int) -> Price:
    """Return the price at which a quantity costs an amount.

    It has at most nine digits after the point, and so is exact, or near enough that the amount
    comes out again while the quantity is below 10^9.
    """
    whole, rest = divmod((2 * amount * _ONE + quantity) // (2 * quantity), _ONE)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


def is_within(price: Price, limit: Price | None, *, buys: bool) -> bool:
    """Return whether a price is no worse than a limit for who buys, or sells."""
    if limit is None:
        return True
    return scaled(price) <= scaled(limit) if buys else scaled(price) >= scaled(limit)
