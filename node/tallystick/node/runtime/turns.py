"""A contract and the event loop, taking turns.

A contract of this process is plain synchronous code. While it waits for a chaincode elsewhere, the
event loop must go on; so such a contract has a thread, and either the thread runs or the loop does,
never both: whatever a contract touches needs no lock, as if it ran in the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import ShimError


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A call that the contract makes of chaincode outside this process."""

    package_id: str
    invocation: Invocation


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


Ask = Callable[[OutsideCall], InvocationResult]
"""Makes a call and returns what came of it; it raises LedgerError if there is no answer."""


class _Turns:
    """Both directions between a thread and the loop; one side waits while the other runs."""

    def __init__(self, work: Callable[[Ask], InvocationResult]) -> None:
        self._work = work
        self._steps: SimpleQueue[OutsideCall | InvocationResult | _Failed] = SimpleQueue()
        self._answers: SimpleQueue[InvocationResult | LedgerError] = SimpleQueue()

    def begin(self) -> OutsideCall | InvocationResult | _Failed:
        """Let the contract run until it calls or ends."""
        Thread(target=self._run, name="contract", daemon=True).start()
        return self._steps.get()

    def go_on(
        self, answer: InvocationResult | LedgerError
    ) -> OutsideCall | InvocationResult | _Failed:
        """Answer the contract's call, and let it run until it calls again or ends."""
        self._answers.put(answer)
        return self._steps.get()

    def _run(self) -> None:
        try:
            self._steps.put(self._work(self._ask))
        except BaseException as error:  # noqa: BLE001  # it is raised where the call is awaited
            self._steps.put(_Failed(error))

    def _ask(self, call: OutsideCall) -> InvocationResult:
        self._steps.put(call)
        answer = self._answers.get()
        if isinstance(answer, LedgerError):
            raise answer
        return answer


async def run_in_turns(
    work: Callable[[Ask], InvocationResult], callees: ChaincodeRuntime
) -> InvocationResult:
    """Return what ``work`` returns; the loop runs while a call that it makes is under way."""
    turns = _Turns(work)
    step = turns.begin()
    try:
        while isinstance(step, OutsideCall):
            step = turns.go_on(await _outcome(callees, step))
    finally:
        while isinstance(step, OutsideCall):  # cancelled: nobody waits for the contract any more
            step = turns.go_on(ShimError("the transaction was given up"))
    if isinstance(step, _Failed):
        raise step.error
    return step


async def _outcome(callees: ChaincodeRuntime, call: OutsideCall) -> InvocationResult | LedgerError:
    try:
        return await callees.execute(call.package_id, call.invocation)
    except LedgerError as error:
        return error
