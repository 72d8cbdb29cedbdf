"""How trades and cycles end: a trade of 100 units by alice to bob, each model in each status.

It fails already, and its buyer has had the same by another trade, so that it can be bought in too.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product

from pydantic import JsonValue
from tests.unit.contracts.discipline.stage import AMOUNT
from tests.unit.contracts.ends.ending import Amounts, Ending, Scene, Table, amounts, holdings
from tests.unit.contracts.trades.stage import (
    AN_HOUR,
    MEDIATOR,
    STEPS,
    P,
    approve,
    called_in,
    fail,
    freeze,
    unfreeze,
    view,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting.models import CycleStatus, CycleTerms, CycleView, DefaultNotice
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.states import TRANSITIONS, Step
from tallystick.contracts.trades.terms import DvpModel

SETTLEMENT = Chaincode.SETTLEMENT
LIVING = {status for status, _ in TRANSITIONS}
ENDS = {
    place: following
    for place, following in TRANSITIONS.items()
    if following is not Status.SETTLED and following not in LIVING
}
"""Steps that end a trade without delivering it."""

UNITS, MONEY = amounts("ACME", alice=100), amounts("USD", bob=AMOUNT)
LOCKED: dict[DvpModel, Amounts] = {
    DvpModel.GROSS: UNITS + MONEY,
    DvpModel.NET_MONEY: UNITS,
    DvpModel.NET: Amounts(),
}
"""What waits for a trade of each model once it is locked, or in a cycle."""


# --- where they begin ---


@cache
def proposed(model: DvpModel) -> Scene[Market]:
    """Return a trade that is agreed on; only one that settles by itself can have a mediator."""
    mediators = (MEDIATOR,) if model is DvpModel.GROSS else ()
    market = called_in(model=model, mediators=mediators)
    if mediators:
        approve(market, until=market.after(AN_HOUR * 24 * 365))
    return Scene(market, holdings(market))


@cache
def locked(model: DvpModel) -> Scene[Market]:
    """Return one whose legs are locked."""
    return _after(proposed(model), Market.lock)


@cache
def in_cycle(model: DvpModel, *, keeps: bool = True) -> Scene[Market]:
    """Return one in a cycle, which keeps what it drops for another one, or ends it."""
    return _after(proposed(model), partial(_accept, model=model, keeps=keeps))


@cache
def failing(model: DvpModel) -> Scene[Market]:
    """Return one that could not be delivered: by itself, or in a cycle that has let it go."""
    if model is DvpModel.GROSS:
        return _after(locked(model), fail)
    return _after(in_cycle(model), cancel_cycle)


def _after(before: Scene[Market], step: Callable[[Market], object]) -> Scene[Market]:
    market = before.market.fork()
    step(market)
    return Scene(market, before.had)


def _accept(market: Market, model: DvpModel, *, keeps: bool) -> None:
    terms = CycleTerms(
        cycle="C-1",
        venue=P.ATS,
        model=model,
        keeps_dropped=keeps,
        cut_off_at=market.after(AN_HOUR),
        settles_from=market.after(AN_HOUR),
    )
    market.submit(P.CLEARING, SETTLEMENT, "open_cycle", terms)
    named: list[JsonValue] = ["T-1"]
    market.submit(P.CLEARING, SETTLEMENT, "accept_trades", "C-1", named)


# --- how they end ---


def cancel_cycle(market: Market) -> None:
    """End the cycle without settling anything."""
    market.submit(P.CLEARING, SETTLEMENT, "cancel_cycle", "C-1", "an error")


def settle_with_a_seller_stopped(market: Market) -> None:
    """Let the cycle settle while the seller may not deliver."""
    freeze(market)
    _settle_cycle(market)
    unfreeze(market)


def settle_with_the_buyer_in_default(market: Market) -> None:
    """Let the cycle settle while the buyer, who has pledged nothing, is in default."""
    notice = DefaultNotice(member="bob", venue=P.ATS, evidence_hash=EVIDENCE, salt="5a" * 32)
    market.submit(P.CLEARING, SETTLEMENT, "declare_default", default=notice)
    _settle_cycle(market)


def _settle_cycle(market: Market) -> None:
    market.ledger.advance(AN_HOUR)
    market.submit(P.CLEARING, SETTLEMENT, "settle_cycle", "C-1")


CYCLE_ENDS = {
    CycleStatus.CANCELLED: (cancel_cycle,),
    CycleStatus.SETTLED: (settle_with_a_seller_stopped, settle_with_the_buyer_in_default),
}
"""How a cycle comes to each status but that in which it is open, without settling its trade."""


def status_of_trade(market: Market) -> Status:
    """Return where the trade stands."""
    return view(market).trade.status


def status_of_cycle(market: Market) -> CycleStatus:
    """Return where the cycle stands."""
    return market.evaluate(SETTLEMENT, "cycle", "C-1").load(CycleView).cycle.status


def _by_itself() -> Iterator[Ending[Market]]:
    begun = {Status.PROPOSED: proposed, Status.LOCKED: locked, Status.FAILING: failing}
    for (status, step), model in product(sorted(ENDS), DvpModel):
        if status is Status.IN_CYCLE or not _is_possible(status, step, model):
            continue
        yield Ending(
            status,
            step,
            f"a trade of {model}",
            partial(begun[status], model),
            STEPS[step],
            status_of_trade,
            waits=Amounts() if status is Status.PROPOSED else LOCKED[model],
        )


def _is_possible(status: Status, step: Step, model: DvpModel) -> bool:
    """Return whether a trade of a model can take a step: what only its legs or its terms say."""
    if status is Status.LOCKED or step is Step.REJECT:
        return model is DvpModel.GROSS
    return step is not Step.BUY_IN or status is Status.PROPOSED or not LOCKED[model]


def _in_cycles() -> Iterator[Ending[Market]]:
    ways = [way for each in CYCLE_ENDS.values() for way in each]
    for model, way in product((DvpModel.NET_MONEY, DvpModel.NET), ways):
        yield Ending(
            Status.IN_CYCLE,
            Step.DROP,
            f"a trade of {model}, {way.__name__}",
            partial(in_cycle, model, keeps=False),
            way,
            status_of_trade,
            waits=LOCKED[model],
        )


TABLE = Table({*LIVING}, dict(ENDS.items()), (*_by_itself(), *_in_cycles()))
