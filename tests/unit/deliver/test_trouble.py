"""A peer that cannot follow says so, and a quiet channel is no trouble. Virtual time."""

import asyncio
from collections.abc import Callable

import pytest
from tests.unit.deliver.live import Network, Story

from tallystick.node.deliver.puller import PATIENCE_S
from tallystick.node.deliver.trouble import Trouble

Told = Callable[[Story], Network]
LOST = "no orderer has given blocks for 40 s; the last one tried: o2: away"
SOON_S = 5.0
"""Until an orderer that is back is followed, and has been asked how many blocks it has."""


def after_failures() -> Trouble:
    trouble = Trouble()
    trouble.failed(100.0, "o1: away")
    trouble.failed(120.0, "o2: away")
    return trouble


def test_trouble_is_told_once_it_has_lasted() -> None:
    trouble = after_failures()
    assert trouble.text(129.9, PATIENCE_S) == ""
    assert trouble.text(140.0, PATIENCE_S) == LOST


def test_trouble_ends_with_the_next_block() -> None:
    trouble = after_failures()
    trouble.over()
    assert trouble.text(140.0, PATIENCE_S) == ""


async def stay_well(network: Network, seconds: int) -> None:
    for _ in range(seconds):
        await asyncio.sleep(1)
        assert network.fault() == ""


async def restart(network: Network, away_s: float) -> None:
    """Follow one block; then let all orderers be away, and be there again."""
    network.ordered(1)
    await stay_well(network, 5)
    for each in network.orderers:
        each.set(is_away=True)
    await asyncio.sleep(away_s)
    assert bool(network.fault()) == (away_s > PATIENCE_S)
    for each in network.orderers:
        each.set(is_away=False)


@pytest.mark.parametrize("orderers", [1, 3])
@pytest.mark.parametrize("away_s", [2.0, 36.0])
def test_orderers_that_are_back_are_no_trouble_though_nothing_happens(
    told: Told, orderers: int, away_s: float
) -> None:
    async def story(network: Network) -> None:
        del network.orderers[orderers:]
        await restart(network, away_s)
        await asyncio.sleep(SOON_S)
        await stay_well(network, 300)
        assert len(network.came) == 1

    told(story)


def test_one_orderer_that_stays_away_is_no_trouble_though_nothing_happens(told: Told) -> None:
    async def story(network: Network) -> None:
        network.orderers[2].set(is_away=True)
        await stay_well(network, 600)
        assert not network.came

    told(story)


def test_an_only_orderer_that_hangs_once_it_is_back_is_still_trouble(told: Told) -> None:
    async def story(network: Network) -> None:
        del network.orderers[1:]
        await restart(network, 36.0)
        network.orderers[0].set(hangs=True)
        await asyncio.sleep(10 * PATIENCE_S)
        assert "o1: no answer from orderer o1" in network.fault()
        network.orderers[0].set(hangs=False)
        await asyncio.sleep(SOON_S)
        await stay_well(network, 60)

    told(story)


def test_a_block_that_one_says_it_has_and_nobody_gives_is_still_trouble(told: Told) -> None:
    async def story(network: Network) -> None:
        await restart(network, 36.0)
        withholding = network.orderers[1]
        withholding.line_s = 1e5
        network.ordered(2, by=[withholding])
        for _ in range(20):
            await asyncio.sleep(10)
            assert network.fault()
        withholding.line_s = 0.0
        network.ordered(2)
        await asyncio.sleep(PATIENCE_S)
        assert network.fault() == ""

    told(story)


def test_a_block_that_all_show_and_nobody_gives_becomes_trouble(told: Told) -> None:
    async def story(network: Network) -> None:
        network.ordered(1)
        await stay_well(network, 5)
        for each in network.orderers:
            each.line_s = 1e5
        network.ordered(2)
        await stay_well(network, int(PATIENCE_S))
        await asyncio.sleep(PATIENCE_S)
        assert "it did not send block 2, which o" in network.fault()

    told(story)
