"""Processes that are killed and paused while clients read and write."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Final

from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.registers import Registers

from tallystick.node.cluster.node import Node

LONGEST_DOWN_S: Final = 3.0
COMMITS_BETWEEN: Final = 30
PAUSES_ONE_IN: Final = 3

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Silence:
    """The longest times without an acknowledgement around one fault, in seconds.

    Attributes:
        network_s: At none of the gateways. A single silent gateway leaves it short.
        gateways_s: At each gateway alone, without the one that was itself stopped.
    """

    network_s: float
    gateways_s: tuple[float, ...]


@dataclass(slots=True)
class Chaos:
    """Stops one process after another, each alone, and measures what clients notice.

    Attributes:
        network: The network.
        load: What runs meanwhile.
        registers: Likewise; in their history everything can be checked.
        random: Chance.
        report: Prints a line.
        after_kill: What clients noticed of each kill.
        after_pause: Likewise of each pause.
        stopped: The names of all nodes that were killed or paused.
    """

    network: RunningNetwork
    load: Load
    registers: Registers
    random: Random
    report: Report
    after_kill: list[Silence] = field(default_factory=list)
    after_pause: list[Silence] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)

    async def run(self, duration_s: float) -> None:
        """Stop processes until ``duration_s`` seconds have passed; all run on return."""
        ends_s = monotonic() + duration_s
        nodes: list[Node] = []
        while monotonic() < ends_s:
            if not nodes:  # everybody equally often, in any order
                nodes = list(self.network.nodes)
                self.random.shuffle(nodes)
            await self.load.more_commits(COMMITS_BETWEEN)
            if self.random.randrange(PAUSES_ONE_IN):
                await self.kill(nodes.pop())
            else:
                await self.pause(nodes.pop())

    async def kill(self, victim: Node) -> None:
        """Kill a process, and start it again after a while; it works on return."""
        began_s = monotonic()
        await self.network.kill(victim)
        await self.load.pause(LONGEST_DOWN_S)
        self.after_kill.append(await self._measure(victim, began_s, "killed"))
        await self.network.start(victim)

    async def pause(self, victim: Node) -> None:
        """Let a process hang for a while, which its connections outlive; it works on return."""
        pid = self.network.pid(victim)
        began_s = monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            await self.load.pause(LONGEST_DOWN_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.after_pause.append(await self._measure(victim, began_s, "paused"))
        await self.network.launcher.wait_until_ready(victim)

    async def _measure(self, victim: Node, began_s: float, done: str) -> Silence:
        """Return what clients noticed, once all of them that can go on do."""
        living = [each for name, each in self.network.gateways.items() if name != victim.name]
        await self.load.more_commits(COMMITS_BETWEEN)
        await self.load.heard_again(living)
        self.stopped.add(victim.name)
        since, until = began_s - 0.1, monotonic()
        silence = Silence(
            self.load.longest_silence_s(since, until),
            tuple(self.load.silence_at_s(each, since, until) for each in living),
        )
        count, network_s = len(self.load.acknowledged), silence.network_s
        self.report(
            f"{count:6} acknowledged; {done} {victim.name}: {network_s:.2f} s of silence,"
            f" {max(silence.gateways_s):.2f} s at one gateway"
        )
        return silence


@asynccontextmanager
async def chaos(network: RunningNetwork, random: Random, report: Report) -> AsyncIterator[Chaos]:
    """Let clients read and write for the length of the block; all of them have ended on exit."""
    load = Load(list(network.gateways.values()), Random(random.getrandbits(32)))
    registers = Registers(network, Random(random.getrandbits(32)))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(), name="load")
        tasks.create_task(registers.run(), name="registers")
        yield Chaos(network, load, registers, random, report)
        load.stop()
        registers.stop()
