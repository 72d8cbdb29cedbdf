"""Places that are given to groups of callers by turns, so that none waits behind all of another."""

import asyncio
from collections import deque


class Turns:
    """So many places at once; what waits for one is served by turns, and in order within a group.

    A semaphore serves everybody in one order: whoever asks a thousand times is served a thousand
    times before the next. Invariant: nobody waits while a place is free.
    """

    def __init__(self, places: int) -> None:
        """Open with so many free places, at least 1."""
        self._free = places
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def taken(self) -> bool:
        """Whether no place is free."""
        return not self._free

    async def acquire(self, group: str) -> None:
        """Return once the caller has a place."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it was given a place just before
            raise

    def release(self) -> None:
        """Give a place back: to the first of the group that has not had a turn for longest."""
        while self._waiting:
            group, turns = next(iter(self._waiting.items()))
            del self._waiting[group]
            turn = turns.popleft()
            if turns:
                self._waiting[group] = turns  # as the last
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
