"""Nodes give back the memory that is free, wherever in the heap it lies."""

import asyncio
import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tallystick.node.memory import give_back_memory, settled_memory

PIECE_BYTES = 4096
"""So large are the pieces in which LevelDB collects writes."""
PIECES = 8192
LIBC = ctypes.CDLL(None)


@contextmanager
def freed_below_a_piece_that_is_kept() -> Iterator[None]:
    """Take 32 MiB in pieces, and free all but the last: at the end of the heap nothing is free."""
    LIBC.malloc.restype = ctypes.c_void_p
    pieces = [ctypes.c_void_p(LIBC.malloc(ctypes.c_size_t(PIECE_BYTES))) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE_BYTES)
    *freed, kept = pieces
    for piece in freed:
        LIBC.free(piece)
    try:
        yield
    finally:
        LIBC.free(kept)


def resident_bytes() -> int:
    """Return what this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not hasattr(LIBC, "malloc_trim"), reason="the C library is not GNU's")
def test_what_is_free_within_the_heap_is_given_back() -> None:
    with freed_below_a_piece_that_is_kept():
        before = resident_bytes()
        give_back_memory()
        after = resident_bytes()
    assert before - after > PIECES * PIECE_BYTES // 2


@pytest.fixture
def collector_as_before() -> Iterator[None]:
    """Set the garbage collector of the tests as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector_as_before")
async def test_a_node_gives_back_each_minute_until_it_ends() -> None:
    happened: list[str] = []
    twice = asyncio.Event()

    async def sleep(seconds: float) -> None:
        happened.append(f"{seconds:.0f} s passed")
        if len(happened) > 4:
            twice.set()
            await asyncio.Event().wait()

    async with (
        asyncio.timeout(60),
        settled_memory(sleep, lambda: happened.append("gave back")),
    ):
        await twice.wait()
    assert happened == ["60 s passed", "gave back", "60 s passed", "gave back", "60 s passed"]
