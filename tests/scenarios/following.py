"""Whether peers have followed as far as each other, for tests that go by commands."""

from time import monotonic
from typing import Final, Protocol

PATIENCE_S: Final = 60.0


class Tally(Protocol):
    """Runs ``tally`` on one network and returns what it prints."""

    def __call__(self, *words: str, code: int = 0) -> str: ...


def until_level(tally: Tally, *msp_ids: str, channel_id: str = "market") -> None:
    """Return once the peers of these organisations have as many blocks of a channel.

    A command returns as soon as the peer that it asks has a block; the next may ask another one.
    """
    ask = ("channel", "info", "--channel", channel_id, "--as")
    ends_s = monotonic() + PATIENCE_S
    while len({_height(tally(*ask, msp_id)) for msp_id in msp_ids}) > 1:
        assert monotonic() < ends_s, f"{msp_ids} did not get as far as each other"


def _height(told: str) -> str:
    return next(line for line in told.splitlines() if line.startswith("height "))
