"""Keeping a chaincode reachable: starting or dialling it, and again whenever it is lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

import grpc

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import LaunchError
from tallystick.node.runtime.shim_link import Link
from tallystick.node.runtime.shim_stream import ShimStream
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.tasks import supervised_tasks

_log = logging.getLogger(__name__)

_FAREWELL_S: Final = 0.5
"""How long a chaincode that ended its stream may take to say why."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A chaincode that serves, or is about to.

    Attributes:
        link: Carries the messages of its stream.
        ended: Returns, once it is gone, why.
        ends_on_overrun: Whether closing the endpoint also ends a call that takes too long.
    """

    link: Link
    ended: Callable[[], Awaitable[str]]
    ends_on_overrun: bool


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
        self._ready = _new_future()

    async def execute(self, invocation: Invocation) -> InvocationResult:
        """Run one call, after waiting for the chaincode to be there.

        Raises:
            ShimError: It cannot be started, or does not answer.
        """
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

        One that a call has overrun is replaced at once, but ends only when its other calls have.
        """
        async with supervised_tasks() as tasks:
            while True:
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
                ends_on_overrun=reached.ends_on_overrun,
            )
            try:
                async with supervised_tasks() as tasks:
                    talking = tasks.create_task(stream.converse(lambda: ready.set_result(stream)))
                    ended = tasks.create_task(_result_of(reached.ended))
                    overrun = tasks.create_task(stream.overrun())
                    drained = tasks.create_task(stream.drained())
                    first = asyncio.FIRST_COMPLETED
                    await asyncio.wait((talking, ended, overrun), return_when=first)
                    if overrun.done():
                        self._renew(ready)
                        retired.set()
                        await asyncio.wait((talking, ended, drained), return_when=first)
                    elif talking.done() and talking.exception() is None:
                        await asyncio.wait((ended,), timeout=_FAREWELL_S)
                    for task in (talking, ended, overrun, drained):
                        task.cancel()
                    return _reason(talking, ended)
            finally:
                stream.end()

    def _renew(self, ready: asyncio.Future[ShimStream]) -> None:
        if self._ready is ready:
            self._ready = _new_future()

    def _lose(self, ready: asyncio.Future[ShimStream], fault: str) -> None:
        _log.warning("chaincode %s is gone: %s", self._package_id, fault)
        if not ready.done():
            ready.set_exception(LaunchError(self._package_id, fault))
            ready.exception()  # nobody may be waiting
        self._renew(ready)


def _new_future() -> asyncio.Future[ShimStream]:
    return asyncio.get_running_loop().create_future()


async def _result_of(wait: Callable[[], Awaitable[str]]) -> str:
    return await wait()


def _reason(talking: "asyncio.Task[None]", ended: "asyncio.Task[str]") -> str:
    if ended.done() and not ended.cancelled():
        return ended.result()
    if talking.done() and not talking.cancelled():
        failure = talking.exception()
        return "it ended the stream" if failure is None else str(failure)
    return "a call took too long, so it was stopped"
