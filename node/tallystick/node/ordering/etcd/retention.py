"""How long etcd keeps the content of blocks. Pure.

Without a clock: an orderer that is absent holds the log for so many blocks and bytes, however long
that takes. What it misses then, it copies from the others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """How much the log may hold for orderers that are behind, and how often it is looked after.

    Attributes:
        max_blocks: The most blocks that are kept for the slowest orderer.
        max_bytes: The most bytes; etcd refuses to grow beyond 2 GiB unless it is told to.
        every_blocks: A height is published, and the log trimmed, after so many blocks,
        every_bytes: or so many bytes.
    """

    max_blocks: int = 10_000
    max_bytes: int = 256 * 1024 * 1024
    every_blocks: int = 50
    every_bytes: int = 8 * 1024 * 1024

    def is_due(self, blocks: int, size_bytes: int) -> bool:
        """Return whether so many new blocks and bytes are a reason to look after the log."""
        return blocks >= self.every_blocks or size_bytes >= self.every_bytes


def first_kept(
    retention: Retention,
    heights: Iterable[int],
    *,
    first: int,
    height: int,
    size_of: Callable[[int], int],
) -> int:
    """Return the number of the first block whose content etcd shall keep.

    The newest block always stays: whoever is behind sees by it that there is more.

    Args:
        retention: The limits.
        heights: How many blocks each orderer has on its disk, as far as it has told.
        first: The first block that etcd has.
        height: How many blocks the leader has on its disk; it trims nothing that it lacks.
        size_of: Returns the size of a block in bytes.
    """
    kept = height - 1
    slowest = min((*heights, kept))
    size_bytes = size_of(kept)
    while kept > max(first, slowest):
        size_bytes += size_of(kept - 1)
        if height - kept >= retention.max_blocks or size_bytes > retention.max_bytes:
            break
        kept -= 1
    return max(kept, first)
