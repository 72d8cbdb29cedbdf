"""Where calls wait while a node has its hands full.

A node that works on everything at once does nothing in time: memory, task switches and disagreement
between peers grow with what is in hand. One that refuses whatever it does not work on at once is
busy refusing. So a fixed number is worked on, the rest waits in order, and only what would wait for
too long is turned away.

Channels share a node, and a flood on one must not take it from the others: they are served by
turns, and where the room is full the channel with most in it gives a place up.

What one call begins, others may have to finish. Of that, too, only so much is under way at once:
else everything is begun first, and what finishes it stands behind all that. Calls that are complete
in themselves do not wait for it.
"""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.turns import Turns

_SHORTEST_RETRY_S: Final = 0.1

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """The size of a waiting room.

    Attributes:
        working: Calls that are worked on at once; at least 1.
        waiting: Calls that wait for that; 0 turns away whatever cannot begin at once.
        waiting_bytes: Their size in all.
        wait_s: How long one may wait.
        unfinished: What is begun and not finished at once: calls at work that begin something, and
            what their places are kept for; at least 1.
    """

    working: int = 500
    waiting: int = 10_000
    waiting_bytes: int = 64 * 1024 * 1024
    wait_s: float = 15.0
    unfinished: int = 1_000


@dataclass(slots=True, eq=False)
class _Waiter:
    """A call that waits.

    Attributes:
        size_bytes: What it occupies.
        patience: Ends its wait.
        gave_way: Whether it was turned away for a call of another channel.
    """

    size_bytes: int
    patience: asyncio.Timeout
    gave_way: bool = False


@dataclass(slots=True)
class _Queue:
    """What waits for one channel."""

    waiters: dict[_Waiter, None] = field(default_factory=dict)
    size_bytes: int = 0


