"""What long work shows of itself."""

import time
from collections.abc import Callable


class Progress:
    """Prints each step with the time it took, counted from the step before."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = self._last = clock()

    def __call__(self, step: str) -> None:
        """Report a step that is done."""
        now = self._clock()
        print(f"  {now - self._last:5.2f} s  {step}", flush=True)
        self._last = now

    @property
    def total_s(self) -> float:
        """Seconds from the beginning to the last step."""
        return self._last - self._started
