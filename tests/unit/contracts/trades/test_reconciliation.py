"""A venue's own books against the register: they differ by the trades that are under way."""

from collections import Counter

import pytest

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import Pending
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import OrderSide
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import TradeTerms

ATS = Participant.ATS
INVESTORS = ("alice", "bob")


class Books:
    """What a venue's own program keeps: a trade counts from the moment of its match."""

    def __init__(self) -> None:
        self.units = Counter(alice=1000, bob=0)

    def match(self, market: Market, terms: TradeTerms) -> None:
        self._book(terms, terms.quantity)
        market.agree(terms)

    def reverse(self, terms: TradeTerms) -> None:
        self._book(terms, -terms.quantity)

    def _book(self, terms: TradeTerms, quantity: int) -> None:
        self.units.update({terms.buyer: quantity, terms.seller: -quantity})

    def differences(self, market: Market) -> dict[str, int]:
        """Return by how much the books are above the register, for each whose holding differs."""
        above = {each: self.units[each] - market.units(each) for each in INVESTORS}
        return {holder: quantity for holder, quantity in above.items() if quantity}


def under_way(market: Market) -> dict[str, int]:
    """Return the trades that are still to bring bob units, as the ledger tells the venue."""
    asked = ("pending", ATS, "bob", "ACME")
    lines = market.submit(ATS, Chaincode.SETTLEMENT, *asked).load(tuple[Pending, ...])
    return {line.name: line.quantity for line in lines if line.side is OrderSide.BUY}


@pytest.fixture
def books(market: Market) -> Books:
    """One trade is settled, one is locked, one is agreed."""
    books = Books()
    for name, quantity in (("T-1", 10), ("T-2", 20), ("T-3", 40)):
        books.match(market, market.terms(name, quantity=quantity))
    for name in ("T-1", "T-2"):
        market.lock(name)
    market.settle("T-1")
    return books


def test_books_and_register_differ_by_exactly_the_trades_under_way(
    market: Market, books: Books
) -> None:
    """SS-24, SS-25."""
    assert under_way(market) == {"T-2": 20, "T-3": 40}
    assert books.differences(market) == {"alice": -60, "bob": 60}


def test_once_every_trade_has_ended_there_is_nothing_to_reconcile(
    market: Market, books: Books
) -> None:
    """SS-24, SS-25."""
    market.settle("T-2")
    market.submit(ATS, Chaincode.SETTLEMENT, "cancel", "T-3", "an error")
    books.reverse(market.terms("T-3", quantity=40))
    assert under_way(market) == {}
    assert books.differences(market) == {}
