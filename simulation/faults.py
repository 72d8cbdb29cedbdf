"""What happens to the machines and the network: chosen by a seed, and ended at last."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from simulation.bank import MEMBERS
from simulation.coverage import Fault
from simulation.disk import ENDLESS
from simulation.hosts import Host, World
from simulation.network import Weather

_SECOND_NS: Final = 1_000_000_000
_STEPS_TO_CRASH: Final = (1, 400)
_CHANGES_TO_CRASH: Final = (1, 20)
_CHANGES_OF_START: Final = (1, 4)
_POWER_SHARE: Final = 0.6
_CRASHES_AGAIN: Final = 0.25
_CALM_S: Final = (0.05, 1.2)
_DOWN_S: Final = (0.05, 3.0)
_CUT_S: Final = (0.5, 4.0)
_PAUSE_S: Final = (0.2, 3.0)
_ROLL_S: Final = (0.2, 0.8)
_SLIGHT_SKEW_S: Final = 20.0
_GREAT_SKEW_S: Final = 90.0


class Faults:
    """Lets one fault after another happen, several at a time."""

    def __init__(self, world: World, hosts: list[Host]) -> None:
        self._world = world
        self._hosts = hosts
        self._random = world.chance("faults")
        self._network = world.directory.network
        self._shared = world.etcd is not None

    def begin(self) -> None:
        """Choose the weather, the clocks and the slow readers of this run."""
        random = self._random
        self._network.weather = Weather(
            late=random.choice((0.0, 0.02, 0.1)),
            lost=random.choice((0.0, 0.005, 0.02)),
            doubled=random.choice((0.0, 0.02, 0.1)),
            forged=random.choice((0.0, 0.02)),
        )
        for host in self._hosts:
            if random.random() < 0.3:
                limit_s = _GREAT_SKEW_S if random.random() < 0.2 else _SLIGHT_SKEW_S
                self._set_clock(host, random.uniform(-limit_s, limit_s))
        if random.random() < 0.3:
            slow = random.choice(self._hosts)
            self._network.slow[slow.name] = random.uniform(0.05, 0.5)
            self._world.note(f"{slow.name} reads slowly")
        if self._world.etcd is not None:
            self._world.etcd.answer_loss = random.choice((0.0, 0.02, 0.1))

    async def happen(self) -> None:
        """Let faults happen until cancelled."""
        kinds: list[Callable[[Random], Awaitable[None]]] = [
            self._crash,
            self._crash,
            self._pause,
            self._partition,
            self._cut_one_way,
            self._roll,
            self._fill_disk,
            self._shift_clock,
            self._restore_old_disk,
            self._lose_store,
        ]
        if self._world.etcd is not None:
            kinds += [self._lose_etcd, self._lose_etcd_quorum]
        chosen = self._random.sample(kinds, self._random.randint(2, len(kinds)))
        while True:
            await asyncio.sleep(self._random.uniform(*_CALM_S))
            await self._random.choice(chosen)(self._random)

    def end(self) -> None:
        """Repair everything; what is down starts again."""
        self._world.note("all faults end")
        self._network.heal()
        self._network.weather = Weather()
        self._network.slow.clear()
        if self._world.etcd is not None:
            self._world.etcd.answer_loss = 0.0
            self._world.etcd.has_quorum = True
            self._world.etcd.unreachable.clear()
            self._world.etcd.tell()
        for host in self._hosts:
            host.skew_ns = 0
            host.disk.free_bytes = ENDLESS
            host.disk.break_never()
            if host.is_paused:
                host.resume()
            if host.machine is not None:
                host.machine.break_never()
            else:
                host.start()

    async def _crash(self, random: Random) -> None:
        host = random.choice(self._hosts)
        if host.is_down or host.is_paused:
            return
        if random.random() < 0.5:
            self._crash_at_write(host, random, random.randint(*_CHANGES_TO_CRASH), began=True)
        else:
            self._crash_at_await(host, random)
        await asyncio.sleep(random.uniform(*_DOWN_S))
        await self._restart(host, random)

    async def _restart(self, host: Host, random: Random) -> None:
        """Start a node that is down, and again whenever it has not come far."""
        while host.is_down:
            self._start(host)
            if random.random() < _CRASHES_AGAIN:
                self._crash_at_write(host, random, random.randint(*_CHANGES_OF_START), began=False)
            await asyncio.sleep(random.uniform(*_DOWN_S))

    def _crash_at_await(self, host: Host, random: Random) -> None:
        machine, power = host.machine, random.random() < _POWER_SHARE
        assert machine is not None

        def strike() -> None:
            if host.machine is machine:
                self._strike(host, power=power)

        machine.break_after(random.randint(*_STEPS_TO_CRASH), strike)

    def _crash_at_write(self, host: Host, random: Random, changes: int, *, began: bool) -> None:
        power = random.random() < _POWER_SHARE

        def strike() -> None:
            kind = Fault.CRASH_AT_WRITE if began else Fault.CRASH_AT_START
            self._world.coverage.reached(kind)
            self._strike(host, power=power)

        # Often when it hurts most: between an append and its sync.
        host.disk.break_after(changes, strike, appends_only=began and random.random() < 0.5)

    def _strike(self, host: Host, *, power: bool) -> None:
        self._world.note(f"{host.name} {'loses power' if power else 'is killed'}")
        self._world.coverage.reached(Fault.POWER_CUT if power else Fault.CRASH)
        host.crash(power=power)

    def _start(self, host: Host) -> None:
        self._world.note(f"{host.name} starts")
        host.start()

    async def _pause(self, random: Random) -> None:
        host = random.choice(self._hosts)
        machine = host.machine
        if machine is None or host.is_paused:
            return
        self._world.note(f"{host.name} is stopped for a while")
        self._world.coverage.reached(Fault.PAUSE)
        host.pause()
        await asyncio.sleep(random.uniform(*_PAUSE_S))
        if host.machine is machine:
            host.resume()

    async def _partition(self, random: Random) -> None:
        self._split(random, Fault.PARTITION)
        await asyncio.sleep(random.uniform(*_CUT_S))
        self._heal()

    async def _cut_one_way(self, random: Random) -> None:
        source, target = random.sample(self._hosts, 2)
        self._world.note(f"nothing passes from {source.name} to {target.name}")
        self._network.cut(source.name, target.name, Fault.ONE_WAY_PARTITION)
        await asyncio.sleep(random.uniform(*_CUT_S))
        self._heal()

    async def _roll(self, random: Random) -> None:
        for _ in range(random.randint(2, 5)):
            self._network.heal()
            self._split(random, Fault.ROLLING_PARTITION)
            await asyncio.sleep(random.uniform(*_ROLL_S))
        self._heal()

    async def _fill_disk(self, random: Random) -> None:
        host = random.choice(self._hosts)
        self._world.note(f"the disk of {host.name} is nearly full")
        host.disk.free_bytes = random.randint(0, 20_000)
        await asyncio.sleep(random.uniform(*_CUT_S))
        host.disk.free_bytes = ENDLESS
        if host.machine is None:
            self._start(host)

    async def _shift_clock(self, random: Random) -> None:
        host = random.choice(self._hosts)
        self._set_clock(host, random.uniform(-_SLIGHT_SKEW_S, _SLIGHT_SKEW_S))

    async def _restore_old_disk(self, random: Random) -> None:
        """Let a node go on from a copy of its disk, where others have all that it had besides."""
        hosts = [host for host in self._replaceable() if host.node.kind == "peer" or self._shared]
        host = random.choice(hosts)
        old = host.disk.contents.copied()
        await asyncio.sleep(random.uniform(*_CUT_S))
        if self._take_down(host):
            self._world.note(f"{host.name} gets an old copy of its disk")
            self._world.coverage.reached(Fault.OLD_DISK)
            host.exchange_disk(old)
            self._start(host)

    async def _lose_store(self, random: Random) -> None:
        """Take away what a node can work out again from its blocks."""
        host = random.choice(self._replaceable())
        if self._take_down(host):
            self._world.note(f"{host.name} loses its store")
            self._world.coverage.reached(Fault.LOST_STORE)
            host.disk.contents.stores.clear()
            await asyncio.sleep(random.uniform(*_DOWN_S))
            if host.is_down:
                self._start(host)

    def _replaceable(self) -> list[Host]:
        """Return the nodes that have no private values, of which there may be no other copy."""
        return [host for host in self._hosts if host.node.member.msp_id not in MEMBERS]

    def _take_down(self, host: Host) -> bool:
        """Return whether a node is down, which was running or not."""
        if host.is_paused:
            return False
        if not host.is_down:
            host.crash(power=False)
        return True

    async def _lose_etcd(self, random: Random) -> None:
        etcd = self._world.etcd
        assert etcd is not None
        name = random.choice(list(self._world.directory.orderers))
        self._world.note(f"{name} does not reach etcd")
        etcd.unreachable.add(name)
        etcd.tell()
        await asyncio.sleep(random.uniform(*_CUT_S))
        etcd.unreachable.discard(name)
        etcd.tell()

    async def _lose_etcd_quorum(self, random: Random) -> None:
        etcd = self._world.etcd
        assert etcd is not None
        self._world.note("etcd has no quorum")
        etcd.has_quorum = False
        etcd.tell()
        await asyncio.sleep(random.uniform(*_CUT_S))
        etcd.has_quorum = True
        etcd.tell()

    def _split(self, random: Random, kind: Fault) -> None:
        names = [host.name for host in self._hosts]
        one = set(random.sample(names, random.randint(1, len(names) - 1)))
        self._world.note(f"{', '.join(sorted(one))} are cut off from the others")
        for source in names:
            for target in names:
                if (source in one) != (target in one):
                    self._network.cut(source, target, kind)

    def _heal(self) -> None:
        self._world.note("everything passes again")
        self._network.heal()

    def _set_clock(self, host: Host, ahead_s: float) -> None:
        self._world.note(f"the clock of {host.name} is {ahead_s:+.1f} s off")
        self._world.coverage.reached(Fault.CLOCK_SKEW)
        host.skew_ns = int(ahead_s * _SECOND_NS)
