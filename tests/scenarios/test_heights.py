"""Delivery against payment at every height of the ledger of every peer.

Each course of events happens on a network of its own, and says which legs move at one height. Then
each peer's ledger is built again from its blocks, and after each of them everybody has what they
had before, and all legs of what has happened by then.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from tests.scenarios.conftest import PEERS, SECURITY, WATCHERS
from tests.scenarios.courses import (
    abandoned,
    buy_ins,
    claims_by_leg,
    credit,
    defaults,
    distributions,
    elections,
    market_claims,
    money,
    receipts,
    torn_trade,
    trades,
    units,
)
from tests.scenarios.height_rows import ACCOUNTS, account_hashes, settled_trades, units_of
from tests.scenarios.heights import Course, heights_of, late, moved_by, torn
from tests.scenarios.rebuilt import each_height
from tests.scenarios.told_books import ToldBooks

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.testing import LocalNetwork

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

P = Participant
COURSES = {
    "trades, issue and redemption": trades.COURSE,
    "receipts of money off the ledger": receipts.COURSE,
    "distributions and a split": distributions.COURSE,
    "elections": elections.COURSE,
    "market claims": market_claims.COURSE,
    "market claims by leg": claims_by_leg.COURSE,
    "money on credit": credit.COURSE,
    "a default in cycles": defaults.COURSE,
    "units by themselves": units.COURSE,
    "money by itself": money.COURSE,
    "what ends without delivery": abandoned.COURSE,
    "buy-ins and penalties": buy_ins.COURSE,
}


@dataclass(frozen=True, slots=True)
class Lived:
    """A course that has happened, and the ledger of each peer after it."""

    course: Course
    ledgers: Mapping[str, Ledger]


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=list(COURSES.values()), ids=list(COURSES)
)
async def lived(request: pytest.FixtureRequest) -> AsyncIterator[Lived]:
    course: Course = request.param
    async with LocalNetwork() as network:
        await course.live(network)
        yield Lived(course, {each: ledger_of(network, each) for each in PEERS})


def ledger_of(network: LocalNetwork, participant: str) -> Ledger:
    """Return the ledger of a participant's peer."""
    return network.peers[participant].channels[network.channel_id].ledger


async def test_at_no_height_has_one_leg_moved_and_the_other_not(
    lived: Lived, tmp_path: Path
) -> None:
    """SS-87, SS-89, SS-95, SS-100, SS-101, SS-104, F144, F150, F158, W30.

    That is so on both peers that see all legs. Nothing is made, and nothing lost.
    """
    for peer in WATCHERS:
        heights = await heights_of(lived.ledgers[peer], tmp_path / peer, lived.course)
        assert torn(heights, lived.course) == []
        for each in heights:
            assert {asset: sum(each.of(asset).values()) for asset in each.supply} == each.supply
        told = [each.happened for each in heights]
        steps = [new ^ old for old, new in pairwise(told) if new != old]
        assert [each for each in steps if not each <= lived.course.racing] == lived.course.steps
        assert told[0] == set()
        assert lived.course.racing <= told[-1]
        assert moved_by(heights) == lived.course.moves


async def test_events_alone_tell_at_each_height_what_everybody_has(
    lived: Lived, tmp_path: Path
) -> None:
    """SS-22, SS-109: every row of the register and of the accounts, by events and entries."""
    ledger, books = lived.ledgers[P.CLEARING], ToldBooks()
    number = 0
    async for state in each_height(ledger, tmp_path):
        assert books.follow(ledger.block(number), state) == []
        number += 1
    assert number == ledger.height


async def test_a_leg_that_moved_a_block_later_would_be_noticed(
    lived: Lived, tmp_path: Path
) -> None:
    """Any leg of any course: the test above says nothing of one whose delay it would miss."""
    heights = await heights_of(lived.ledgers[P.CLEARING], tmp_path, lived.course)
    for asset in {asset for act in lived.course.acts.values() for asset, _ in act}:
        moved = [new.number for old, new in pairwise(heights) if new.of(asset) != old.of(asset)]
        assert moved
        assert torn(late(heights, asset), lived.course) == moved


async def test_a_contract_that_pays_a_block_after_it_delivers_is_noticed(tmp_path: Path) -> None:
    """At the height between, and at no other: in the end everybody has what is due."""
    course = torn_trade.COURSE
    async with LocalNetwork() as network:
        await course.live(network)
        heights = await heights_of(ledger_of(network, P.CLEARING), tmp_path, course)

    first = next(each.number for each in heights if each.happened)
    assert torn(heights, course) == [first]
    assert heights[-1].number > first
    assert moved_by(heights) == course.moves


async def test_who_sees_no_money_sees_units_move_in_the_same_block_as_its_hashes(
    lived: Lived, tmp_path: Path
) -> None:
    """SS-87: the venue's peer has the same accounts at every height, in hashes, and no value."""
    venue = each_height(lived.ledgers[P.ATS], tmp_path / "venue")
    async for state in each_height(lived.ledgers[P.CLEARING], tmp_path / "clearing"):
        seen = await anext(venue)
        hashes = account_hashes(state)
        held = {
            key: found.value
            for key in hashes
            if (found := seen.get_hash(Chaincode.CASH, ACCOUNTS, key)) is not None
        }
        assert held == hashes
        assert not account_hashes(seen)
        assert units_of(seen, SECURITY) == units_of(state, SECURITY)
        assert settled_trades(seen) == settled_trades(state)
