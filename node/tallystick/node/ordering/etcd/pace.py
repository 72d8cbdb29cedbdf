"""How much is written to etcd at once, so that a slow line stays free for the lease. Pure."""

from dataclasses import dataclass
from math import inf
from typing import Final

_QUICK_S: Final = 0.125
"""A write of twice the size then takes a quarter of the time of a lease, at most."""
_SLOW_S: Final = 0.5


@dataclass(slots=True)
class Pace:
    """A size in bytes that grows while writes are quick, and shrinks when they take long.

    What is under way delays the renewal of a lease, which lasts a second. So it must be little on a
    slow line; on others many small writes would cost more than a few large ones.

    Attributes:
        least: The smallest size, with which it begins.
        most: The largest one.
        size: The size now.
        fastest_s: How long the fastest write took: so much is the way and the disks, not the line.
    """

    least: int
    most: int
    size: int = 0
    fastest_s: float = inf

    def __post_init__(self) -> None:
        self.size = self.least

    def took(self, size: int, took_s: float) -> None:
        """Learn from a write of ``size`` bytes."""
        self.fastest_s = min(took_s, self.fastest_s)
        if 2 * size < self.size:
            return
        line_s = took_s - self.fastest_s
        if line_s > _SLOW_S:
            self.size = max(self.least, self.size // 2)
        elif line_s < _QUICK_S or took_s < 2 * _QUICK_S:
            self.size = min(self.most, 2 * self.size)

    def failed(self) -> None:
        """Begin again: the line may have become another one."""
        self.size, self.fastest_s = self.least, inf
