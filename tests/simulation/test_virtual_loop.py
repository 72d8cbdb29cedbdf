"""The event loop of simulations: virtual time, order within a machine, chance between machines."""

import asyncio
from contextvars import Context
from random import Random

import pytest
from simulation.loop import MACHINE, Machine, SimulatedLoop, StuckError


def on(machine: Machine) -> Context:
    context = Context()
    context.run(MACHINE.set, machine)
    return context


def test_sleeping_takes_virtual_time_only() -> None:
    loop = SimulatedLoop(Random(1))
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() == 86_400
    loop.close()


def order_of(seed: int) -> list[str]:
    """Return in which order the callbacks of two machines ran."""
    loop = SimulatedLoop(Random(seed))
    ran: list[str] = []
    for name in "ab":
        context = on(Machine(name))
        for number in range(5):
            loop.call_soon(ran.append, f"{name}{number}", context=context)
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    return ran


def test_callbacks_keep_their_order_on_a_machine_and_mix_between_machines() -> None:
    orders = [order_of(seed) for seed in range(10)]
    for ran in orders:
        for name in "ab":
            assert [each for each in ran if each[0] == name] == [f"{name}{n}" for n in range(5)]
    assert len(set(map(tuple, orders))) > 1
    assert orders[3] == order_of(3)


def test_a_machine_stops_between_two_callbacks_and_goes_on_with_what_it_missed() -> None:
    loop = SimulatedLoop(Random(1))
    machine = Machine("a")
    ran: list[int] = []

    async def count() -> None:
        for number in range(10):
            ran.append(number)
            await asyncio.sleep(0.1)

    task = loop.create_task(count(), context=on(machine))
    machine.break_after(4, lambda: loop.stop_machine(machine))
    loop.run_until_complete(asyncio.sleep(60))
    assert ran == [0, 1]
    loop.go_on(machine)
    loop.run_until_complete(asyncio.wait([task]))
    assert ran == list(range(10))
    loop.close()


def test_tasks_in_a_set_come_in_the_order_of_their_numbers() -> None:
    async def story() -> list[int]:
        woken: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                woken.append(number)

        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(wait(number)) for number in range(8)]
            await asyncio.sleep(1)
            for task in set(started):
                task.cancel()
        return woken

    outcomes = []
    for _ in range(2):
        loop = SimulatedLoop(Random(1))
        outcomes.append(loop.run_until_complete(story()))
        loop.close()
    assert outcomes[0] == outcomes[1]
    assert sorted(outcomes[0]) == list(range(8))


def test_a_story_in_which_everybody_waits_is_told_so() -> None:
    loop = SimulatedLoop(Random(1))
    waiting = loop.create_future()
    with pytest.raises(StuckError):
        loop.run_until_complete(waiting)
    loop.close()
