"""Places that are given to groups of callers by turns, so that none waits behind all of another."""

import asyncio
from collections import OrderedDict


class Turns:
    """So many places at once; what waits for one is served by turns, and in order within a group.

    A semaphore serves everybody in one order: whoever asks a thousand times is served a thousand
    times before the next. Invariant: nobody waits while a place is free.
    """

    def __init__(self, places: int) -> None:
        """Open with so many free places, at least 1."""
        self._free = places
        self._waiting: dict[str, OrderedDict[asyncio.Future[None], None]] = {}

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
        self._waiting.setdefault(group, OrderedDict())[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it was given a place just before
            else:
                self._forget(group, turn)
            raise

    def release(self) -> None:
        """Give a place back: to the first of the group that has not had a turn for longest."""
        while self._waiting:
            group, turns = next(iter(self._waiting.items()))
            turn, _ = turns.popitem(last=False)
            if turn.done() and turns:
                continue  # it has just given up: the next of its group is served in its place
            del self._waiting[group]
            if turns:
                self._waiting[group] = turns  # as the last
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, group: str, turn: asyncio.Future[None]) -> None:
        """Let nothing be left of one who gave up: neither its memory nor a turn of its group."""
        turns = self._waiting.get(group)
        if turns is not None and turn in turns:
            del turns[turn]
            if not turns:
                del self._waiting[group]
