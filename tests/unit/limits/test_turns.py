"""Whose turn it is."""

import asyncio

from tallystick.node.limits.turns import Turns


class Callers:
    """Callers that note when they have a place, and keep it."""

    def __init__(self, turns: Turns, tasks: asyncio.TaskGroup) -> None:
        self._turns = turns
        self._tasks = tasks
        self.served: list[str] = []

    async def come(self, name: str) -> asyncio.Task[None]:
        """Let one come whose group is the first letter of its name."""
        task = self._tasks.create_task(self._call(name))
        await asyncio.sleep(0)
        return task

    async def release(self) -> None:
        self._turns.release()
        await asyncio.sleep(0)

    async def _call(self, name: str) -> None:
        await self._turns.acquire(name[0])
        self.served.append(name)


async def test_groups_are_served_by_turns_and_each_in_order() -> None:
    async with asyncio.TaskGroup() as tasks:
        turns = Turns(1)
        callers = Callers(turns, tasks)
        for name in ("a1", "a2", "a3", "b1", "b2"):
            await callers.come(name)
        for _ in range(4):
            await callers.release()
    assert callers.served == ["a1", "a2", "b1", "a3", "b2"]


async def test_callers_who_give_up_cost_their_group_no_turn() -> None:
    async with asyncio.TaskGroup() as tasks:
        turns = Turns(1)
        callers = Callers(turns, tasks)
        await callers.come("b0")
        impatient = [await callers.come(f"a{number}") for number in range(3)]
        for name in ("a3", "b1", "b2"):
            await callers.come(name)
        for each in impatient[:-1]:
            each.cancel()
        await asyncio.sleep(0)
        impatient[-1].cancel()  # in the very moment in which a place is free
        for _ in range(3):
            await callers.release()
    assert callers.served == ["b0", "a3", "b1", "b2"]


async def test_the_place_of_a_group_that_gave_up_goes_to_another() -> None:
    async with asyncio.TaskGroup() as tasks:
        turns = Turns(1)
        callers = Callers(turns, tasks)
        await callers.come("a0")
        for name in ("b1", "c1"):
            (await callers.come(name)).cancel()
        await callers.come("a1")
        await callers.release()
        assert callers.served == ["a0", "a1"]
        await callers.release()
    assert not turns.taken
