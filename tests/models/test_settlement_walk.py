"""Random acts around trades: nothing that comes beside a trade creates or loses units or money.

SS-89, SS-95, SS-102. The invariants are those of the market: with fees that wait, orders that are
filled in part, trades that are withdrawn or held back, listings that end, meetings and splits.
"""

from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import initialize, invariant
from tests.models.register_acts import INVESTORS
from tests.models.settlement_acts import HOUSE, INTRODUCING, SETTLEMENT, TOKEN, SettlementActs

from tallystick.contracts.orders.models import PlacedOrder


class SettlementMachine(SettlementActs):
    """The market, with all that comes beside a trade."""

    @initialize()
    def open(self) -> None:
        super().open()
        self.names = 0
        introducing = self.market.licence(INTRODUCING, "introducing-broker")
        self.act(partial(self.market.license, introducing))
        self.act(partial(self.market.onboard, HOUSE))
        for each in INVESTORS:
            self.act(partial(self.market.entrust, each, INTRODUCING))

    @invariant()
    def an_order_is_never_filled_beyond_what_it_wants(self) -> None:
        if self.timeline(TOKEN, "ACME").splits:
            return
        filled: dict[str, int] = {}
        for (trade,), _ in self.rows_of(SETTLEMENT, "trade"):
            view = self.find_trade(trade)
            assert view.terms is not None
            if view.trade.status in {"withdrawn", "rejected", "cancelled", "expired"}:
                continue
            for order in (view.terms.buy, view.terms.sell):
                if order.is_placed:
                    filled[order.order] = filled.get(order.order, 0) + view.terms.quantity
        for row in self.rows_as(PlacedOrder, "order"):
            wanted = row.statement.quantity
            assert filled.get(row.statement.order, 0) <= wanted
            assert 0 <= row.unfilled <= wanted


class SettlementInDepth(SettlementMachine):
    """The same at greater length."""


TestSettlement = SettlementMachine.TestCase
TestSettlement.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)

TestSettlementInDepth = pytest.mark.slow(SettlementInDepth.TestCase)
TestSettlementInDepth.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
