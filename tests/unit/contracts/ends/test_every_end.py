"""Whatever ends without delivery gives back every unit and every cent, from every state.

The tables of states say what can end where. A new state, or a new step that ends something, fails
here until it has a case.
"""

from collections.abc import Callable, Mapping

import pytest
from tests.unit.contracts.ends import actions, buy_ins, offerings, trades
from tests.unit.contracts.ends.ending import (
    Ending,
    MarketT,
    Table,
    heights,
    holdings,
    is_conserved,
    moved,
    waiting,
)
from tests.unit.contracts.offerings.stage import PrimaryMarket
from tests.unit.contracts.trades.stage import cancel, view

from tallystick.contracts.netting.models import CycleStatus
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.states import has_locks
from tallystick.contracts.trades.terms import DvpModel

TABLES: Mapping[str, Table[Market] | Table[PrimaryMarket]] = {
    "trades": trades.TABLE,
    "offerings": offerings.OFFERINGS,
    "subscriptions": offerings.SUBSCRIPTIONS,
    "buy-ins": buy_ins.TABLE,
    "corporate actions": actions.TABLE,
}
CASES = [
    pytest.param(table, ending, id=ending.name)
    for table in TABLES.values()
    for ending in table.endings
]


@pytest.mark.parametrize(("table", "ending"), CASES)
def test_an_end_at_any_state_returns_every_unit_and_every_cent(
    table: Table[MarketT], ending: Ending[MarketT]
) -> None:
    """SS-89, SS-101, F16, F127, F130: and until then who holds what waits has it."""
    scene = ending.scene()
    market = scene.market.fork()
    assert ending.stands(market) is ending.status
    assert holdings(market) == scene.had
    assert waiting(market) == ending.waits

    has = moved(scene.had, ending.moves)
    with heights(market) as passed:
        ending.end(market)

    assert ending.stands(market) is table.ends[ending.status, ending.step]
    assert passed
    assert all(each in (scene.had, has) for each in passed), "all of it moves, or nothing"
    assert holdings(market) == has
    assert not any(waiting(market).values())
    assert is_conserved(market)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_end_in_a_table_of_states_has_a_case(table: Table[MarketT]) -> None:
    assert {(each.status, each.step) for each in table.endings} == set(table.ends)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_not_over_can_be_ended_in_each_state(table: Table[MarketT]) -> None:
    assert table.living - {status for status, _ in table.ends} == table.irrevocable


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(each, id=each.name)
        for each in trades.TABLE.endings
        if each.status is not Status.IN_CYCLE
    ],
)
def test_a_trade_that_is_in_no_cycle_has_locks_while_something_waits_for_it(
    ending: Ending[Market],
) -> None:
    """SS-111: what is bought in, or released at an end, goes by that."""
    market = ending.scene().market
    assert has_locks(view(market).trade) is (waiting(market).total() > 0)


def test_a_cycle_that_is_open_ends_in_each_other_status() -> None:
    assert set(CycleStatus) - {CycleStatus.OPEN} == set(trades.CYCLE_ENDS)


@pytest.mark.parametrize("way", [way for ways in trades.CYCLE_ENDS.values() for way in ways])
@pytest.mark.parametrize("model", [DvpModel.NET_MONEY, DvpModel.NET])
def test_a_cycle_keeps_what_waits_for_a_trade_that_it_keeps_until_that_ends(
    model: DvpModel, way: Callable[[Market], None]
) -> None:
    """SS-89: for another cycle, and no longer than somebody wants it."""
    scene = trades.in_cycle(model)
    market = scene.market.fork()

    way(market)

    assert trades.status_of_trade(market) is Status.FAILING
    assert waiting(market) == trades.LOCKED[model]
    cancel(market)
    assert holdings(market) == scene.had
    assert not any(waiting(market).values())
