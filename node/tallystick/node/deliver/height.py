"""Wakes whoever waits for the next block."""

import asyncio
import sys
from contextlib import suppress

from tallystick.node.errors import LedgerError


class WatchClosedError(LedgerError):
    """The node is stopping, so no further block will come from it."""

    def __init__(self) -> None:
        super().__init__("the node is shutting down; ask another node for the next blocks")


class HeightWatch:
    """The height of a chain: the number of its blocks, which is the number of the next one.

    Whoever writes blocks calls ``advance`` once a block can be read.
    """

    def __init__(self, height: int) -> None:
        self._height = height
        self._closed = False
        # Replaced at each change: set once, it wakes all who waited, and never blocks a latecomer.
        self._changed = asyncio.Event()

    @property
    def height(self) -> int:
        """The number of blocks that can be read."""
        return self._height

    def advance(self, height: int) -> None:
        """Set the height, which never falls, and wake whoever waits."""
        assert height >= self._height, f"height fell from {self._height} to {height}"
        self._height = height
        self._wake()

    async def wait_for(self, height: int) -> None:
        """Return once the chain is at least ``height`` blocks high.

        Raises:
            WatchClosedError: It is not, and will not be: the node stops.
        """
        while self._height < height:
            if self._closed:
                raise WatchClosedError
            await self._changed.wait()

    async def pause(self, pause_s: float) -> None:
        """Return after ``pause_s`` seconds.

        Raises:
            WatchClosedError: The node stops, or leaves the channel: at once.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self.wait_for(sys.maxsize)
        if self._closed:  # while the pause was ending
            raise WatchClosedError

    def close(self) -> None:
        """Turn away whoever waits, and whoever comes later."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
