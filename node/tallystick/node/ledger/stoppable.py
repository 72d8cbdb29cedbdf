"""Work in a thread that ends early when whoever waits for it gives up.

A thread cannot be cancelled, and one that reads a store must not outlive it: a LevelDB that is
closed under a reader takes the whole process with it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Event
from typing import TypeVar

from tallystick.node.errors import LedgerError

ResultT = TypeVar("ResultT")


class StoppedError(LedgerError):
    """Work was given up before its end, as it was told to."""

    def __init__(self) -> None:
        super().__init__("the work was stopped before its end; begin it again")


def never_stop() -> None:
    """Return: nobody gives this work up."""


async def finish_in_thread(work: Callable[[Callable[[], None]], ResultT]) -> ResultT:
    """Return what ``work`` returns in a thread, which has ended when this returns or raises.

    Args:
        work: Is given a function to call often, which raises StoppedError once whoever waits here
            is cancelled.
    """
    is_stopped = Event()

    def check_stop() -> None:
        if is_stopped.is_set():
            raise StoppedError

    loop = asyncio.get_running_loop()
    thread = loop.run_in_executor(None, copy_context().run, work, check_stop)
    try:
        return await asyncio.shield(thread)
    finally:
        is_stopped.set()
        while not thread.done():
            # Who is cancelled once more waits on: nothing else keeps the store open.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([thread])
        if not thread.cancelled():
            thread.exception()  # which nobody else asks for after a stop
