"""Random orders at two venues, and what becomes of them: no promise outlives what it is for.

SS-48, SS-49, SS-89, SS-96, SS-109. After every act: units and money are as many as before, and
whoever has them is who the plain model says, which moves both legs of a trade at once; what is
committed is what orders want, and what trades fill until it is locked; holds and reservations are
what is held; and no order is filled beyond what it wants. In the end everything is brought to its
end: then nothing waits any more.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant
from tests.models.order_acts import CASH, SETTLEMENT, TOKEN, OrderActs
from tests.unit.contracts.ends.ending import holdings, waiting

from tallystick.contracts.book import Account, Hold
from tallystick.contracts.cash.models import Limits, Reservation
from tallystick.contracts.orders.models import Commitment, Pending, PendingKind, PlacedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import OrderPlaced, OrderSide
from tallystick.contracts.trades.models import Trade
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.trades.underway import sides_under_way

Line = tuple[PendingKind, str, OrderSide, int]
"""What is under way: of which kind, its name, which side, and how many units."""


class OrderMachine(OrderActs):
    """What always holds."""

    def teardown(self) -> None:
        """Bring everything to its end, as anybody can, or the bank where it is ordered to."""
        self.market.ledger.advance(timedelta(days=3))
        for trade in self.rows_as(Trade, "trade"):
            self.settlement(Participant.ISSUER, "expire", trade.trade)
        for holder, reservation in self.reservations():
            if reservation.expires_at is None:
                assert self.release_by_order(holder, reservation.keeper, reservation.name)
        assert not any(waiting(self.market).values())
        assert holdings(self.market) == self.has

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        assert holdings(self.market) == self.has

    @invariant()
    def what_is_committed_is_what_orders_want_and_trades_fill_until_they_are_locked(self) -> None:
        expected = Counter(self.wanted())
        under_way = self.lines(Pending, "pending")
        assert Counter(each for each in under_way if each[0] is PendingKind.ORDER) == expected
        expected.update(self.filled())
        assert Counter(self.lines(Commitment, "commitment")) == expected

    def wanted(self) -> Iterator[Line]:
        """Yield what orders want that have not ended."""
        for row in self.rows_as(PlacedOrder, "order"):
            if row.unfilled and not row.ended:
                said = row.statement
                yield PendingKind.ORDER, said.order, said.side, row.unfilled

    def filled(self) -> Iterator[Line]:
        """Yield what trades fill whose units are not on hold, and that have not ended."""
        for row in self.rows_as(Trade, "trade"):
            for order in self.orders_of(row.trade):
                if order.side in sides_under_way(row.status, row.model):
                    yield PendingKind.TRADE, row.trade, order.side, order.quantity

    def lines(self, model: type[Pending], kind: str) -> list[Line]:
        """Return what the rows of a kind say is under way."""
        rows = self.rows_as(model, kind)
        return [(row.kind, row.name, row.side, row.quantity) for row in rows]

    @invariant()
    def no_order_is_filled_beyond_what_it_wants(self) -> None:
        filled = Counter[str]()
        for row in self.rows_as(Trade, "trade"):
            for order in self.orders_of(row.trade):
                filled[order.order] += order.quantity
        for placed in self.rows_as(PlacedOrder, "order"):
            said = placed.statement
            assert placed.unfilled == said.quantity - filled[said.order] >= 0

    def orders_of(self, trade: str) -> tuple[OrderPlaced, ...]:
        """Return what a trade fills of orders."""
        rows = self.rows_of(SETTLEMENT, "terms")
        (terms,) = [value for (name,), value in rows if name == trade]
        return TradeTerms.model_validate_json(terms).placed_orders

    @invariant()
    def what_is_held_is_the_sum_of_holds_and_reservations(self) -> None:
        for chaincode in (TOKEN, CASH):
            held = Counter[Account]()
            for (asset, holder, _), value in self.rows_of(chaincode, "hold"):
                held[Account(asset, holder)] += Hold.model_validate_json(value).quantity
            for holder, reservation in self.reservations() if chaincode is CASH else ():
                held[Account("USD", holder)] += reservation.amount
            positions = self.positions(chaincode)
            assert held == Counter({account: each.held for account, each in positions.items()})

    def reservations(self) -> Iterator[tuple[str, Reservation]]:
        """Yield all that is reserved, each with its holder."""
        for (_, holder), value in self.rows_of(CASH, "limits"):
            for each in Limits.model_validate_json(value).reservations:
                yield holder, each


class OrdersInDepth(OrderMachine):
    """The same at greater length."""


TestOrders = OrderMachine.TestCase
TestOrders.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)

TestOrdersInDepth = pytest.mark.slow(OrdersInDepth.TestCase)
TestOrdersInDepth.settings = settings(max_examples=80, stateful_step_count=80, deadline=None)
