"""What the log lines of a task are about: the channel, the transaction.

Each call of a client runs in a task of its own, so what is said here holds for the lines of that
call and of whatever it awaits, and for no others.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

_NOTHING: Final[Mapping[str, str]] = {}
_subject: ContextVar[Mapping[str, str]] = ContextVar("subject", default=_NOTHING)


def log_about(*, channel: str = "", transaction_id: str = "") -> None:
    """Let the lines of this task name its channel and transaction from now on; empty is unknown."""
    facts = {"channel": channel, "transaction_id": transaction_id}
    _subject.set({name: fact for name, fact in facts.items() if fact})


def subject_of_log() -> Mapping[str, str]:
    """Return what the lines of this task are about."""
    return _subject.get()
