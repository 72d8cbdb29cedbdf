"""Who works, who waits, and who is turned away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from tests import virtual_time
from tests.scenarios.outcome import Outcome, State

from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.waiting_room import RoomLimits, WaitingRoom

LONG_S = 60.0


def room(
    working: int = 1,
    *,
    waiting: int = 10,
    waiting_bytes: int = 100,
    wait_s: float = LONG_S,
    unfinished: int = 1,
) -> WaitingRoom:
    limits = RoomLimits(working, waiting, waiting_bytes, wait_s, unfinished)
    return WaitingRoom("/gateway.Gateway", limits)


class Calls:
    """Calls that hold their places until they are told to end."""

    def __init__(self, room: WaitingRoom, tasks: asyncio.TaskGroup) -> None:
        self._room = room
        self._tasks = tasks
        self._numbers = count()
        self.working: list[int] = []
        self.turned_away: dict[int, str] = {}
        self._ends: dict[int, asyncio.Event] = {}

    async def come(
        self, size_bytes: int = 1, channel: str = "", *, begins: bool = False
    ) -> asyncio.Task[None]:
        call = self._call(next(self._numbers), size_bytes, channel, begins=begins)
        task = self._tasks.create_task(call)
        await settled()
        return task

    async def end(self, number: int) -> None:
        self._ends[number].set()
        await settled()

    async def end_all(self) -> None:
        while self.working:
            await self.end(self.working[0])

    async def _call(self, number: int, size_bytes: int, channel: str, *, begins: bool) -> None:
        try:
            async with self._room.place(size_bytes, channel=channel, begins=begins):
                self.working.append(number)
                self._ends[number] = asyncio.Event()
                await self._ends[number].wait()
                self.working.remove(number)
        except TooBusyError as error:
            self.turned_away[number] = str(error)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def begun(room: WaitingRoom, longest_s: float = LONG_S) -> asyncio.Future[None]:
    """Return what a call that is over keeps its place for, until it is done."""
    kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with room.place(1, begins=True) as place:
        place.keep(kept, longest_s=longest_s)
    return kept


@contextmanager
def turned_away(match: str) -> Iterator[None]:
    with pytest.raises(TooBusyError, match=match):
        yield


async def test_so_many_work_and_the_others_follow_in_order() -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = room(2)
        calls = Calls(waiting, tasks)
        for _ in range(4):
            await calls.come()
        assert (calls.working, waiting.working, waiting.waiting) == ([0, 1], 2, 2)
        await calls.end(1)
        assert calls.working == [0, 2]
        await calls.end(0)
        assert calls.working == [2, 3]
        await calls.end_all()
    assert (waiting.working, waiting.waiting, waiting.waiting_bytes) == (0, 0, 0)


async def test_a_full_room_turns_away_whoever_comes_until_somebody_leaves(outcome: Outcome) -> None:
    async with asyncio.TaskGroup() as tasks:
        full = room(1, waiting=1)
        calls = Calls(full, tasks)
        await calls.come()
        await calls.come()
        told = "1 are worked on and 0 begun but not finished, with 1 waiting; noth"
        kept = State("whoever was there keeps the place", lambda: (full.working, full.waiting))
        with outcome.refuses(TooBusyError, leaves=kept, match=told):
            async with full.place(1):
                pass
        assert full.refused == 1
        await calls.end(0)
        await calls.come()
        await calls.end_all()
    assert full.refused == 1


async def test_the_size_of_what_waits_is_limited_too() -> None:
    async with asyncio.TaskGroup() as tasks:
        small = room(1, waiting_bytes=100)
        calls = Calls(small, tasks)
        await calls.come(1_000)  # works, so takes no room
        await calls.come(60)
        with turned_away("with 1 waiting"):
            async with small.place(41):
                pass
        await calls.come(40)
        assert small.waiting_bytes == 100
        await calls.end_all()


async def test_nobody_waits_for_longer_than_allowed() -> None:
    async with asyncio.TaskGroup() as tasks:
        impatient = room(1, wait_s=0.01)
        calls = Calls(impatient, tasks)
        await calls.come()
        with turned_away("for more than 0.01 s"):
            async with impatient.place(1):
                pass
        assert (impatient.waiting, impatient.waiting_bytes) == (0, 0)
        await calls.end_all()


async def test_a_caller_that_gives_up_leaves_its_place_to_the_next() -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = room(1)
        calls = Calls(waiting, tasks)
        first = await calls.come()
        second = await calls.come()
        await calls.come()
        second.cancel()
        await settled()
        assert waiting.waiting == 1
        first.cancel()
        await settled()
        assert calls.working[-1] == 2
        calls.working.remove(0)  # it was cut off before it could say so
        await calls.end_all()
    assert (waiting.working, waiting.waiting) == (0, 0)


async def test_a_failed_call_gives_its_place_back() -> None:
    one = room(1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with one.place(1):
                raise ValueError("broken")
    assert one.working == 0


async def test_a_place_that_is_kept_is_free_once_what_it_is_kept_for_is_done() -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = room(1)
        calls = Calls(waiting, tasks)
        kept = await begun(waiting)
        await calls.come(begins=True)
        assert (calls.working, waiting.working, waiting.kept) == ([], 0, 1)
        kept.set_result(None)
        await settled()
        assert (calls.working, waiting.working, waiting.kept) == ([0], 1, 0)
        await calls.end_all()


def test_a_place_is_kept_for_so_long_only() -> None:
    async def story() -> tuple[float, bool]:
        waiting = room(1)
        never = await begun(waiting, longest_s=3.0)
        async with waiting.place(1, begins=True):
            return asyncio.get_running_loop().time(), never.cancelled()

    assert virtual_time.run(story) == (3.0, True)


async def test_a_place_is_free_when_what_it_is_kept_for_fails() -> None:
    one = room(1, waiting=0)
    for _ in range(3):
        kept = await begun(one)
        kept.set_exception(ValueError("the peer stops"))
        await settled()
    assert (one.working, one.kept) == (0, 0)


async def test_a_call_that_begins_nothing_does_not_wait_for_what_others_have_begun() -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = room(1)
        calls = Calls(waiting, tasks)
        kept = await begun(waiting)
        await calls.come(begins=True)
        await calls.come()
        assert (calls.working, waiting.waiting) == ([1], 1)
        kept.cancel()
        await settled()
        assert calls.working == [1]  # what may begin now still waits for what is worked on
        await calls.end(1)
        assert calls.working == [0]
        await calls.end_all()


async def test_who_is_turned_away_is_told_what_others_have_begun() -> None:
    full = room(1, waiting=0)
    kept = await begun(full)
    with turned_away("0 are worked on and 1 begun but not finished, with 0 waiting"):
        async with full.place(1, begins=True):
            pass
    kept.cancel()
    await settled()
    assert (full.kept, full.refused) == (0, 1)


async def test_who_gives_up_waiting_for_a_place_at_work_has_begun_nothing() -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = room(1)
        calls = Calls(waiting, tasks)
        await calls.come()
        (await calls.come(begins=True)).cancel()
        await settled()
        await calls.end_all()
        await calls.come(begins=True)
        assert calls.working == [2]
        await calls.end_all()


@pytest.mark.parametrize("begins", [False, True], ids=["a query", "a transaction"])
async def test_channels_take_turns_however_much_waits_on_one(*, begins: bool) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = Calls(room(1, waiting=100, unfinished=1), tasks)
        for _ in range(6):
            await calls.come(channel="flooded", begins=begins)
        await calls.come(channel="quiet", begins=begins)
        assert calls.working == [0]
        await calls.end(0)
        assert calls.working == [1], "the flooded channel's turn, which has waited for longest"
        await calls.end(1)
        assert calls.working == [6], "the quiet one's, before four that came earlier"
        await calls.end(6)
        assert calls.working == [2]
        await calls.end_all()


async def test_the_last_call_of_the_channel_with_most_waiting_gives_way_to_another() -> None:
    async with asyncio.TaskGroup() as tasks:
        crowded = room(1, waiting=3)
        calls = Calls(crowded, tasks)
        for _ in range(4):
            await calls.come(channel="flooded")
        await calls.come(channel="quiet")
        ((number, told),) = calls.turned_away.items()
        assert number == 3
        assert "with 3 waiting; nothing was done: try again" in told
        assert crowded.waiting == 3
        await calls.come(channel="quiet")
        assert [*calls.turned_away] == [3, 5], "it would have as much as the other"
        assert crowded.refused == 2
        await calls.end_all()
    assert (crowded.waiting, crowded.waiting_bytes, crowded.working) == (0, 0, 0)


async def test_small_calls_give_way_to_a_large_one_of_another_channel() -> None:
    async with asyncio.TaskGroup() as tasks:
        crowded = room(1, waiting_bytes=100)
        calls = Calls(crowded, tasks)
        await calls.come(channel="flooded")
        for _ in range(3):
            await calls.come(30, channel="flooded")
        await calls.come(40, channel="quiet")
        assert [*calls.turned_away] == [3]
        assert crowded.waiting_bytes == 100
        await calls.end_all()


async def test_nobody_gives_way_to_a_call_that_is_turned_away_all_the_same() -> None:
    async with asyncio.TaskGroup() as tasks:
        crowded = room(1, waiting_bytes=100)
        calls = Calls(crowded, tasks)
        for _ in range(4):
            await calls.come(30, channel="flooded")
        await calls.come(65, channel="quiet")
        assert [*calls.turned_away] == [4], "in place of one of 30 bytes there is room for 40"
        assert (crowded.waiting, crowded.waiting_bytes, crowded.refused) == (3, 90, 1)
        for number in range(4):
            assert calls.working == [number]
            await calls.end(number)


def test_a_call_whose_patience_ends_as_it_gives_way_is_turned_away_once() -> None:
    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            crowded = room(1, waiting=2, wait_s=1.0)
            calls = Calls(crowded, tasks)
            for _ in range(3):
                await calls.come(channel="flooded")
            await asyncio.sleep(1.0)
            await calls.come(channel="quiet")
            assert [*calls.turned_away] == [1, 2]
            assert crowded.refused == 2
            await calls.end_all()

    virtual_time.run(story)
