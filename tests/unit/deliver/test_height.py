import asyncio

import pytest

from tallystick.node.deliver.height import HeightWatch, WatchClosedError


async def test_waiting_for_a_height_that_is_reached_returns_at_once() -> None:
    watch = HeightWatch(3)
    await watch.wait_for(3)
    assert watch.height == 3


async def test_all_who_wait_are_woken_and_only_those_whose_height_is_reached() -> None:
    watch, reached = HeightWatch(1), []

    async def wait(height: int) -> None:
        await watch.wait_for(height)
        reached.append(height)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for height in (3, 2, 2):
            tasks.create_task(wait(height))
        await asyncio.sleep(0)
        watch.advance(2)
        await watch.wait_for(2)
        await asyncio.sleep(0)
        assert reached == [2, 2]
        watch.advance(3)
    assert reached == [2, 2, 3]


async def test_one_who_gives_up_leaves_the_others_waiting() -> None:
    watch = HeightWatch(1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(watch.wait_for(2))
        hasty = tasks.create_task(watch.wait_for(2))
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.sleep(0)
        assert not patient.done()
        watch.advance(2)


async def test_closing_turns_away_who_waits_but_not_who_asks_for_what_is_there() -> None:
    watch = HeightWatch(1)
    waiting = asyncio.ensure_future(watch.wait_for(2))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    watch.close()
    with pytest.raises(WatchClosedError, match="shutting down"):
        await waiting
    with pytest.raises(WatchClosedError):
        await watch.wait_for(2)
    await watch.wait_for(1)


def test_a_height_never_falls() -> None:
    watch = HeightWatch(2)
    with pytest.raises(AssertionError, match="fell from 2 to 1"):
        watch.advance(1)


async def test_a_pause_outlasts_new_blocks_and_ends_at_once_when_the_node_stops() -> None:
    watch = HeightWatch(1)
    await watch.pause(0.01)
    watch.advance(2)
    pausing = asyncio.ensure_future(watch.pause(3_600))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    watch.advance(3)
    await asyncio.sleep(0)
    assert not pausing.done()
    watch.close()
    with pytest.raises(WatchClosedError):
        await pausing
