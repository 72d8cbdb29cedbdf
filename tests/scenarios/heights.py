"""What must move as a whole, and at which heights of a ledger it has moved in part only.

The records of a ledger say what has happened: a trade is settled, an entitlement is paid, a claim
is settled. Of a movement by itself its event says so, in the block or among the accounts. Apart
from that its accounts and its register say what everybody has. At every height the second must be
exactly what follows from the first.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path

from tests.scenarios.block_calls import Call, calls_of
from tests.scenarios.conftest import CASH
from tests.scenarios.height_rows import entries_of
from tests.scenarios.rebuilt import each_height

from tallystick.contracts.events import LedgerEvent
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

Holdings = Counter[tuple[str, str]]
"""How much there is, by asset and holder; of an act, how much more or less."""


def holdings(assets: Mapping[str, Mapping[str, int]]) -> Holdings:
    """Return what holders have of assets, or what of it an act changes."""
    return Counter(
        {
            (asset, holder): quantity
            for asset, quantities in assets.items()
            for holder, quantity in quantities.items()
        }
    )


def reading(
    assets: Mapping[str, Callable[[StateView], Mapping[str, int]]],
) -> Callable[[StateView], Holdings]:
    """Return what reads by a state what everybody has, of each asset by a function of its own."""
    return lambda state: holdings({asset: read(state) for asset, read in assets.items()})


def together(*parts: Holdings) -> Holdings:
    """Return what changes when all of this does, at one height."""
    all_of_it: Holdings = Counter()
    for each in parts:
        all_of_it.update(each)
    return all_of_it


def moved(asset: str, quantity: int, sender: str | None, receiver: str | None) -> Holdings:
    """Return what moves; nobody sends what comes into being, and nobody receives what ends."""
    sides = {sender: -quantity, receiver: quantity}
    return holdings({asset: {side: each for side, each in sides.items() if side is not None}})


def telling(
    words: Mapping[type[LedgerEvent], str], acts: AbstractSet[str]
) -> Callable[[LedgerEvent], AbstractSet[str]]:
    """Return what finds the act of which an event tells, by words for each kind of event.

    Of acts that are not among ``acts``, those before a course, events tell nothing.
    """

    def told(event: LedgerEvent) -> AbstractSet[str]:
        act = words.get(type(event), "").format_map(event.model_dump())
        return {act} & acts

    return told


def says_nothing(_: LedgerEvent) -> AbstractSet[str]:
    """Return which acts an event tells: none, where rows tell them all."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Course:
    """What happens on a network of its own, and what of it must move as a whole.

    Attributes:
        live: Lets it happen.
        begun: What everybody has before any act.
        acts: By name, everything that changes with an act, at one height.
        holdings: Returns what everybody has by a state, to a peer that may know.
        happened: Returns which acts have happened by a state, as records of their own say.
        supply: Returns how much there is of some assets, as rows of changes say.
        steps: Which acts begin or end to have happened at the heights at which that changes, in
            their order.
        moves: By which functions, as ``chaincode.function``, anything moves that is compared.
        racing: Of the acts those that are sent at once, and come in one block or in several.
        told: Returns which acts an event tells, in public or among the accounts: movements of which
            no row says that they have happened.
    """

    live: Callable[[LocalNetwork], Awaitable[None]]
    begun: Holdings
    acts: Mapping[str, Holdings]
    holdings: Callable[[StateView], Holdings]
    happened: Callable[[StateView], AbstractSet[str]]
    supply: Callable[[StateView], Mapping[str, int]]
    steps: Sequence[AbstractSet[str]]
    moves: AbstractSet[str]
    racing: AbstractSet[str] = frozenset()
    told: Callable[[LedgerEvent], AbstractSet[str]] = says_nothing


@dataclass(frozen=True, slots=True)
class Height:
    """What is so after a block."""

    number: int
    holdings: Holdings
    happened: frozenset[str]
    supply: Mapping[str, int]
    calls: Sequence[Call]

    def of(self, asset: str) -> Mapping[str, int]:
        """Return what holders have of an asset; who has nothing is not named."""
        return {
            holder: quantity
            for (each, holder), quantity in self.holdings.items()
            if each == asset and quantity
        }


async def heights_of(source: Ledger, directory: Path, course: Course) -> list[Height]:
    """Return each height of a ledger, as a new one makes it, from the one at which a course begins.

    That is when everybody has what it begins with; before that nothing may have happened.
    """
    heights: list[Height] = []
    number, told = 0, set[str]()
    async for state in each_height(source, directory):
        calls = tuple(calls_of(source.block(number)))
        for call in calls:
            events = chain(call.events, entries_of(state, CASH, call.transaction_id))
            told.update(*map(course.told, events))
        number += 1
        having, happened = course.holdings(state), frozenset(course.happened(state) | told)
        if heights or having == course.begun:
            heights.append(Height(number, having, happened, course.supply(state), calls))
        else:
            assert not happened, f"{sorted(happened)} happened before everybody has {course.begun}"
    return heights


def moved_by(heights: Sequence[Height]) -> set[str]:
    """Return by which functions anything moved that is compared, since a course began.

    Of a block with several transactions, all of them: a course lets those race that move something.
    """
    return {
        call.function
        for old, new in pairwise(heights)
        if new.holdings != old.holdings
        for call in new.calls
    }


def torn(heights: Sequence[Height], course: Course) -> list[int]:
    """Return the heights at which not exactly that has moved which has happened by then."""
    return [each.number for each in heights if each.holdings != _due(each, course)]


def _due(height: Height, course: Course) -> Holdings:
    """Return what everybody must have once acts have happened as a whole."""
    due = Counter(course.begun)
    for name in height.happened:
        due.update(course.acts[name])
    return due


def late(heights: Sequence[Height], asset: str) -> list[Height]:
    """Return heights as they would be if an asset always moved a block later than it does."""
    return [
        replace(now, holdings=_with(now.holdings, asset, before.of(asset)))
        for before, now in zip((heights[0], *heights), heights, strict=False)
    ]


def _with(having: Holdings, asset: str, quantities: Mapping[str, int]) -> Holdings:
    others = Counter({place: each for place, each in having.items() if place[0] != asset})
    others.update(holdings({asset: quantities}))
    return others
