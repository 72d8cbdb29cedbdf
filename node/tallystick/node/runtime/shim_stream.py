"""A stream to chaincode, and what calls wait for on it.

The peer dials: a process that it started, or a service that somebody else runs.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.initialization import check_initialization
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import (
    ExecutionTimeoutError,
    ShimError,
    StreamTerminatedError,
)
from tallystick.node.runtime.shim_handler import (
    CalleeAnswer,
    CalleeRequest,
    ShimHandler,
    StreamTransaction,
)
from tallystick.node.runtime.shim_link import Link
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage


class ShimStream:
    """One stream to the chaincode of a package.

    Args:
        package_id: The package.
        link: Carries the messages.
        timeout_s: How long one call may take.
        callees: Runs the chaincodes that it calls.
        ends_on_overrun: Whether a call that takes too long is to end the stream.
    """

    def __init__(
        self,
        package_id: str,
        link: Link,
        timeout_s: float,
        callees: ChaincodeRuntime,
        *,
        ends_on_overrun: bool,
    ) -> None:
        self._timeout_s = timeout_s
        self._callees = callees
        self._ends_on_overrun = ends_on_overrun
        self._link = link
        self._calls = 0
        self._handler = ShimHandler(package_id, link.send, answers_writes=link.answers_writes)
        self._drained = asyncio.Event()
        self._retired: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        """Whether calls can begin."""
        return self._handler.is_ready and not self._retired.done()

    @property
    def has_registered(self) -> bool:
        """Whether the chaincode has said who it is."""
        return self._handler.is_ready

    def idle_after(self) -> int | None:
        """Return after how many calls the chaincode waits for the next; None if it does not."""
        return self._calls if self.has_registered and not self._handler.is_busy else None

    def retire(self, reason: str) -> None:
        """Begin no more calls; those that run may end."""
        if not self._retired.done():
            self._retired.set_result(reason)
        self._note_drained()

    async def retired(self) -> str:
        """Return, once no more calls are to begin, why: perhaps since one has taken too long."""
        return await self._retired

    async def drained(self) -> None:
        """Return once, after that, the other calls have ended, or overrun too."""
        await self._drained.wait()

    async def converse(self, on_ready: Callable[[], object]) -> None:
        """Serve the requests of the chaincode until the stream ends.

        Raises:
            ShimProtocolError: The chaincode breaks the rules.
            grpc.aio.AioRpcError: The connection fails.
        """
        handler = self._handler

        def take(message: ChaincodeMessage) -> None:
            was_ready = handler.is_ready
            handler.receive(message)
            if handler.is_ready and not was_ready:
                on_ready()
            self._note_drained()  # a call that was given up may have ended: nobody waits for it

        try:
            await self._link.receive_all(take)
        finally:
            self.end()

    def end(self) -> None:
        """Fail what runs, and end the stream."""
        self._handler.terminate()
        self._link.end()

    async def execute(self, invocation: Invocation) -> InvocationResult:
        """Run one call.

        Raises:
            ShimError: The chaincode does not answer, or not in time.
        """
        if not self.is_open:
            raise StreamTerminatedError
        transaction = self._handler.begin(invocation)
        self._calls += 1
        deadline = asyncio.get_running_loop().call_later(
            self._timeout_s, self._time_out, transaction
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._result(transaction)
        except TimeoutError:
            raise ExecutionTimeoutError from None
        finally:
            if self._handler.is_running(transaction):
                self._handler.give_up(transaction)  # the deadline still watches it
            else:
                deadline.cancel()
                self._note_drained()

    async def _result(self, transaction: StreamTransaction) -> InvocationResult:
        while True:
            step = await transaction.step()
            if isinstance(step, InvocationResult):
                return step
            answer = await self._callee_answer(transaction.invocation, step)
            self._handler.answer_call(transaction, answer)

    def _time_out(self, transaction: StreamTransaction) -> None:
        transaction.settle(ExecutionTimeoutError())
        if not self._handler.is_running(transaction):
            return
        if transaction.calling:  # the callee is at fault: let the caller end by itself
            self._handler.give_up(transaction)
            loop = asyncio.get_running_loop()
            loop.call_later(self._timeout_s, self._time_out, transaction)
            return
        self._handler.forget(transaction)
        if self._ends_on_overrun:
            self.retire("a call took too long, so it was stopped")
        self._note_drained()

    def _note_drained(self) -> None:
        if self._retired.done() and not self._handler.is_busy:
            self._drained.set()

    async def _callee_answer(self, caller: Invocation, request: CalleeRequest) -> CalleeAnswer:
        try:
            return CalleeAnswer(await self._run_callee(caller, request))
        except LedgerError as error:
            return CalleeAnswer(error)

    async def _run_callee(self, caller: Invocation, request: CalleeRequest) -> InvocationResult:
        name, _, channel = request.name.partition("/")
        name = name.partition(":")[0]  # a version may follow, which counts for nothing
        is_elsewhere = channel not in ("", caller.channel_id)
        target = caller.elsewhere(channel) if is_elsewhere else caller
        system = target.system.get(name)
        if system is not None:
            return InvocationResult(system(request.args), None)
        definition = target.resolve(name)
        if definition is None:
            raise ShimError(f"invalid invocation: could not find chaincode with name '{name}'")
        if definition.package_id is None:
            raise ShimError(
                f"invalid invocation: this organisation approved no package for chaincode '{name}'"
            )
        check_initialization(target.simulator, definition, is_init=False)
        invocation = replace(target, chaincode=name, args=request.args, is_init=False)
        result = await self._callees.execute(definition.package_id, invocation)
        return replace(result, event=None) if is_elsewhere else result
