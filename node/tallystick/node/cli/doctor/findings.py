"""What a check found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How grave a finding is: only what has failed makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: The group of checks, such as ``certificates``.
        state: How it is.
        subject: What was looked at: a file, an address, a package.
        text: What was found.
        advice: What to do; empty if all is well.
    """

    check: str
    state: State
    subject: str
    text: str
    advice: str = ""

    @property
    def lines(self) -> Sequence[str]:
        """The finding for people."""
        first = f"{self.state:8} {self.check}: {self.subject}: {self.text}"
        return [first, *([f"{'':8} → {self.advice}"] if self.advice else [])]


def ok(check: str, subject: str, text: str) -> Finding:
    """Return that all is well."""
    return Finding(check, State.OK, subject, text)


def warning(check: str, subject: str, text: str, advice: str) -> Finding:
    """Return what will be wrong one day, or could not be looked at."""
    return Finding(check, State.WARNING, subject, text, advice)


def failed(check: str, subject: str, text: str, advice: str) -> Finding:
    """Return what is wrong."""
    return Finding(check, State.FAILED, subject, text, advice)
