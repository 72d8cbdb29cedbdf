"""When a transaction that came too late is proposed anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after which pauses, ``submit`` proposes anew after a stale read.

    The ceiling of the pause doubles from one attempt to the next; chance then cuts up to half of
    it off, so that clients that collided once do not collide again.

    Attributes:
        attempts: In all; 1 turns re-endorsement off.
        initial_delay_s: Ceiling of the first pause.
        maximum_delay_s: Ceiling of every pause.
    """

    attempts: int = 5
    initial_delay_s: float = 0.1
    maximum_delay_s: float = 2.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"a transaction takes at least 1 attempt, not {self.attempts}")
        if not 0 <= self.initial_delay_s <= self.maximum_delay_s:
            raise ValueError("delays must be 0 <= initial_delay_s <= maximum_delay_s")

    def delays_s(self, random: Random) -> Iterator[float]:
        """Yield the pause after each failed attempt but the last."""
        ceiling_s = self.initial_delay_s
        for _ in range(self.attempts - 1):
            yield ceiling_s * random.uniform(0.5, 1.0)
            ceiling_s = min(2 * ceiling_s, self.maximum_delay_s)


NO_RETRY = RetryPolicy(attempts=1)
"""Leaves a conflict to the caller."""
