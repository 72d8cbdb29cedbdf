"""Fails of trades that settle in netting cycles, by DvP 3: nothing of them is ever locked."""

import pytest
from tests.unit.contracts.discipline.stage import (
    AMOUNT,
    CUT_OFFS,
    DEARER,
    SETTLEMENT,
    P,
    agree,
    call,
    compensate,
    fail,
    give_up,
    go_to,
    hold,
    matched,
    note,
    recorded_terms,
    row,
    terms,
)
from tests.unit.contracts.netting.cleared import ClearedMarket, cleared_of

from tallystick.chaincode import Refusal
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.statements import CancelTrade, SplitTrade
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import DvpModel

SPLIT = SplitTrade(part="T-1a", quantity=30)


@pytest.fixture
def cleared(disciplined: Market) -> ClearedMarket:
    """Alice has sold 100 units, due today in a cycle, and has 30."""
    market = cleared_of(disciplined)
    market.transfer("alice", "bob", 970)
    market.agree(terms(market, model=DvpModel.NET, cycle=0, settlement_day="2026-04-02"))
    return market


def net(market: ClearedMarket, trade: str, cycle: str) -> None:
    """Settle a cycle of one trade."""
    market.open_cycle(market.cycle_terms(cycle))
    market.accept(trade, cycle=cycle)
    market.settle_cycle(cycle)


def test_what_a_cycle_could_not_settle_is_split_and_its_part_settles_in_the_next(
    cleared: ClearedMarket,
) -> None:
    """F139, SS-94: 30 of 100 units are delivered; 70 stay a trade that fails."""
    net(cleared, "T-1", "C-1")
    assert row(cleared).status == "failing"

    agree(cleared, "buyer", SPLIT)
    agree(cleared, "seller", SPLIT)
    net(cleared, "T-1a", "C-2")

    assert (row(cleared, "T-1a").status, row(cleared).status) == ("settled", "failing")
    assert (cleared.units("alice"), cleared.units("bob")) == (0, 1000)
    assert recorded_terms(cleared).quantity == 70


def test_a_trade_that_waits_for_another_cycle_grows_older(cleared: ClearedMarket) -> None:
    """F144, SS-98: due on Thursday; failing since its cut-off, over the holiday and the weekend."""
    net(cleared, "T-1", "C-1")
    go_to(cleared, CUT_OFFS[0])
    note(cleared, "2026-04-02", Cause.LACK_OF_SECURITIES, "seller")

    view = fail(cleared)
    assert (view.age, view.failing_since) == (2, "2026-04-02T21:00:00Z")
    assert view.days is not None
    assert [each.penalty for each in view.days] == [400, 400]


def test_what_fails_in_cycles_is_bought_in_with_nothing_to_release(
    cleared: ClearedMarket,
) -> None:
    """F144: the buyer gets money in place of units, and the trade ends."""
    net(cleared, "T-1", "C-1")
    go_to(cleared, CUT_OFFS[2])
    note(cleared, "2026-04-02", Cause.LACK_OF_SECURITIES, "seller")
    call(cleared)
    give_up(cleared)
    before = cleared.money("bob")
    compensate(cleared)

    assert row(cleared).status == "cancelled"
    assert cleared.money("bob") == before + DEARER - AMOUNT


def test_a_trade_that_fails_in_cycles_ends_when_its_buyer_has_the_units_from_another(
    cleared: ClearedMarket,
) -> None:
    """SS-111, W12: of DvP 3 alone what fails can be bought in, for nothing of it is locked."""
    cleared.onboard("carol")
    cleared.issue("carol", 100)
    net(cleared, "T-1", "C-1")
    go_to(cleared, CUT_OFFS[2])
    note(cleared, "2026-04-02", Cause.LACK_OF_SECURITIES, "seller")
    call(cleared)
    go_to(cleared, "2026-04-09T15:00:00Z")
    matched(cleared, "T-2", seller="carol", cycle=0, settlement_day="2026-04-09")
    cleared.lock("T-2")
    cleared.settle("T-2")
    cleared.submit(P.BROKER_DEALER, SETTLEMENT, "execute_buy_in", "T-1", "T-2")

    assert (row(cleared).status, row(cleared).replaced_by) == ("bought-in", "T-2")


def test_what_a_cycle_has_taken_is_neither_held_nor_changed(cleared: ClearedMarket) -> None:
    """SS-111."""
    cleared.open_cycle(cleared.cycle_terms())
    cleared.accept("T-1")

    with pytest.raises(Refusal, match="TRADE_STATUS"):
        hold(cleared, "seller")
    with pytest.raises(Refusal, match="TRADE_STATUS"):
        agree(cleared, "seller", CancelTrade())


def test_what_a_side_has_on_hold_enters_no_cycle(cleared: ClearedMarket) -> None:
    """W12."""
    hold(cleared, "buyer")
    cleared.open_cycle(cleared.cycle_terms())

    with pytest.raises(Refusal, match="TRADE_ON_HOLD"):
        cleared.accept("T-1")
