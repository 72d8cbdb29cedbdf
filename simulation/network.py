"""The network between the machines: late, lossy, and cut in two at times.

It offers what gRPC offers nodes: a call that is answered or fails, and a stream whose messages keep
their order until it breaks. A message that is lost, or meets a partition, breaks its call or stream
after a while; who sent it cannot know whether it arrived.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from simulation.coverage import Coverage, Fault
from simulation.loop import MACHINE, Machine, SimulatedLoop
from tallystick.node.errors import LedgerError
from tallystick.node.gateway.errors import GatewayError
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_data_hash

ResultT = TypeVar("ResultT")

NAGLED_S: Final = (0.0005, 0.004)
"""What a message takes on a good day."""
_LATE_S: Final = (0.02, 1.5)
_BROKEN_AFTER_S: Final = (0.2, 3.0)
"""How long it takes to notice that no answer will come."""
_WINDOW: Final = 4
"""How many messages of a stream may be under way: what HTTP/2 calls flow control."""


_Arrived = asyncio.Queue[bytes | None | Exception]
"""Messages of a stream; None or an error is behind the last one."""


class BrokenLinkError(Exception):
    """A call or stream broke, or the other side does not run."""


_ANSWERS: Final = (BrokenLinkError, LedgerError, GatewayError)
"""What a service raises to say something; anything else is a fault of its own."""


@dataclass(slots=True)
class Weather:
    """How likely each fault of a message is, from 0 to 1."""

    late: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    forged: float = 0.0


class SimulatedNetwork:
    """Carries calls and streams between places, which are nodes and clients by name.

    Attributes:
        weather: What happens to messages.
        slow: Who reads streams slowly, and by how many seconds for each message.
        failures: What services raised that is no answer to anybody.
    """

    def __init__(self, loop: SimulatedLoop, random: Random, coverage: Coverage) -> None:
        self._loop = loop
        self._random = random
        self._coverage = coverage
        self._cut: dict[tuple[str, str], Fault] = {}
        self._last_arrival_s: dict[tuple[str, str], float] = {}
        self._running: dict[str, Machine] = {}
        self._crashed: dict[Machine, asyncio.Future[None]] = {}
        self.weather = Weather()
        self.slow: dict[str, float] = {}
        self.failures: list[str] = []

    def attach(self, machine: Machine) -> None:
        """Let a machine be reached under its name."""
        self._running[machine.name] = machine
        self._crashed[machine] = self._loop.create_future()

    def detach(self, machine: Machine) -> None:
        """Let nobody reach a machine any more; what it was asked breaks."""
        if self._running.get(machine.name) is machine:
            del self._running[machine.name]
        crashed = self._crashed[machine]
        if not crashed.done():
            crashed.set_result(None)

    def cut(self, source: str, target: str, kind: Fault) -> None:
        """Let nothing pass from one place to another."""
        self._cut[source, target] = kind

    def heal(self) -> None:
        """Let everything pass again."""
        self._cut.clear()

    def connects(self, source: str, target: str) -> bool:
        """Return whether there is a connection now. It draws nothing: asking changes no story."""
        is_cut = (source, target) in self._cut or (target, source) in self._cut
        return target in self._running and not is_cut

    def forge(self, block: Block) -> None:
        """Let a block that an orderer delivers be another one, now and then."""
        if not block.header.number or self._random.random() >= self.weather.forged:
            return
        self._coverage.reached(Fault.FORGED_BLOCK)
        block.data.data.extend(block.data.data[:1])
        if not block.data.data or self._random.random() < 0.5:
            # So that only the signature can tell.
            block.header.data_hash = block_data_hash(block.data.data)

    async def call(
        self,
        source: str,
        target: str,
        work: Callable[[], Awaitable[ResultT]],
        *,
        in_order: bool = False,
        once: bool = False,
    ) -> ResultT:
        """Return what ``work`` returns on ``target``; what it raises is raised here.

        Args:
            source: Who calls.
            target: Who is called.
            work: What the other side does; done twice where the request is doubled.
            in_order: Whether requests between the two keep their order.
            once: Whether the request must not be doubled.

        Raises:
            BrokenLinkError: There is no answer. The work may have been done all the same.
        """
        answer: asyncio.Future[ResultT] = self._loop.create_future()
        serving: list[asyncio.Task[None]] = []

        def arrive() -> None:
            machine = self._running.get(target)
            if machine is None:
                self._later(self._delay_s(target, source), _fail, answer, "nobody listens there")
                return
            # Before the work begins: a task that is cancelled before its first step never runs.
            tell_crash = _Teller(self, target, source, answer)
            self._crashed[machine].add_done_callback(tell_crash, context=Context())
            work_there = self._serve(machine, source, work, answer, tell_crash)
            serving.append(self._start(machine, work_there))

        if self._passes(source, target):
            self._later(self._delay_s(source, target, in_order=in_order), arrive)
            if not once and self._random.random() < self.weather.doubled:
                self._coverage.reached(Fault.DUPLICATION)
                self._later(self._delay_s(source, target), arrive)
        else:
            self._later(self._random.uniform(*_BROKEN_AFTER_S), _fail, answer, "no answer")
        try:
            return await answer
        finally:
            if not answer.done() or answer.cancelled():
                for task in serving:
                    self._later(self._delay_s(source, target), task.cancel)

    async def stream(
        self, source: str, target: str, messages: Callable[[], AsyncIterator[bytes]]
    ) -> AsyncGenerator[bytes, None]:
        """Yield what ``target`` sends; its end is the end here.

        Raises:
            BrokenLinkError: The stream broke.
        """
        arrived: _Arrived = asyncio.Queue(_WINDOW)
        work = self._carry(source, target, messages, arrived)
        carrying = asyncio.get_running_loop().create_task(work)
        try:
            while True:
                if source in self.slow:
                    self._coverage.reached(Fault.SLOW_CONSUMER)
                    await asyncio.sleep(self.slow[source])
                message = await arrived.get()
                if message is None:
                    return
                if isinstance(message, Exception):
                    raise BrokenLinkError(str(message)) from message
                yield message
        finally:
            carrying.cancel()
            await asyncio.wait([carrying])

    async def _carry(
        self,
        source: str,
        target: str,
        messages: Callable[[], AsyncIterator[bytes]],
        arrived: _Arrived,
    ) -> None:
        """Bring the messages of a stream from ``target``, then None or why there are no more."""

        async def send() -> None:
            async for message in messages():
                if not self._passes(target, source):
                    await asyncio.sleep(self._random.uniform(*_BROKEN_AFTER_S))
                    raise BrokenLinkError("a message was lost")
                await asyncio.sleep(self._delay_s(target, source))
                await arrived.put(message)

        end: Exception | None = None
        try:
            await self.call(source, target, send, once=True)
        except Exception as error:  # noqa: BLE001 - it is raised where the stream is read
            end = error
        await arrived.put(end)

    async def _serve(
        self,
        machine: Machine,
        source: str,
        work: Callable[[], Awaitable[ResultT]],
        answer: asyncio.Future[ResultT],
        tell_crash: "_Teller",
    ) -> None:
        """Do the work on a machine, and send the outcome back, unless a crash is told first."""
        try:
            result = await work()
        except Exception as error:  # noqa: BLE001 - it crosses the network
            if not isinstance(error, _ANSWERS):
                self.failures.append(f"a service of {machine.name} fails: {error!r}")
            self._reply(machine, source, _fail_with, answer, error)
        else:
            self._reply(machine, source, _succeed, answer, result)
        finally:
            self._crashed[machine].remove_done_callback(tell_crash)

    def _reply(
        self, machine: Machine, source: str, tell: Callable[..., object], *what: object
    ) -> None:
        if self._passes(machine.name, source):
            self._later(self._delay_s(machine.name, source), tell, *what)
        else:
            self._later(self._random.uniform(*_BROKEN_AFTER_S), _fail, what[0], "no answer")

    def broke(self, target: str, source: str, answer: asyncio.Future[ResultT]) -> None:
        """Let a caller notice that the other side is gone."""
        self._later(self._delay_s(target, source), _fail, answer, "the other side is gone")

    def _start(self, machine: Machine, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        context = Context()
        context.run(MACHINE.set, machine)
        return self._loop.create_task(work, context=context)

    def _later(self, delay_s: float, act: Callable[..., object], *what: object) -> None:
        """Do something that belongs to no machine, so that no crash prevents it."""
        self._loop.call_later(delay_s, act, *what, context=Context())

    def _passes(self, source: str, target: str) -> bool:
        kind = self._cut.get((source, target))
        if kind is not None:
            self._coverage.reached(kind)
            return False
        if self._random.random() < self.weather.lost:
            self._coverage.reached(Fault.LOSS)
            return False
        return True

    def _delay_s(self, source: str, target: str, *, in_order: bool = False) -> float:
        delay_s = self._random.uniform(*NAGLED_S)
        if self._random.random() < self.weather.late:
            self._coverage.reached(Fault.DELAY)
            delay_s += self._random.uniform(*_LATE_S)
        now_s = self._loop.time()
        last_s = self._last_arrival_s.get((source, target), 0.0)
        if now_s + delay_s < last_s:
            if in_order:
                return last_s - now_s
            if last_s - now_s - delay_s > NAGLED_S[1]:
                self._coverage.reached(Fault.REORDERING)
        self._last_arrival_s[source, target] = max(last_s, now_s + delay_s)
        return delay_s


class _Teller:
    """Tells a caller of a crash; an object of its own, so that it can be taken back."""

    def __init__(
        self, network: SimulatedNetwork, target: str, source: str, answer: asyncio.Future[ResultT]
    ) -> None:
        self._what = (network, target, source, answer)

    def __call__(self, _: object) -> None:
        network, target, source, answer = self._what
        network.broke(target, source, answer)


def _succeed(answer: asyncio.Future[ResultT], result: ResultT) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail_with(answer: asyncio.Future[ResultT], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _fail(answer: asyncio.Future[ResultT], reason: str) -> None:
    _fail_with(answer, BrokenLinkError(reason))


async def last_of(messages: AsyncIterator[bytes]) -> bytes | None:
    """Return the last message of a stream; None if there is none."""
    last = None
    async for message in messages:
        last = message
    return last
