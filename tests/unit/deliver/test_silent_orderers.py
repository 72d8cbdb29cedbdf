"""Which orderers that send nothing are left, and how soon. Virtual time."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from random import Random

import pytest
from tests.unit.deliver.conftest import LENGTH, SILENCE, Pulling, ScriptedOrderer, carrying
from tests.unit.deliver.live import Network, Story

from tallystick.node.deliver import puller
from tallystick.node.deliver.puller import PATIENCE_S, SILENCE_S
from tallystick.node.deliver.witnesses import GRACE_S, Grace
from tallystick.protos.common.common_pb2 import Block

Told = Callable[[Story], Network]
SOON_S = SILENCE_S + GRACE_S + 0.2
"""Until another orderer is followed, its block being there: two seconds and a moment."""


def test_an_orderer_that_hangs_is_left_soon_for_one_that_has_the_next_block(told: Told) -> None:
    async def story(network: Network) -> None:
        first, *others = network.orderers
        network.ordered(3)
        await asyncio.sleep(5)
        first.set(hangs=True)
        await asyncio.sleep(0.3)
        there_s = network.ordered(5, by=others)
        await asyncio.sleep(PATIENCE_S)
        assert [moment - there_s < SOON_S for moment in network.came_s[3:]] == [True, True]

    assert told(story).changes == 2


def test_an_orderer_that_hangs_is_left_soon_even_after_an_hour_without_blocks(told: Told) -> None:
    async def story(network: Network) -> None:
        network.ordered(1)
        await asyncio.sleep(PATIENCE_S - 2)
        network.orderers[0].set(hangs=True)
        there_s = network.ordered(2, by=network.orderers[1:])
        await asyncio.sleep(PATIENCE_S)
        assert network.came_s[1] - there_s < SOON_S

    told(story)


def test_nobody_is_left_while_there_is_nothing_to_send(told: Told) -> None:
    async def story(network: Network) -> None:
        for number in range(1, 30):
            network.ordered(number)
            await asyncio.sleep(0.9 * PATIENCE_S)

    network = told(story)
    assert [each.follows for each in network.orderers] == [[1], [], []]
    assert len(network.orderers[1].headers) == 29, "asked once for each block"


def test_busy_orderers_are_asked_nothing_beside_the_one_that_is_followed(told: Told) -> None:
    async def story(network: Network) -> None:
        for number in range(1, LENGTH):
            network.ordered(number)
            await asyncio.sleep(0.9 * SILENCE_S)

    network = told(story)
    assert network.changes == 1
    assert not any(each.headers for each in network.orderers)


def test_an_orderer_that_is_always_a_little_late_is_not_left(told: Told) -> None:
    async def story(network: Network) -> None:
        first, *others = network.orderers
        for number in range(1, LENGTH):
            network.ordered(number, by=others)
            await asyncio.sleep(0.8 * GRACE_S)
            network.ordered(number, by=[first])
            await asyncio.sleep(2 * SILENCE_S)

    assert told(story).changes == 1


def other_signature(block: Block) -> None:
    block.metadata.metadata[0] = b""


def other_past(block: Block) -> None:
    block.header.previous_hash = bytes(32)


def no_metadata(block: Block) -> None:
    block.ClearField("metadata")


@pytest.mark.parametrize("forge", [other_signature, other_past, no_metadata])
def test_nobody_is_left_for_a_liar(
    told: Told, forge: Callable[[Block], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def story(network: Network) -> None:
        _, liar, idle = network.orderers
        network.ordered(1)
        await asyncio.sleep(0.1)
        liar.forge = forge
        network.ordered(2, by=[liar])
        await asyncio.sleep(0.9 * PATIENCE_S)
        assert len(network.came_s) == 1
        assert not liar.follows
        network.ordered(2, by=[idle])
        await asyncio.sleep(SOON_S)
        assert len(network.came_s) == 2

    with caplog.at_level(logging.WARNING):
        told(story)
    assert "orderer o2 is not believed" in caplog.text


def test_a_large_block_on_a_slow_line_comes_and_the_next_one_costs_no_change(told: Told) -> None:
    line_s = 6.0

    async def story(network: Network) -> None:
        for each in network.orderers:
            each.line_s = line_s
        for number in range(1, 6):
            there_s = network.ordered(number)
            await asyncio.sleep(4 * line_s)
            assert len(network.came_s) == number
            if number > 1:
                assert network.came_s[-1] - there_s <= line_s + 0.1

    assert told(story).changes <= 4, "1 + 2 + 4 seconds of grace, and then it comes"


def test_if_nobody_else_answers_patience_decides(told: Told) -> None:
    async def story(network: Network) -> None:
        network.ordered(1)
        await asyncio.sleep(0.1)
        for each in network.orderers:
            each.set(hangs=True)
        await asyncio.sleep(PATIENCE_S + 1)
        assert network.changes == 2

    told(story)


def test_witnesses_are_asked_again_if_the_question_could_not_be_signed(told: Told) -> None:
    async def story(network: Network) -> None:
        first, *others = network.orderers
        network.ordered(1)
        await asyncio.sleep(0.5)
        first.set(hangs=True)
        network.signer.refusals = len(others)
        network.ordered(2, by=others)
        await asyncio.sleep(PATIENCE_S / 2)
        assert len(network.came_s) == 2

    assert told(story).changes == 2


async def test_a_witness_may_come_at_the_moment_at_which_patience_ends(
    pulling: Callable[..., Pulling], blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    patience_s = 0.02

    async def at_the_last_moment(others: Sequence[ScriptedOrderer], _: object) -> ScriptedOrderer:
        time.sleep(patience_s)  # noqa: ASYNC251 -- so that the timeout is due
        await asyncio.sleep(0)  # and comes second in this round of the loop
        await asyncio.sleep(0)
        return others[0]

    monkeypatch.setattr(puller, "SILENCE_S", 0)
    monkeypatch.setattr(puller, "first_witness", at_the_last_moment)
    withholding = ScriptedOrderer("o1", [[*carrying(blocks[1]), SILENCE]])
    other = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    assert await pulling(withholding, other, patience_s=patience_s).pull(3) == blocks[1:]
    assert (withholding.starts(), other.starts()) == ([1], [2])


@pytest.mark.parametrize("seed", range(5))
def test_whoever_hangs_and_for_how_long_blocks_come_soon_and_nothing_flaps(
    told: Told, seed: int
) -> None:
    random = Random(seed)

    async def story(network: Network) -> None:
        for number in range(1, LENGTH):
            if number % 4 == 0:  # at most one hangs
                for each in network.orderers:
                    each.set(hangs=False)
                random.choice(network.orderers).set(hangs=True)
            there_s = network.ordered(number)
            await asyncio.sleep(random.choice((0.2, 1.0, 3.0, 20.0)))
            while len(network.came_s) < number:  # noqa: ASYNC110 -- the clock is virtual
                await asyncio.sleep(0.05)
            assert network.came_s[number - 1] - there_s < 2 * SOON_S

    assert told(story).changes <= 1 + LENGTH // 4


@pytest.mark.parametrize(
    ("left", "then_waited_s", "seconds"),
    [
        (0, 0.0, GRACE_S),
        (1, GRACE_S + 0.1, 2 * GRACE_S),
        (3, 7.5, 8 * GRACE_S),
        (3, 0.5, GRACE_S),
        (9, 29.0, PATIENCE_S),
    ],
)
def test_grace_doubles_when_leaving_was_in_vain(
    left: int, then_waited_s: float, seconds: float
) -> None:
    grace = Grace(longest_s=PATIENCE_S)
    for _ in range(left):
        grace.was_in_vain()
    grace.block_came(then_waited_s)
    assert grace.seconds == seconds
