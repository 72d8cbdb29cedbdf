"""What the log lines of a task are about: the channel, the transaction.

Each call of a client runs in a task of its own, so what is said here holds for the lines of that
call and of whatever it awaits, and for no others.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from tallystick.node.telemetry import spans

MAX_CHARACTERS: Final = 256
"""More than any channel's or transaction's name has. A client's request may claim anything."""

Subject = Mapping[str, str]
"""What lines are about, by name."""

_NOTHING: Final[Subject] = {}
_subject: ContextVar[Subject] = ContextVar("subject", default=_NOTHING)


def log_about(*, channel: str = "", transaction_id: str = "") -> None:
    """Let the lines of this task name its channel and transaction from now on; empty is unknown."""
    spans.about(channel, transaction_id)
    _subject.set(subject(channel=channel, transaction_id=transaction_id))


@contextmanager
def logging_about(about: Subject) -> Iterator[None]:
    """Let the lines of the block of code be about that, in a task that is about many things."""
    before = _subject.set(about)
    try:
        yield
    finally:
        _subject.reset(before)


def subject(*, channel: str = "", transaction_id: str = "") -> Subject:
    """Return what lines are to name; empty is unknown. Long names are cut, so it can be kept."""
    facts = {"channel": channel, "transaction_id": transaction_id}
    return {name: _legible(fact) for name, fact in facts.items() if fact}


def subject_of_log() -> Subject:
    """Return what the lines of this task are about."""
    return _subject.get()


def _legible(claimed: str) -> str:
    """Return what a client claims so that it cannot pass for lines of the log."""
    if claimed.isprintable() and len(claimed) <= MAX_CHARACTERS:
        return claimed
    return ascii(claimed[:MAX_CHARACTERS])
