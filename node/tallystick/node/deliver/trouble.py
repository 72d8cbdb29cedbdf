"""For how long no orderer could be followed. Pure: who uses it says what time it is."""

from dataclasses import dataclass


@dataclass(slots=True)
class Trouble:
    """Since when no orderer can be followed, and why; false while there is none.

    A stream on which nothing comes neither begins nor ends it: a quiet channel has no blocks, and a
    host that is gone keeps silent as well.

    Attributes:
        reason: What became of the last orderer that was left.
        since_s: When the first one in a row was left; None when all is well.
    """

    reason: str = ""
    since_s: float | None = None

    def __bool__(self) -> bool:
        return self.since_s is not None

    def over(self) -> None:
        """A block came, or whoever is followed has no more."""
        self.since_s = None

    def failed(self, now_s: float, reason: str) -> None:
        """An orderer was left because it is away, withholds a block, or lies."""
        self.reason = reason
        if self.since_s is None:
            self.since_s = now_s

    def text(self, now_s: float, patience_s: float) -> str:
        """Return what to tell an operator; nothing before trouble has lasted for ``patience_s``."""
        if self.since_s is None or now_s - self.since_s < patience_s:
            return ""
        lasting = f"no orderer has given blocks for {now_s - self.since_s:.0f} s"
        return f"{lasting}; the last one tried: {self.reason}"
