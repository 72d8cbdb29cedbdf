"""For how long no orderer could be followed. Pure: who uses it says what time it is."""

from dataclasses import dataclass


@dataclass(slots=True)
class Trouble:
    """Since when no orderer can be followed, and why.

    A stream on which nothing comes is no trouble once it has held for a while: a quiet channel has
    no blocks. Until then it proves nothing, for a host that is gone keeps silent as well.

    Attributes:
        reason: What became of the last orderer that was left.
        since_s: When the first one in a row was left; None when all is well.
        asked_s: Since when a stream is open; None while there is none.
    """

    reason: str = ""
    since_s: float | None = None
    asked_s: float | None = None

    def asked(self, now_s: float) -> None:
        """A stream was opened."""
        self.asked_s = now_s

    def over(self) -> None:
        """A block came."""
        self.since_s = None

    def failed(self, now_s: float, reason: str) -> None:
        """An orderer was left because it is away, or lies."""
        self.reason, self.asked_s = reason, None
        if self.since_s is None:
            self.since_s = now_s

    def text(self, now_s: float, patience_s: float) -> str:
        """Return what to tell an operator; nothing before trouble has lasted for ``patience_s``."""
        if self.asked_s is not None and now_s - self.asked_s > patience_s:
            self.over()
        if self.since_s is None or now_s - self.since_s < patience_s:
            return ""
        lasting = f"no orderer has given blocks for {now_s - self.since_s:.0f} s"
        return f"{lasting}; the last one tried: {self.reason}"
