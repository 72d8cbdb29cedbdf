"""How long to wait before trying again."""

from random import Random


class Backoff:
    """Delays that double from one failure to the next, each cut short by chance.

    The chance spreads the attempts of many clients that lost one server at the same moment.
    """

    def __init__(self, random: Random, *, initial_s: float = 0.1, maximum_s: float = 2.0) -> None:
        assert 0 < initial_s <= maximum_s
        self._random = random
        self._initial_s = initial_s
        self._maximum_s = maximum_s
        self._ceiling_s = initial_s

    def next_delay_s(self) -> float:
        """Return the seconds to wait: between half of the current ceiling and all of it."""
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(2 * ceiling_s, self._maximum_s)
        return ceiling_s * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start over: an attempt got somewhere."""
        self._ceiling_s = self._initial_s
