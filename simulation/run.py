"""One run: a seed, the faults that follow from it, and whether everything held."""

import asyncio
import gc
import traceback
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass

from simulation.administration import Administration
from simulation.auditors import Auditor, Chain
from simulation.byzantine import ByzantineClient
from simulation.checks import Check, ViolationError
from simulation.clients import Clients
from simulation.coverage import Coverage
from simulation.faults import Faults
from simulation.founding import Image, image_of, until_served, world_of
from simulation.hosts import Host, World
from simulation.keys import chance
from simulation.loop import StuckError
from simulation.workload import DESKS, Workload

_DESKS = 4
_SERVED_WITHIN_S = 30.0
_TROUBLE_S = (6.0, 14.0)
_CONVERGED_WITHIN_S = 90.0
_RECONCILED_WITHIN_S = 60.0
_SEVERAL_ORDERERS = 0.6
_REAL_CONTRACTS = 0.25
_GOVERNED = 0.4
_LAST_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a seed.

    Attributes:
        seed: The seed.
        problem: What must not have happened; empty if all is well.
        check: What does not hold then; None if the simulation itself fails.
        trace: Digest of everything that was audited, in its order.
        counts: How often each kind of fault took effect.
        ended: How client calls ended.
        blocks: How many blocks there were.
        log: What happened, line by line.
    """

    seed: int
    problem: str
    check: Check | None
    trace: str
    counts: Counter[str]
    ended: dict[str, int]
    blocks: int
    log: list[str]


def run_seed(seed: int) -> Result:
    """Return what comes of a seed; the same every time, in every process."""
    return Run(seed).result()


class Run:
    """One seed."""

    def __init__(self, seed: int) -> None:
        choice = chance(seed, "choices")
        self._image = image_of(3 if choice.random() < _SEVERAL_ORDERERS else 1)
        register = self._image.register if choice.random() < _REAL_CONTRACTS else None
        self._is_governed = choice.random() < _GOVERNED
        self._trouble_s = choice.uniform(*_TROUBLE_S)
        self._seed = seed
        self.coverage = Coverage()
        self.world, self.hosts = world_of(self._image, str(seed), self.coverage)
        self.auditor = Auditor(self.world, self.hosts, chain_of(self._image))
        self._clients = Clients(self.world)
        self._workload = Workload(self.world, self._clients, self.auditor, register)
        self._administration = Administration(self.world, self._clients)

    def result(self) -> Result:
        """Return what comes of it."""
        loop = self.world.loop
        problem, check = "", None
        gc.disable()  # else when garbage is found would depend on the runs before
        loop.after_step = self.auditor.look
        try:
            loop.run_until_complete(self._story())
        except ViolationError as error:
            problem, check = _told(error), error.check
        except BaseExceptionGroup as group:
            found = [each for each in group.exceptions if isinstance(each, ViolationError)]
            problem = "; ".join(map(_told, found)) or repr(group.exceptions)
            check = found[0].check if found else None
        except Exception:  # noqa: BLE001 - whatever it is, it must not hide its seed
            problem = traceback.format_exc()
        trace = self.auditor.trace
        trace.update("\n".join(self.world.log).encode())
        trace.update(f"{loop.steps} {loop.time()}".encode())
        _end(self.world, self.hosts)
        gc.enable()
        return Result(
            self._seed,
            problem,
            check,
            trace.hexdigest(),
            self.coverage.counts,
            self._workload.ended,
            len(self.auditor.chain.blocks),
            self.world.log,
        )

    async def _story(self) -> None:
        faults = Faults(self.world, self.hosts)
        for host in self.hosts:
            host.start()
        await self._within(_SERVED_WITHIN_S, until_served(self.world))
        faults.begin()
        byzantine = ByzantineClient(self.world, self._clients, self._workload)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._trouble_s), asyncio.TaskGroup() as tasks:
                for number in range(_DESKS):
                    tasks.create_task(self._workload.trade(number))
                tasks.create_task(byzantine.misbehave())
                if self._is_governed:
                    tasks.create_task(self._administration.govern())
                for _ in range(2):
                    tasks.create_task(faults.happen())
        faults.end()
        await self._within(_CONVERGED_WITHIN_S, self._converge())
        limit_s = self.world.loop.time() + _RECONCILED_WITHIN_S
        while self.auditor.lacking():
            if self.world.loop.time() > limit_s:
                raise ViolationError(Check.MEMBERS, "; ".join(self.auditor.lacking()))
            await asyncio.sleep(1.0)
        self.auditor.finish()

    async def _within(self, limit_s: float, work: Coroutine[None, None, None]) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await work
        except TimeoutError:
            heights = {host.name: self._height(host) for host in self.hosts}
            message = f"there is none within {limit_s:g} s: heights {heights}"
            raise ViolationError(Check.CONVERGENCE, message) from None

    async def _converge(self) -> None:
        """Return once every node serves, every desk gets a call through, and all heights agree."""
        for host in self.hosts:
            if host.machine is None:
                host.start()
        await until_served(self.world)
        if self._is_governed:
            await self._administration.approve_again()
        random = self.world.chance("last")
        for msp_id in DESKS:
            for _ in range(_LAST_ROUNDS):
                call = self._workload.money_call(msp_id, random)
                if await self._workload.submit(call, msp_id):
                    break
            else:
                raise ViolationError(Check.PROGRESS, f"{msp_id} gets nothing through")
        while len(set(map(self._height, self.hosts))) > 1:  # noqa: ASYNC110 - no one event says it
            await asyncio.sleep(0.1)

    def _height(self, host: Host) -> int:
        channel_id = self.world.network.channel_id
        directory = self.world.directory
        if host.name in directory.running_peers:
            return directory.running_peers[host.name].channels[channel_id].ledger.height
        if host.name in directory.running_orderers:
            return directory.running_orderers[host.name].channels[channel_id].chain.height
        return -1


_CHAINS: dict[int, Chain] = {}


def chain_of(image: Image) -> Chain:
    """Return the audited chain of an image, to go on from."""
    known = _CHAINS.get(id(image))
    if known is None:
        known = _CHAINS[id(image)] = _audited(image)
    return known.copied()


def _audited(image: Image) -> Chain:
    """Start the nodes of an image, audit what they have, and stop them."""
    world, hosts = world_of(image, "audit", Coverage())
    auditor = Auditor(world, hosts, Chain())
    world.loop.after_step = auditor.look

    async def story() -> None:
        for host in hosts:
            host.start()
        await until_served(world)

    world.loop.run_until_complete(story())
    _end(world, hosts)
    return auditor.chain


def _told(error: ViolationError) -> str:
    return f"not {error.check.value!r}: {error}"


def _end(world: World, hosts: list[Host]) -> None:
    """Let every task end, so that none is left for the garbage collector to complain of."""
    loop = world.loop
    loop.after_step = int
    loop.set_exception_handler(lambda *_: None)
    for host in hosts:
        host.disk.kill_process()
    loop.release()
    for _ in range(_LAST_ROUNDS):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        with suppress(StuckError):
            loop.run_until_complete(asyncio.wait(tasks, timeout=_SERVED_WITHIN_S))
    with suppress(StuckError):
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
