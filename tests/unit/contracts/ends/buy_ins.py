"""Steps of a buy-in: none of them moves a unit, or lets anything wait.

What the seller pays because the units have become dearer is all that changes hands.
"""

from collections.abc import Callable
from functools import cache, partial

from tests.unit.contracts.discipline.stage import (
    AMOUNT,
    DEARER,
    call,
    compensate,
    execute,
    fail,
    give_up,
    go_to,
    matched,
    note,
    prepare,
    withdraw,
)
from tests.unit.contracts.ends.ending import Amounts, Ending, Scene, Table, amounts, holdings, moved
from tests.unit.contracts.trades.stage import settle_at_once

from tallystick.contracts.discipline.models import BuyInStatus, Cause
from tallystick.contracts.discipline.rules import BUY_IN_TRANSITIONS, BuyInStep
from tallystick.contracts.testing import Market

Act = Callable[[Market], object]
CALLED_ON, BOUGHT_ON, DUE = (
    "2026-04-09T21:00:00Z",
    "2026-04-10T15:00:00Z",
    "2026-04-16T21:00:00Z",
)
COMPENSATION = DEARER - AMOUNT
BOUGHT = moved(amounts("ACME", carol=-100, bob=100), amounts("USD", carol=DEARER, bob=-DEARER))
PAID = amounts("USD", alice=-COMPENSATION, bob=COMPENSATION)


@cache
def failing() -> Market:
    """Return a market where alice has failed to deliver to bob on four business days."""
    market = Market()
    go_to(market, "2026-04-02T15:00:00Z")
    market.open()
    market.onboard("alice", "bob", "carol")
    for seller in ("alice", "carol"):
        market.issue(seller, 1000)
    prepare(market)
    matched(market)
    go_to(market, CALLED_ON)
    note(market, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller")
    return market


@cache
def after(*acts: Act) -> Scene[Market]:
    """Return a market after some acts; of these, only another trade moves anything."""
    market = failing().fork()
    had = holdings(market)
    for act in acts:
        act(market)
    return Scene(market, moved(had, BOUGHT if buy_elsewhere in acts else Amounts()))


def buy_elsewhere(market: Market) -> None:
    """Let bob have the same from carol, dearer."""
    go_to(market, BOUGHT_ON)
    day = BOUGHT_ON[:10]
    dearer = {"seller": "carol", "amount": DEARER, "cycle": 0, "settlement_day": day}
    matched(market, "T-2", **dearer)
    settle_at_once(market, "T-2")


def compensate_when_due(market: Market) -> None:
    """Let the agent's time be over."""
    go_to(market, DUE)
    compensate(market)


def status_of_buy_in(market: Market) -> BuyInStatus | None:
    """Return where the buy-in stands; None when there is none."""
    found = fail(market).buy_in
    return None if found is None else found.status


def _ending(
    status: BuyInStatus | None,
    step: BuyInStep,
    acts: tuple[Act, ...],
    end: Act,
    moves: Amounts | None = None,
) -> Ending[Market]:
    scene = partial(after, *acts)
    return Ending(status, step, "a buy-in", scene, end, status_of_buy_in, moves=moves or Amounts())


B = BuyInStatus
TABLE = Table(
    {status for status, _ in BUY_IN_TRANSITIONS},
    dict(BUY_IN_TRANSITIONS.items()),
    (
        _ending(None, BuyInStep.CALL, (), call),
        _ending(B.CALLED, BuyInStep.EXECUTE, (call, buy_elsewhere), execute, PAID),
        _ending(B.CALLED, BuyInStep.FAIL, (call,), give_up),
        _ending(B.CALLED, BuyInStep.COMPENSATE, (call,), compensate_when_due, PAID),
        _ending(B.CALLED, BuyInStep.WITHDRAW, (call,), withdraw),
        _ending(B.FAILED, BuyInStep.COMPENSATE, (call, give_up), compensate, PAID),
        _ending(B.FAILED, BuyInStep.WITHDRAW, (call, give_up), withdraw),
        _ending(B.WITHDRAWN, BuyInStep.CALL, (call, withdraw), call),
    ),
)
