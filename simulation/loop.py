"""An event loop on a virtual clock, whose order of callbacks a seed decides.

Every callback belongs to a machine, found in a context variable. Callbacks of one machine run in
the order in which asyncio promises; those of different machines are interleaved by chance. A
machine can be stopped between any two of its callbacks, which is between any two awaits, and then
none of them runs again until it is set going, if ever.
"""

import asyncio
import heapq
from collections import defaultdict, deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

ResultT = TypeVar("ResultT")
ArgumentsT = TypeVarTuple("ArgumentsT")

MACHINE: Final[ContextVar["Machine | None"]] = ContextVar("MACHINE", default=None)
"""Whose code runs; None for the world around the machines."""

_LATENCY_S: Final = (0.0002, 0.004)
"""What a call that blocks takes in its thread, such as the sync of a file."""


class Machine:
    """One start of one node: what ends with a crash.

    Attributes:
        name: The node.
        is_stopped: Whether its callbacks are held back.
        held: Those that would have run meanwhile.
        steps: How many callbacks have run.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_stopped = False
        self.held: list[asyncio.Handle] = []
        self.steps = 0
        self._break: tuple[int, Callable[[], object]] | None = None

    def break_after(self, steps: int, action: Callable[[], object]) -> None:
        """Call ``action`` in place of the callback that comes after ``steps`` more."""
        self._break = (self.steps + steps, action)

    def break_never(self) -> None:
        """Take back what `break_after` planned."""
        self._break = None

    def at_break(self) -> Callable[[], object] | None:
        """Return what to do in place of the next callback, once."""
        if self._break is None or self.steps < self._break[0]:
            return None
        action, self._break = self._break[1], None
        return action


class MachineStoppedError(BaseException):
    """The machine has stopped within a callback, of which the rest does not run.

    No handler of errors may mistake it for one that a node can live with.
    """


class StuckError(AssertionError):
    """Everybody waits for somebody else."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks; time passes only when nothing is left to do.

    Attributes:
        failures: What callbacks raised that nobody awaits.
        after_step: Called after each round of callbacks.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._now_s = 0.0
        self._numbers = count()
        self._due: deque[tuple[Machine | None, asyncio.Handle]] = deque()
        self._timers: list[tuple[float, int, Machine | None, asyncio.TimerHandle]] = []
        self.failures: list[str] = []
        self._stopped: list[Machine] = []
        self.after_step: Callable[[], object] = int
        self.steps = 0
        self.set_task_factory(self._new_task)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Return the virtual time, in seconds since the loop was made."""
        return self._now_s

    def call_soon(
        self,
        callback: Callable[[Unpack[ArgumentsT]], object],
        *args: *ArgumentsT,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Queue a callback behind those of the same machine."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._due.append((context.get(MACHINE), handle))
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[ArgumentsT]], object],
        *args: *ArgumentsT,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Do as `call_soon`: there are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[ArgumentsT]], object],
        *args: *ArgumentsT,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Queue a callback for a moment."""
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        entry = (when, next(self._numbers), context.get(MACHINE), handle)
        heapq.heappush(self._timers, entry)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future whose place in a set is the same in every run."""
        return _NumberedFuture(next(self._numbers), self)

    def run_in_executor(  # type: ignore[override]  # there is no executor
        self, executor: None, func: Callable[..., ResultT], *args: object
    ) -> asyncio.Future[ResultT]:
        """Run a call that blocks a little later, in one piece."""
        assert executor is None, "there are no threads here"
        future: asyncio.Future[ResultT] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - it is raised where the call is awaited
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_later(self._random.uniform(*_LATENCY_S), work)
        return future

    def stop_machine(self, machine: Machine) -> None:
        """Let nothing of a machine run from now on."""
        machine.is_stopped = True
        self._stopped.append(machine)

    def go_on(self, machine: Machine) -> None:
        """Let a machine run again, first what it has missed."""
        machine.is_stopped = False
        held, machine.held = machine.held, []
        self._due.extendleft((machine, handle) for handle in reversed(held))

    def release(self) -> None:
        """Let every machine run that was ever stopped, so that its tasks can end."""
        for machine in self._stopped:
            machine.break_never()
            self.go_on(machine)

    def _run_once(self) -> None:
        if not self._due:
            if not self._timers:
                raise StuckError("everybody waits for somebody else")
            self._now_s = max(self._now_s, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now_s:
            _, _, machine, timer = heapq.heappop(self._timers)
            self._due.append((machine, timer))
        for machine, handle in self._interleaved():
            self._run(machine, handle)
        self.after_step()

    def _interleaved(self) -> list[tuple[Machine | None, asyncio.Handle]]:
        """Return what is due: in order for each machine, mixed by chance among them."""
        due, self._due = self._due, deque()
        queues: dict[Machine | None, deque[asyncio.Handle]] = defaultdict(deque)
        for machine, handle in due:
            queues[machine].append(handle)
        if len(queues) == 1:
            return list(due)
        order = [machine for machine, queue in queues.items() for _ in queue]
        self._random.shuffle(order)
        return [(machine, queues[machine].popleft()) for machine in order]

    def _run(self, machine: Machine | None, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        if machine is not None:
            action = None if machine.is_stopped else machine.at_break()
            if action is not None:
                action()
            if machine.is_stopped:
                machine.held.append(handle)
                return
            machine.steps += 1
        self.steps += 1
        handle._run()  # noqa: SLF001 - what every event loop does

    def _new_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Any,  # noqa: ANN401 - what may be a task
        **given: Any,  # noqa: ANN401 - what a task is made with
    ) -> asyncio.Task[Any]:
        return _NumberedTask(next(self._numbers), loop, coro, **given)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG002
        # An answer that nobody waits for any more may well be a failure.
        is_dead = isinstance(context.get("exception"), MachineStoppedError)
        if not is_dead and "never retrieved" not in context["message"]:
            self.failures.append(f"{context['message']}: {context.get('exception')!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: a cancelled timer is passed over when its time comes."""

    def _process_events(self, event_list: object) -> None:
        """Do nothing: nothing comes from outside."""


class _NumberedFuture(asyncio.Future[Any]):
    """A future that sets order by its number, and not by its address."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._number = number

    def __hash__(self) -> int:
        return self._number


class _NumberedTask(asyncio.Task[Any]):
    """A task that sets order by its number, and not by its address."""

    def __init__(
        self,
        number: int,
        loop: asyncio.AbstractEventLoop,
        coro: Any,  # noqa: ANN401
        **given: Any,  # noqa: ANN401
    ) -> None:
        self._number = number  # first: the parent's constructor puts the task into a set
        super().__init__(coro, loop=loop, **given)

    def __hash__(self) -> int:
        return self._number
