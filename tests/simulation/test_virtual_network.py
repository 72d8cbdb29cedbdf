"""The network of simulations: who calls always learns what became of the call."""

import asyncio
from random import Random

import pytest
from simulation.coverage import Coverage, Fault
from simulation.loop import Machine, SimulatedLoop
from simulation.network import BrokenLinkError, SimulatedNetwork


@pytest.mark.parametrize("steps", range(3), ids=lambda steps: f"after {steps} steps")
def test_a_caller_learns_of_a_crash_also_before_the_work_has_begun(steps: int) -> None:
    loop = SimulatedLoop(Random(1))
    network = SimulatedNetwork(loop, Random(1), Coverage())
    machine = Machine("b")
    network.attach(machine)

    def crash() -> None:
        loop.stop_machine(machine)
        network.detach(machine)

    async def work() -> None:
        for _ in range(10):
            await asyncio.sleep(0.1)

    machine.break_after(steps, crash)
    with pytest.raises(BrokenLinkError, match="the other side is gone"):
        loop.run_until_complete(asyncio.wait_for(network.call("a", "b", work), timeout=60))
    loop.go_on(machine)  # so that nothing is left over
    loop.run_until_complete(asyncio.sleep(60))
    loop.close()


def test_whether_there_is_a_connection_is_told_and_changes_nothing() -> None:
    loop, random = SimulatedLoop(Random(1)), Random(1)
    network = SimulatedNetwork(loop, random, Coverage())
    machine, drawn = Machine("b"), random.getstate()
    assert not network.connects("a", "b"), "nobody runs there"
    network.attach(machine)
    assert network.connects("a", "b")
    for source, target in (("a", "b"), ("b", "a")):
        network.cut(source, target, Fault.PARTITION)
        assert not network.connects("a", "b"), "each way is needed"
        network.heal()
    assert network.connects("a", "b")
    network.detach(machine)
    assert not network.connects("a", "b")
    assert random.getstate() == drawn
    loop.close()
