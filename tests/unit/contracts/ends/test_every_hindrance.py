"""Whatever befalls those who take part, what waits comes to its end, and is its holder's all along.

For each kind of thing that waits: each way to its end gives back every unit and every cent, or is
refused; and under each hindrance there is a way.
"""

from itertools import product

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.ends.ending import (
    MarketT,
    heights,
    holdings,
    is_conserved,
    moved,
    waiting,
)
from tests.unit.contracts.ends.hindered import Kind, Way
from tests.unit.contracts.ends.hindrances import HINDRANCES
from tests.unit.contracts.ends.kinds import KINDS
from tests.unit.contracts.trades.orders import an_order, place, real

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant

CASES = [
    pytest.param(kind, hindrance, id=f"{name}, and {hindrance}")
    for (name, kind), hindrance in product(KINDS.items(), HINDRANCES)
]


@pytest.mark.parametrize(("kind", "hindrance"), CASES)
def test_what_waits_comes_to_its_end_whatever_comes_between(
    kind: Kind[MarketT], hindrance: str
) -> None:
    """SS-89, SS-101, F16: and until then who holds what waits has it."""
    scene = kind.scene()
    market = scene.market.fork()
    HINDRANCES[hindrance](market, kind.holders)
    assert (holdings(market), waiting(market)) == (scene.had, kind.waits)

    open_ways = 0
    for way in kind.ways.values():
        branch = market.fork()
        if hindrance in way.stopped:
            assert refused(way.act, branch) == way.stopped[hindrance]
        else:
            had = moved(scene.had, kind.moves)
            with heights(branch) as passed:
                way.act(branch)
            assert all(each in (scene.had, had) for each in passed), "all of it moves, or nothing"
            assert holdings(branch) == had
            assert not any(waiting(branch).values())
            assert is_conserved(branch)
            open_ways += 1
    assert (open_ways == 0) is (hindrance in kind.kept)


WAYS = [
    pytest.param(kind, way, id=f"{name}: {how}")
    for name, kind in KINDS.items()
    for how, way in kind.ways.items()
]


@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_what_is_free_again_is_used_to_the_last_unit_and_cent(
    kind: Kind[MarketT], way: Way[MarketT]
) -> None:
    """SS-89, SS-96: what rows call free, the next order, transfer and withdrawal may use."""
    market = kind.scene().market.fork()
    way.act(market)

    has = +holdings(market)
    units = {holder: amount for (asset, holder), amount in has.items() if asset == "ACME"}
    assert {holder: real(market, holder=holder).amount for holder in units} == units
    for (asset, holder), amount in has.items():
        if asset == "USD":
            market.submit(Participant.BANK, Chaincode.CASH, "withdraw", "USD", holder, amount)
        else:
            place(market, an_order(market, f"last-{holder}", holder=holder, quantity=amount))
            market.transfer(holder, "bob" if holder == "alice" else "alice", amount)
    assert {asset for asset, _ in +holdings(market)} <= {"ACME"}
