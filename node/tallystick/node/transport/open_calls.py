"""The calls that a server has open, and an end for those that hold a place and say nothing.

A call takes one of the places that a node has for calls as soon as it is opened, before anything is
known of who opened it. gRPC lets it stay for as long as the other side likes. So a call whose first
message has not come is silent, and so is a stream on which all was refused so far. Silent calls end
after a while; and of too many the one that has been silent for longest ends at once, so that a
flood of them ends itself and leaves the other places to those who speak.
"""

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

PATIENCE_S: Final = 60.0
"""How long a call may be silent. Fabric's command line opens the stream of its envelope before it
has the transaction endorsed, and a large message may be long on its way."""

_SHARE_OF_SILENT: Final = 2
"""One place in so many may be held by silent calls. Of calls that come in one burst thousands may
be silent at a time, because the node has not come to read their messages."""


class OpenCalls:
    """The calls of one server.

    Invariant: no more than ``max_silent`` calls are silent, and none for longer than ``patience_s``
    and what the event loop is behind. One timer serves them all: they are kept in the order in
    which they fell silent.
    """

    def __init__(self, limit: int | None = None, *, patience_s: float = PATIENCE_S) -> None:
        """Begin with none.

        Args:
            limit: How many may be open in all; None is without limit, for tests.
            patience_s: How long a call may be silent.
        """
        self.limit = limit
        self.max_silent = None if limit is None else max(1, limit // _SHARE_OF_SILENT)
        self._patience_s = patience_s
        self._silent: OrderedDict[OpenCall, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self.open = 0

    @property
    def silent(self) -> int:
        """How many have said nothing yet."""
        return len(self._silent)

    def problem(self) -> str:
        """Why calls are refused; empty when all is well."""
        if self.limit is None or self.open < self.limit:
            return ""
        return (
            f"{self.open} calls are open, and more are refused: lower what one client may hold"
            " (connections.max_streams_per_client), or raise connections.max_concurrent_calls"
        )

    def opened(self, context: Context) -> "OpenCall":
        """Return a call that begins, to be entered by the task that answers it and ends with it."""
        return OpenCall(self, context)

    def begin(self, call: "OpenCall") -> None:
        """Count a call, which has said nothing yet."""
        self.open += 1
        self.fell_silent(call)

    def end(self) -> None:
        """Count a call less, whose place is free."""
        self.open -= 1

    def heard(self, call: "OpenCall") -> None:
        """Take a call out of those that are silent."""
        self._silent.pop(call, None)

    def fell_silent(self, call: "OpenCall") -> None:
        """Take a call for the newest of those that are silent; the oldest may have to go."""
        loop = asyncio.get_running_loop()
        self._silent[call] = loop.time()
        self._silent.move_to_end(call)  # it may be among them already
        if self._timer is None:
            self._timer = loop.call_later(self._patience_s, self._sweep)
        if self.max_silent is not None and len(self._silent) > self.max_silent:
            oldest, _ = self._silent.popitem(last=False)
            oldest.give_up(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"more than {self.max_silent} calls wait here for a first message that is not"
                " refused, and this one had waited for longest; nothing was done: open a call when"
                " there is something to send",
            )

    def _sweep(self) -> None:
        """End what has been silent for too long, and look again when the next one will have."""
        loop, self._timer = asyncio.get_running_loop(), None
        while self._silent:
            call, since_s = next(iter(self._silent.items()))
            ends_s = since_s + self._patience_s
            if ends_s > loop.time():
                self._timer = loop.call_at(ends_s, self._sweep)
                return
            del self._silent[call]
            call.give_up(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"no message that is not refused came within {self._patience_s:g} s; nothing was"
                " done: open a call when there is something to send",
            )


class OpenCall:
    """One call, from its beginning to its end: a context of the task that answers it.

    Raises what `grpc.aio.ServicerContext.abort` does out of the context if it was silent for too
    long.
    """

    __slots__ = (
        "_admitted",
        "_calls",
        "_context",
        "_exception",
        "_is_answered",
        "_task",
        "_verdict",
    )

    def __init__(self, calls: OpenCalls, context: Context) -> None:
        self._calls = calls
        self._context = context
        self._task: asyncio.Task[Any] | None = None
        self._verdict: tuple[grpc.StatusCode, str] | None = None
        self._exception: BaseException | None = None
        self._admitted = False
        self._is_answered = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._calls.begin(self)
        # It has its place until the other side has taken the answer, when gRPC ends the task. The
        # context would tell as well, but gRPC binds it into what it holds itself: a cycle of
        # kilobytes for each call, which stays until the garbage collector comes.
        self._task.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_answered = True
        self._exception = exception
        self._calls.heard(self)
        if self._verdict is not None and isinstance(exception, asyncio.CancelledError):
            assert self._task is not None
            self._task.uncancel()
            try:
                await self._context.abort(*self._verdict)
            except BaseException as refusal:
                self._exception = refusal
                raise

    def _ended(self, _: asyncio.Task[Any]) -> None:
        self._calls.end()
        if self._exception is not None:
            # The context keeps that of a refusal, whose frames keep the context: a cycle again.
            self._exception.__traceback__ = self._exception.__context__ = None

    def heard(self) -> None:
        """Know that a message came."""
        self._calls.heard(self)

    def admitted(self) -> None:
        """Know that something was done for the call: it may be silent for as long as it likes."""
        self._admitted = True
        self._calls.heard(self)

    def refused(self) -> None:
        """Know that a message was refused: unless another was not, it is as if none had come."""
        if not (self._admitted or self._is_answered) and self._verdict is None:
            self._calls.fell_silent(self)

    def give_up(self, code: grpc.StatusCode, details: str) -> None:
        """End the call with a status."""
        assert self._task is not None
        self._verdict = code, details
        self._task.cancel()