class WaitingRoom:
    """Lets in so many calls at once, and the others by turns of their channels, each in order.

    ``working`` and ``waiting`` count calls, ``kept`` what calls have begun and others not finished
    yet, and ``refused`` whom it turned away.
    """

    def __init__(self, service: str, limits: RoomLimits) -> None:
        """Open a room in front of ``service``, which is named to those who are turned away."""
        self._service = service
        self._limits = limits
        self._places = Turns(limits.working)
        self._unfinished = Turns(limits.unfinished)
        self._queues: dict[str, _Queue] = {}
        self._last_wait_s = 0.0
        self.working = self.kept = self.waiting = self.waiting_bytes = self.refused = 0

    def place(self, size_bytes: int, *, channel: str = "", begins: bool = False) -> "Place":
        """Return a place for a call of ``size_bytes``, to be entered as a context.

        Args:
            size_bytes: What the call occupies while it waits.
            channel: What it is for; as many names as the node has channels, and one for the rest.
            begins: Whether it begins what others finish. Such a place can be kept.
        """
        return Place(self, size_bytes, channel, begins=begins)

    async def enter(self, size_bytes: int, channel: str, *, begins: bool) -> None:
        """Return once the call may be worked on; see ``place``.

        Raises:
            TooBusyError: The room is full, or the wait took too long.
        """
        if self._places.taken or (begins and self._unfinished.taken):
            await self._wait(size_bytes, channel, begins=begins)
        else:
            await self._take(channel, begins=begins)
        self.working += 1

    def leave(self, *, begins: bool) -> None:
        """Let the next call be worked on instead of one that has entered."""
        self.working -= 1
        self._places.release()
        if begins:
            self._unfinished.release()

    def keep(self, until: asyncio.Future[ResultT], longest_s: float) -> None:
        """Let the next call be worked on, but count what this one began until ``until`` is done.

        Args:
            until: What the place is kept for; cancelled when that takes too long.
            longest_s: How long it may take.
        """
        expiry = asyncio.get_running_loop().call_later(longest_s, until.cancel)
        self.working -= 1
        self._places.release()
        self.kept += 1

        def release(done: asyncio.Future[ResultT]) -> None:
            expiry.cancel()
            self.kept -= 1
            self._unfinished.release()
            if not done.cancelled():
                done.exception()  # is nobody's: asking for it says so

        until.add_done_callback(release)

    async def _take(self, channel: str, *, begins: bool) -> None:
        if begins:
            await self._unfinished.acquire(channel)
        try:
            await self._places.acquire(channel)
        except asyncio.CancelledError:
            if begins:
                self._unfinished.release()
            raise

    async def _wait(self, size_bytes: int, channel: str, *, begins: bool) -> None:
        limits, now_s = self._limits, asyncio.get_running_loop().time
        waiter = _Waiter(size_bytes, asyncio.timeout(limits.wait_s))
        self._join(channel, waiter)
        came_s = now_s()
        try:
            async with waiter.patience:
                await self._take(channel, begins=begins)
        except TimeoutError as error:
            how = f"for more than {limits.wait_s:g} s"
            raise self._turned_away(self._crowd if waiter.gave_way else how) from error
        finally:
            self._part(channel, waiter)
            self._last_wait_s = now_s() - came_s

    def _join(self, channel: str, waiter: _Waiter) -> None:
        """Let a call wait; the last ones of the channels with most waiting give way if need be.

        Raises:
            TooBusyError: That would leave another channel less than its own. Nobody gives way.
        """
        leaving: list[tuple[str, _Waiter]] = []
        while self._is_full(waiter.size_bytes):
            own = self._share(self._queues.get(channel, _Queue()), waiter)
            fullest = max(
                self._queues, key=lambda name: self._share(self._queues[name]), default=""
            )
            if not self._queues or self._share(self._queues[fullest]) <= own:
                for name, each in reversed(leaving):
                    self._seat(name, each)
                raise self._turned_away(self._crowd)
            last = next(reversed(self._queues[fullest].waiters))
            self._part(fullest, last)
            leaving.append((fullest, last))
        for _, each in leaving:
            each.gave_way = True
            if not each.patience.expired():
                each.patience.reschedule(0)
        self._seat(channel, waiter)

    def _seat(self, channel: str, waiter: _Waiter) -> None:
        """Count a call that waits, as the last of its channel."""
        queue = self._queues.setdefault(channel, _Queue())
        queue.waiters[waiter] = None
        queue.size_bytes += waiter.size_bytes
        self.waiting += 1
        self.waiting_bytes += waiter.size_bytes

    def _part(self, channel: str, waiter: _Waiter) -> None:
        """Let a call wait no longer, if it does."""
        queue = self._queues.get(channel)
        if queue is None or waiter not in queue.waiters:
            return
        del queue.waiters[waiter]
        queue.size_bytes -= waiter.size_bytes
        self.waiting -= 1
        self.waiting_bytes -= waiter.size_bytes
        if not queue.waiters:
            del self._queues[channel]

    def _is_full(self, size_bytes: int) -> bool:
        limits = self._limits
        return (
            self.waiting >= limits.waiting or self.waiting_bytes + size_bytes > limits.waiting_bytes
        )

    def _share(self, queue: _Queue, coming: _Waiter | None = None) -> float:
        """Return which part of the room is a channel's, also when a call has come."""
        count, size_bytes = len(queue.waiters), queue.size_bytes
        if coming is not None:
            count, size_bytes = count + 1, size_bytes + coming.size_bytes
        limits = self._limits
        return max(count / max(1, limits.waiting), size_bytes / max(1, limits.waiting_bytes))

    @property
    def _crowd(self) -> str:
        return f"with {self.waiting} waiting"

    def _turned_away(self, how: str) -> TooBusyError:
        """Return the refusal. The room is served in order, so a wait lasts as long as the last."""
        self.refused += 1
        return TooBusyError(
            f"too many requests for {self._service}: {self.working} are worked on and {self.kept} "
            f"begun but not finished, {how}",
            retry_after_s=max(_SHORTEST_RETRY_S, self._last_wait_s),
        )


class Place:
    """A place among the calls that are worked on, held for the length of the block.

    Entering waits for it, and raises what ``WaitingRoom.enter`` does.
    """

    __slots__ = ("_begins", "_channel", "_is_kept", "_room", "_size_bytes")

    def __init__(self, room: WaitingRoom, size_bytes: int, channel: str, *, begins: bool) -> None:
        self._room = room
        self._size_bytes = size_bytes
        self._channel = channel
        self._begins = begins
        self._is_kept = False

    def keep(self, until: asyncio.Future[ResultT], *, longest_s: float) -> None:
        """Count beyond the block what was begun, until ``until`` is done; see ``WaitingRoom``."""
        assert self._begins, "only what begins something has something to be finished"
        self._is_kept = True
        self._room.keep(until, longest_s)

    async def __aenter__(self) -> Self:
        await self._room.enter(self._size_bytes, self._channel, begins=self._begins)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_kept:
            self._room.leave(begins=self._begins)
