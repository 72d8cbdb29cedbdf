"""Where calls wait while a node has its hands full.

A node that works on everything at once does nothing in time: memory, task switches and disagreement
between peers grow with what is in hand. One that refuses whatever it does not work on at once is
busy refusing. So a fixed number is worked on, the rest waits in order, and only what would wait for
too long is turned away.

What one call begins, others may have to finish. Of that, too, only so much is under way at once:
else everything is begun first, and what finishes it stands behind all that. Calls that are complete
in themselves do not wait for it.
"""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

from tallystick.node.limits.errors import TooBusyError

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


class WaitingRoom:
    """Lets in so many calls at once, and the others in the order in which they came.

    ``working`` and ``waiting`` count calls, ``kept`` what calls have begun and others not finished
    yet, and ``refused`` whom it turned away.
    """

    def __init__(self, service: str, limits: RoomLimits) -> None:
        """Open a room in front of ``service``, which is named to those who are turned away."""
        self._service = service
        self._limits = limits
        self._places = asyncio.Semaphore(limits.working)
        self._unfinished = asyncio.Semaphore(limits.unfinished)
        self._last_wait_s = 0.0
        self.working = self.kept = self.waiting = self.waiting_bytes = self.refused = 0

    def place(self, size_bytes: int, *, begins: bool = False) -> "Place":
        """Return a place for a call of ``size_bytes``, to be entered as a context.

        Args:
            size_bytes: What the call occupies while it waits.
            begins: Whether it begins what others finish. Such a place can be kept.
        """
        return Place(self, size_bytes, begins=begins)

    async def enter(self, size_bytes: int, *, begins: bool) -> None:
        """Return once the call may be worked on; see ``place``.

        Raises:
            TooBusyError: The room is full, or the wait took too long.
        """
        if self._places.locked() or (begins and self._unfinished.locked()):
            await self._wait(size_bytes, begins=begins)
        else:
            await self._take(begins=begins)
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

    async def _take(self, *, begins: bool) -> None:
        if begins:
            await self._unfinished.acquire()
        try:
            await self._places.acquire()
        except asyncio.CancelledError:
            if begins:
                self._unfinished.release()
            raise

    async def _wait(self, size_bytes: int, *, begins: bool) -> None:
        limits, now_s = self._limits, asyncio.get_running_loop().time
        is_full = self.waiting >= limits.waiting
        if is_full or self.waiting_bytes + size_bytes > limits.waiting_bytes:
            raise self._turned_away(f"with {self.waiting} waiting")
        self.waiting += 1
        self.waiting_bytes += size_bytes
        came_s = now_s()
        try:
            async with asyncio.timeout(limits.wait_s):
                await self._take(begins=begins)
        except TimeoutError as error:
            raise self._turned_away(f"for more than {limits.wait_s:g} s") from error
        finally:
            self.waiting -= 1
            self.waiting_bytes -= size_bytes
            self._last_wait_s = now_s() - came_s

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

    __slots__ = ("_begins", "_is_kept", "_room", "_size_bytes")

    def __init__(self, room: WaitingRoom, size_bytes: int, *, begins: bool) -> None:
        self._room = room
        self._size_bytes = size_bytes
        self._begins = begins
        self._is_kept = False

    def keep(self, until: asyncio.Future[ResultT], *, longest_s: float) -> None:
        """Count beyond the block what was begun, until ``until`` is done; see ``WaitingRoom``."""
        assert self._begins, "only what begins something has something to be finished"
        self._is_kept = True
        self._room.keep(until, longest_s)

    async def __aenter__(self) -> Self:
        await self._room.enter(self._size_bytes, begins=self._begins)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_kept:
            self._room.leave(begins=self._begins)
