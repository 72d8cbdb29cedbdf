"""What a node says that has too much to do."""

import math

from tallystick.node.errors import LedgerError


class TooBusyError(LedgerError):
    """A call was turned away before anything was done for it.

    Attributes:
        reason: What there is too much of.
        retry_after_s: When the same call may pass.
    """

    def __init__(self, reason: str, *, retry_after_s: float) -> None:
        super().__init__(
            f"{reason}; nothing was done: try again in {_rounded_up(retry_after_s):g} s"
        )
        self.reason = reason
        self.retry_after_s = retry_after_s


def _rounded_up(seconds: float) -> float:
    return math.ceil(seconds * 10) / 10
