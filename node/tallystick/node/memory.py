"""What a node does about its memory: it spares the collector work, and gives back what is free."""

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from tallystick.node.transport.tasks import supervised_tasks

_GIVE_BACK_EVERY_S: Final = 60.0
_libc: Final = ctypes.CDLL(None)


def settle_memory() -> None:
    """Keep the garbage collector away from what was made at start-up, and from most requests.

    A node allocates thousands of short-lived containers per transaction, hardly any in cycles.
    Collecting every 700 of them, Python's default, cost 7 % of the CPU of a transfer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def give_back_memory() -> None:
    """Return to the kernel every whole page that is free within the heap.

    LevelDB collects writes in pieces of 4 KiB and frees thousands of them at once. The C library
    gives back by itself what lies at the end of a heap only, so with every piece that is kept
    among them a node would hold more. It takes up to 10 ms of a heap of 50 MiB, and does nothing
    where the C library is not GNU's.
    """
    if (trim := getattr(_libc, "malloc_trim", None)) is not None:
        trim(ctypes.c_size_t(0))


@asynccontextmanager
async def settled_memory(
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    give_back: Callable[[], object] = give_back_memory,
) -> AsyncIterator[None]:
    """Settle memory, then give back what is free each minute for the length of the block."""

    async def keep_giving_back() -> None:
        while True:
            await sleep(_GIVE_BACK_EVERY_S)
            give_back()  # in a thread, the heap would be locked all the same

    settle_memory()
    async with supervised_tasks() as tasks:
        giving_back = tasks.create_task(keep_giving_back())
        try:
            yield
        finally:
            giving_back.cancel()
