"""A peer that lacks many blocks gets them from several orderers at once. Virtual time."""

import asyncio
import itertools
import logging
from collections.abc import Callable

import pytest
from tests.unit.deliver.conftest import LENGTH
from tests.unit.deliver.live import LiveOrderer, Network, Story

from tallystick.node.deliver import ranges
from tallystick.node.deliver.ranges import FAR_BEHIND_BLOCKS, STALL_S, gaps, shares
from tallystick.node.deliver.seek import BlockRange
from tallystick.protos.common.common_pb2 import Block

Told = Callable[[Story], Network]
NEWEST = LENGTH - 1


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ((), [(1, 6)]),
        ((1, 2), [(3, 6)]),
        ((3,), [(1, 2), (4, 6)]),
        ((2, 4, 6), [(1, 1), (3, 3), (5, 5)]),
        ((1, 2, 3, 4, 5, 6), []),
    ],
)
def test_gaps_are_what_is_not_there(
    present: tuple[int, ...], missing: list[tuple[int, int]]
) -> None:
    assert gaps(1, 6, present.__contains__) == [BlockRange(*each) for each in missing]


@pytest.mark.parametrize(
    ("count", "speeds", "sizes"),
    [
        (9, (1.0, 1.0, 1.0), [3, 3, 3]),
        (10, (1.0, 1.0, 1.0), [3, 3, 4]),
        (100, (80.0, 10.0, 10.0), [80, 10, 10]),
        (100, (1000.0, 1.0), [100]),
        (10, (0.001, 1000.0), [1, 9]),
        (2, (1.0, 1.0, 1.0), [1, 1]),
        (1, (1.0, 1.0), [1]),
        (5, (7.0,), [5]),
    ],
)
def test_blocks_are_shared_by_speed(
    count: int, speeds: tuple[float, ...], sizes: list[int]
) -> None:
    divided = shares(BlockRange(10, 9 + count), speeds)
    assert [each.stop - each.start + 1 for each in divided] == sizes
    assert divided[0].start == 10
    assert divided[-1].stop == 9 + count
    for earlier, later in itertools.pairwise(divided):
        assert later.start == earlier.stop + 1


async def caught_up(network: Network, newest: int = NEWEST) -> None:
    while len(network.came) < newest:  # noqa: ASYNC110 -- the clock is virtual
        await asyncio.sleep(0.01)


def begun_late(network: Network) -> LiveOrderer:
    """Let all orderers have the whole chain before anybody asks; return the first one."""
    network.ordered(NEWEST)
    return network.orderers[0]


def test_each_orderer_gives_a_part_and_all_are_in_order(told: Told) -> None:
    async def story(network: Network) -> None:
        begun_late(network)
        for each in network.orderers:
            each.line_s = 0.1
        await caught_up(network)
        assert network.came_s[-1] < 0.1 * LENGTH / 2

    network = told(story)
    assert network.came == network.orderers[0].chain[1:]
    assert [len(each.sent) for each in network.orderers] == [13, 13, 13]
    assert network.orderers[0].follows == [LENGTH], "what comes later is followed"


def test_a_few_missing_blocks_come_from_the_one_that_is_followed(told: Told) -> None:
    async def story(network: Network) -> None:
        network.ordered(FAR_BEHIND_BLOCKS - 1)
        await caught_up(network, FAR_BEHIND_BLOCKS - 1)

    network = told(story)
    assert not any(each.ranges for each in network.orderers)


def test_a_single_orderer_is_just_followed(told: Told) -> None:
    async def story(network: Network) -> None:
        del network.orderers[1:]
        begun_late(network)
        await caught_up(network)

    network = told(story)
    assert (network.orderers[0].follows, network.orderers[0].ranges) == ([1], [])


def other_data(block: Block) -> None:
    block.data.data[0] = b"garbage"


def other_signature(block: Block) -> None:
    block.metadata.metadata[0] = b""


