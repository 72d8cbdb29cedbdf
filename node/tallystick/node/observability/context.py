"""What the log lines of a task are about: the channel, the transaction.

Each call of a client runs in a task of its own, so what is said here holds for the lines of that
call and of whatever it awaits, and for no others.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

from tallystick.node.telemetry import spans

MAX_CHARACTERS: Final = 256
"""More than any channel's or transaction's name has. A client's request may claim anything."""

_NOTHING: Final[Mapping[str, str]] = {}
_subject: ContextVar[Mapping[str, str]] = ContextVar("subject", default=_NOTHING)


def log_about(*, channel: str = "", transaction_id: str = "") -> None:
    """Let the lines of this task name its channel and transaction from now on; empty is unknown."""
    facts = {"channel": channel, "transaction_id": transaction_id}
    spans.about(channel, transaction_id)
    _subject.set({name: _legible(fact) for name, fact in facts.items() if fact})


def subject_of_log() -> Mapping[str, str]:
    """Return what the lines of this task are about."""
    return _subject.get()


def _legible(claimed: str) -> str:
    """Return what a client claims so that it cannot pass for lines of the log."""
    if claimed.isprintable() and len(claimed) <= MAX_CHARACTERS:
        return claimed
    return ascii(claimed[:MAX_CHARACTERS])
