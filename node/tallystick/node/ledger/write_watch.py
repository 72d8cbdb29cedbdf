"""Notices that a disk hangs: what it does not take does not fail, it never ends."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OVERDUE_S: Final = 10.0
"""How long a block may take to the disk before something is said to be wrong with that."""


class WriteWatch:
    """Knows since when one block is being written."""

    def __init__(self) -> None:
        self._number = 0
        self._since_s: float | None = None

    @contextmanager
    def writing(self, number: int) -> Iterator[None]:
        """Watch while the block of code writes block ``number``."""
        self._number, self._since_s = number, asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self._since_s = None

    @property
    def problem(self) -> str:
        """What is wrong with the disk; empty when all is well."""
        since_s = self._since_s
        if since_s is None or asyncio.get_running_loop().time() - since_s < OVERDUE_S:
            return ""
        return (
            f"block {self._number} has been on its way to the disk for {OVERDUE_S:g} s: see whether"
            " the disk answers"
        )