def other_past(block: Block) -> None:
    block.header.previous_hash = bytes(32)


def other_number(block: Block) -> None:
    block.header.number += 1


def no_header(block: Block) -> None:
    block.ClearField("header")


@pytest.mark.parametrize(
    "forge", [other_data, other_signature, other_past, other_number, no_header]
)
def test_an_orderer_that_sends_garbage_is_asked_no_more_and_the_others_give_the_rest(
    told: Told, forge: Callable[[Block], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def story(network: Network) -> None:
        begun_late(network)
        network.orderers[1].forge = forge
        await caught_up(network)

    with caplog.at_level(logging.WARNING):
        network = told(story)
    assert network.came == network.orderers[0].chain[1:]
    assert "fetches no more from orderer o2: block" in caplog.text
    assert "is not to be trusted" in caplog.text
    assert len(network.orderers[1].ranges) == 1


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_orderer_that_hangs_delays_the_others_a_moment_only(told: Told, place: int) -> None:
    async def story(network: Network) -> None:
        begun_late(network)
        network.orderers[place].line_s = 1e6
        await caught_up(network)
        assert network.came_s[-1] < STALL_S + 1.0

    network = told(story)
    assert network.came == network.orderers[place].chain[1:]


def test_what_one_orderer_could_not_be_asked_for_is_given_by_the_others(told: Told) -> None:
    async def story(network: Network) -> None:
        network.signer.before, network.signer.refusals = 1, 1  # it learns of the newest block
        begun_late(network)
        await caught_up(network)

    network = told(story)
    assert network.came == network.orderers[0].chain[1:]
    assert [len(each.ranges) for each in network.orderers].count(0) == 1


def test_orderers_that_are_behind_give_what_they_have(told: Told) -> None:
    async def story(network: Network) -> None:
        first, second, third = network.orderers
        network.ordered(NEWEST, by=[first])
        network.ordered(5, by=[second])
        network.ordered(20, by=[third])
        await caught_up(network)

    network = told(story)
    assert network.came == network.orderers[0].chain[1:]


def test_an_orderer_that_boasts_gains_nothing(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    async def boast(*_: object) -> int:
        return 2**62

    monkeypatch.setattr("tallystick.node.deliver.puller.stated_height", boast)

    async def story(network: Network) -> None:
        begun_late(network)
        await caught_up(network)
        await asyncio.sleep(1)
        assert network.orderers[0].follows == [LENGTH]

    network = told(story)
    assert network.came == network.orderers[0].chain[1:]


def test_the_faster_an_orderer_the_more_it_gives(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "ROUND_BLOCKS", 9)

    async def story(network: Network) -> None:
        begun_late(network)
        for each, line_s in zip(network.orderers, (0.01, 0.1, 0.1), strict=True):
            each.line_s = line_s
        await caught_up(network)

    first, *others = told(story).orderers
    assert len(first.sent) > 2 * max(len(each.sent) for each in others)


def test_no_orderer_sends_more_bytes_in_a_round_than_it_may(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(network: Network) -> None:
        begun_late(network)
        block_bytes = network.orderers[0].chain[1].ByteSize()
        monkeypatch.setattr(ranges, "MAX_RANGE_BYTES", 2 * block_bytes)
        await caught_up(network)

    network = told(story)
    assert network.came == network.orderers[0].chain[1:]
    for each in network.orderers:
        assert len(each.sent) <= 3 * len(each.ranges), "one may be on its way"


def test_an_orderer_that_leaves_the_channel_is_asked_no_more(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "ROUND_BLOCKS", 9)

    async def story(network: Network) -> None:
        begun_late(network)
        for each in network.orderers:
            each.line_s = 0.1
        await caught_up(network, 5)
        leaving = network.orderers.pop()
        asked = len(leaving.ranges)
        await caught_up(network)
        assert len(leaving.ranges) == asked

    network = told(story)
    assert network.came == network.orderers[0].chain[1:]
