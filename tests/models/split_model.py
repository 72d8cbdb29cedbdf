"""What a split must leave as it was: a plain model of units, money, trades and what is owed.

It follows what the contracts say has happened, and works out by itself what that comes to. Every
split scales all units once, whatever they wait for; money stays as it is.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from tallystick.contracts.trades.terms import DvpModel


class Deal(NamedTuple):
    """A trade as it was agreed on, after so many splits."""

    seller: str
    buyer: str
    quantity: int
    amount: int
    model: DvpModel
    splits: int


class Gift(NamedTuple):
    """What an action gives: so much for every so many units at its record date, or money."""

    is_units: bool
    numerator: int
    denominator: int
    recorded: dict[str, int]
    splits: int


@dataclass(slots=True)
class Model:
    """Who has how much, as it should be.

    Attributes:
        factors: Of each split, how many units there are for one of before.
        deals: Trades that can still settle, by name.
        gifts: What actions give, by action.
        owed: Who has not got yet what an action gives.
        holds: What holders hold by themselves, in the units of now.
    """

    units: dict[str, int]
    money: dict[str, int]
    factors: list[Fraction] = field(default_factory=list)
    deals: dict[str, Deal] = field(default_factory=dict)
    gifts: dict[str, Gift] = field(default_factory=dict)
    owed: set[tuple[str, str]] = field(default_factory=set)
    holds: dict[str, int] = field(default_factory=dict)

    def split(self, new: int, old: int) -> None:
        """Scale all units, none of which may be left in part."""
        factor = Fraction(new, old)
        self.factors.append(factor)
        for book in (self.units, self.holds):
            for place, quantity in book.items():
                book[place] = whole(quantity * factor)

    def due(self, name: str) -> Fraction:
        """Return how many units of now a trade is due of."""
        deal = self.deals[name]
        return self.scaled(deal.quantity, deal.splits)

    def scaled(self, quantity: int, splits: int) -> Fraction:
        """Return what a quantity as of so many splits is now."""
        present = Fraction(quantity)
        for factor in self.factors[splits:]:
            present *= factor
        return present

    def settle(self, name: str) -> None:
        """Let a trade's units and money change hands, once."""
        quantity = whole(self.due(name))
        deal = self.deals.pop(name)
        self.move(deal.seller, deal.buyer, quantity)
        self.pay(deal.buyer, deal.seller, deal.amount)

    def move(self, sender: str, receiver: str, quantity: int) -> None:
        self.units[sender] -= quantity
        self.units[receiver] += quantity

    def pay(self, payer: str, payee: str, amount: int) -> None:
        self.money[payer] -= amount
        self.money[payee] += amount

    def give(self, action: str, holder: str, payer: str) -> None:
        """Let a holder have what an action gives it, rounded down as the action says."""
        gift = self.gifts[action]
        self.owed.remove((action, holder))
        gross = gift.recorded[holder] * gift.numerator // gift.denominator
        if not gift.is_units:
            self.pay(payer, holder, gross)
            return
        for factor in self.factors[gift.splits :]:
            gross = gross * factor.numerator // factor.denominator
        self.units[holder] += gross


def whole(quantity: Fraction) -> int:
    """Return a quantity that must have no fraction."""
    assert quantity.denominator == 1, f"{quantity} units are no whole ones"
    return quantity.numerator
