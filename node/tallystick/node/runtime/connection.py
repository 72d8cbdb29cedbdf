"""Keeping a chaincode reachable: starting or dialling it, and again whenever it is lost."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import grpc

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import LaunchError
from tallystick.node.runtime.shim_link import Link
from tallystick.node.runtime.shim_stream import ShimStream
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.tasks import supervised_tasks

_ResultT = TypeVar("_ResultT")

_log = logging.getLogger(__name__)

_FAREWELL_S: Final = 0.5
"""How long a chaincode that ended its stream may take to say why."""

_IDLE_CHECK_S: Final = 2.0
_IDLE_SHARE: Final = 0.1
"""How often to look whether a process without a call computes, and what share of one processor is
too much."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A chaincode that serves, or is about to.

    Attributes:
        link: Carries the messages of its stream.
        ended: Returns, once it is gone, why.
        cpu_s: Returns how much CPU time it has used, if it is a process of this peer: then closing
            the endpoint ends it, and with it whatever takes too long there.
        max_cpu_s: After how much CPU time to replace it; the kernel ends it some time after that.
    """

    link: Link
    ended: Callable[[], Awaitable[str]]
    cpu_s: Callable[[], float] | None = None
    max_cpu_s: float = math.inf


class Endpoint(Protocol):
    """How a peer gets to a chaincode."""

    def open(self) -> AbstractAsyncContextManager[Reached]:
        """Reach the chaincode for the length of the block.

        Raises:
            LedgerError: It cannot be reached; so too for OSError.
        """


@dataclass(frozen=True, slots=True)
class CallRules:
    """What all calls of chaincode in other processes have in common.

    Attributes:
        timeout_s: How long one call may take.
        start_timeout_s: How long a chaincode may take to register.
    """

    timeout_s: float = 30.0
    start_timeout_s: float = 30.0


class ChaincodeConnection:
    """The stream to one chaincode, opened anew whenever it ends."""

    def __init__(
        self,
        package_id: str,
        endpoint: Endpoint,
        rules: CallRules,
        *,
        callees: ChaincodeRuntime,
        backoff: Backoff,
    ) -> None:
        self._package_id = package_id
        self._endpoint = endpoint
        self._rules = rules
        self._callees = callees
        self._backoff = backoff
        self._ready: asyncio.Future[ShimStream] = _new_future()
        self._is_wanted = asyncio.Event()

    async def execute(self, invocation: Invocation) -> InvocationResult:
        """Run one call, after waiting for the chaincode to be there.

        Raises:
            ShimError: It cannot be started, or does not answer.
        """
        self._is_wanted.set()
        try:
            async with asyncio.timeout(self._rules.start_timeout_s):
                stream = await self._open_stream()
        except TimeoutError:
            reason = f"it has not registered within {self._rules.start_timeout_s:g} s"
            raise LaunchError(self._package_id, reason) from None
        result = await stream.execute(invocation)
        self._backoff.reset()
        return result

    async def _open_stream(self) -> ShimStream:
        while True:
            ready = self._ready
            stream = await asyncio.shield(ready)
            if stream.is_open:
                return stream
            self._renew(ready)  # it is about to be started anew

    async def keep(self) -> None:
        """Keep the chaincode reachable until this is cancelled.

        One that did not get as far as to register is tried again at the next call. One that is
        retired is replaced at once, but ends only when its calls have.
        """
        async with supervised_tasks() as tasks:
            while True:
                await self._is_wanted.wait()
                ready, retired = self._ready, asyncio.Event()
                serving = tasks.create_task(self._serve_and_report(ready, retired))
                retiring = tasks.create_task(retired.wait())
                await asyncio.wait((serving, retiring), return_when=asyncio.FIRST_COMPLETED)
                if retired.is_set():
                    continue
                retiring.cancel()
                await asyncio.sleep(self._backoff.next_delay_s())

    async def _serve_and_report(
        self, ready: asyncio.Future[ShimStream], retired: asyncio.Event
    ) -> None:
        try:
            fault = await self._serve(ready, retired)
        except (LedgerError, OSError) as error:
            fault = str(error)
        except grpc.aio.AioRpcError as error:
            fault = error.details() or error.code().name
        self._lose(ready, fault)

    async def _serve(self, ready: asyncio.Future[ShimStream], retired: asyncio.Event) -> str:
        """Serve one stream; return why it ended."""
        async with self._endpoint.open() as reached:
            stream = ShimStream(
                self._package_id,
                reached.link,
                self._rules.timeout_s,
                self._callees,
                ends_on_overrun=reached.cpu_s is not None,
            )
            try:
                async with supervised_tasks() as tasks:
                    talking = tasks.create_task(stream.converse(lambda: ready.set_result(stream)))
                    ended = tasks.create_task(_result_of(reached.ended))
                    retiring = tasks.create_task(stream.retired())
                    drained = tasks.create_task(stream.drained())
                    idling = tasks.create_task(self._abuse(stream, reached))
                    first = asyncio.FIRST_COMPLETED
                    await asyncio.wait((talking, ended, retiring, idling), return_when=first)
                    if retiring.done():
                        self._renew(ready)
                        retired.set()
                        await asyncio.wait((talking, ended, drained), return_when=first)
                    elif talking.done() and talking.exception() is None:
                        await asyncio.wait((ended,), timeout=_FAREWELL_S)
                    for task in (talking, ended, retiring, drained, idling):
                        task.cancel()
                    return _reason(ended, talking, idling, retiring)
            finally:
                stream.end()

    async def _abuse(self, stream: ShimStream, reached: Reached) -> str:
        """Return, for a process of this peer, what it does instead of waiting for calls.

        One that has had its CPU time is retired, before the kernel ends it amid its calls.
        """
        cpu_s = reached.cpu_s
        if cpu_s is None:
            return await _new_future()
        loop, within_s = asyncio.get_running_loop(), self._rules.start_timeout_s
        deadline = loop.time() + within_s
        while stream.has_registered or loop.time() < deadline:
            calls, used_s = stream.idle_after(), cpu_s()
            if used_s > reached.max_cpu_s:
                stream.retire("it has had its CPU time, so it was replaced")
            await asyncio.sleep(min(_IDLE_CHECK_S, within_s))
            share = (cpu_s() - used_s) / _IDLE_CHECK_S
            if calls is not None and calls == stream.idle_after() and share > _IDLE_SHARE:
                return f"it used {share:.0%} of a processor without a call, so it was stopped"
        return f"it has not registered within {within_s:g} s, so it was stopped"

    def _renew(self, ready: asyncio.Future[ShimStream]) -> None:
        if self._ready is ready:
            self._ready = _new_future()

    def _lose(self, ready: asyncio.Future[ShimStream], fault: str) -> None:
        _log.warning("chaincode %s is gone: %s", self._package_id, fault)
        if not ready.done():
            self._is_wanted.clear()
            ready.set_exception(LaunchError(self._package_id, fault))
            ready.exception()  # nobody may be waiting
        self._renew(ready)


def _new_future() -> asyncio.Future[_ResultT]:
    return asyncio.get_running_loop().create_future()


async def _result_of(wait: Callable[[], Awaitable[str]]) -> str:
    return await wait()


def _reason(*tasks: "asyncio.Task[str] | asyncio.Task[None]") -> str:
    """Return why a stream ended: what the first task says that has ended."""
    for task in tasks:
        if task.done() and not task.cancelled():
            failure = task.exception()
            return (task.result() or "it ended the stream") if failure is None else str(failure)
    raise AssertionError("a stream ends for a reason")
