"""An event loop beside the program, on which the calls of one gateway run."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from tallystick.client.errors import ClientError

ResultT = TypeVar("ResultT")


class EventLoopError(ClientError):
    """A blocking call cannot be made here, or not any more."""


class LoopThread:
    """An event loop in a thread of its own, until it is stopped."""

    def __init__(self) -> None:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(_serve(started)), name="tallystick-client", daemon=True
        )
        self._thread.start()
        self._loop, self._stopping = started.result()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing can run here any more."""
        return self._loop.is_closed()

    def run(self, call: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Return the result of ``call``; an interruption of the caller cancels it.

        Raises:
            EventLoopError: The caller is on an event loop, or this one has been stopped.
        """
        try:
            self._check_callable()
        except EventLoopError:
            call.close()
            raise
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Cancel what still runs and end the thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _check_callable(self) -> None:
        if self.is_stopped:
            raise EventLoopError("this gateway is closed: connect another one")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise EventLoopError(
            "this call would stop the event loop it is made on: use tallystick.client, and await it"
        )


async def _serve(started: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
    """Keep an event loop until the event is set that ``started`` hands over."""
    stopping = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stopping))
    await stopping.wait()
