"""Nine processes are killed and paused at random, with load running: `make chaos MINUTES=15`."""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic
from typing import Final

import pytest
from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults import porcupine
from tests.scenarios.faults.linearizable import as_json_lines, is_linearizable
from tests.scenarios.faults.registers import Registers, settled
from tests.scenarios.orderer_network import (
    check_no_fork,
    lost_by,
    stop_all,
    three_orderers,
)

from tallystick.node.cluster.node import Node

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

MINUTES: Final = float(os.environ.get("TALLY_CHAOS_MINUTES", "1"))
RESUMES_WITHIN_S: Final = float(os.environ.get("TALLY_CHAOS_RESUMES_WITHIN_S", "5"))
"""The goal is 2 s on a machine that does nothing else, which `make chaos` asks for."""
HISTORY: Final = os.environ.get("TALLY_CHAOS_HISTORY", "")
"""A file for the history, for other checkers."""
PORCUPINE_MUST_JUDGE: Final = bool(os.environ.get("TALLY_CHAOS_PORCUPINE"))
"""`make chaos` asks for it where Go is installed: then a judge that is missing is a failure."""
STOPS_ALL_FROM_MINUTES: Final = 15
"""A run of this length must stop every process."""

LONGEST_DOWN_S: Final = 3.0
COMMITS_BETWEEN: Final = 30
PAUSES_ONE_IN: Final = 3

Report = Callable[[str], None]


@dataclass(slots=True)
class Chaos:
    """Stops one process after another, each alone, and measures what clients notice.

    Attributes:
        network: The network.
        load: What runs meanwhile.
        random: Chance.
        report: Prints a line.
        after_kill_s: The longest time without an acknowledgement after each kill.
        after_pause_s: Likewise after each pause.
        stopped: The names of all nodes that were killed or paused.
    """

    network: RunningNetwork
    load: Load
    random: Random
    report: Report
    after_kill_s: list[float] = field(default_factory=list)
    after_pause_s: list[float] = field(default_factory=list)
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
                await self._kill(nodes.pop())
            else:
                await self._pause(nodes.pop())

    async def _kill(self, victim: Node) -> None:
        began_s = monotonic()
        await self.network.kill(victim)
        await self.load.pause(LONGEST_DOWN_S)
        await self.load.more_commits(COMMITS_BETWEEN)
        self._measure(victim, began_s, self.after_kill_s, "killed")
        await self.network.start(victim)

    async def _pause(self, victim: Node) -> None:
        """Let a process hang for a while, which its connections outlive, and go on."""
        pid = self.network.pid(victim)
        began_s = monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            await self.load.pause(LONGEST_DOWN_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        await self.load.more_commits(COMMITS_BETWEEN)
        self._measure(victim, began_s, self.after_pause_s, "paused")
        await self.network.launcher.wait_until_ready(victim)

    def _measure(self, victim: Node, began_s: float, silences_s: list[float], done: str) -> None:
        silence_s = self.load.longest_silence_s(began_s - 0.1, monotonic())
        silences_s.append(silence_s)
        self.stopped.add(victim.name)
        count = len(self.load.acknowledged)
        self.report(f"{count:6} acknowledged; {done} {victim.name}: {silence_s:.2f} s of silence")


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)  # noqa: T201 -- a run that cannot be watched seems to hang

    return say


async def test_random_kills_and_pauses_lose_nothing_and_fork_nothing(
    tmp_path: Path, report: Report
) -> None:
    assert porcupine.PROGRAM.exists() or not PORCUPINE_MUST_JUDGE, "make porcupine failed"
    seed = int(os.environ.get("TALLY_CHAOS_SEED") or secrets.randbits(32))
    random = Random(seed)
    report(f"\nTALLY_CHAOS_SEED={seed} TALLY_CHAOS_MINUTES={MINUTES:g}")
    async with three_orderers(tmp_path) as network:
        load = Load(list(network.gateways.values()), Random(random.getrandbits(32)))
        registers = Registers(network, Random(random.getrandbits(32)))
        chaos = Chaos(network, load, random, report)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(), name="load")
            tasks.create_task(registers.run(), name="registers")
            await chaos.run(60 * MINUTES)
            load.stop()
            registers.stop()
        await settled(registers)
        tips = await network.tips()
        assert len(set(tips.values())) == 1, f"the peers differ: {tips}"
        await stop_all(network)
        check_no_fork(network)
        assert lost_by(network, load) == 0, f"of {len(load.acknowledged)} acknowledged"

    spared = {node.name for node in network.nodes} - chaos.stopped
    assert MINUTES < STOPS_ALL_FROM_MINUTES or not spared, f"nobody stopped {sorted(spared)}"
    report(f"none of {len(load.acknowledged)} acknowledged transactions was lost")
    report(summary("killed", chaos.after_kill_s))
    report(summary("paused", chaos.after_pause_s))
    assert check_history(registers, report) > 0
    assert max(chaos.after_kill_s) < RESUMES_WITHIN_S


def check_history(registers: Registers, report: Report) -> int:
    """Fail unless what clients did is linearizable; return how many reads there are."""
    kept = [(key, each) for key, history in registers.history.items() for each in history]
    lines = as_json_lines(kept)
    if HISTORY:
        Path(HISTORY).write_text(lines, encoding="utf-8")
    broken = [key for key, each in registers.history.items() if not is_linearizable(each)]
    judges = "our search"
    if porcupine.PROGRAM.exists():
        judges += " and Porcupine"
        assert porcupine.judged_by_porcupine(lines) == sorted(broken), "they disagree"
    report(f"registers: {registers.counts} in {len(registers.history)} histories")
    assert not broken, f"not linearizable: {broken}"
    report(f"linearizable, by {judges}")
    return registers.counts["reads"]


def summary(done: str, silences_s: list[float]) -> str:
    """Return how long nothing was acknowledged, in words."""
    if not silences_s:
        return f"nobody was {done}"
    half, longest = median(silences_s), max(silences_s)
    return f"{done} {len(silences_s)} times: silence of {half:.2f} s (p50), {longest:.2f} s (max)"
