"""What a test sees of a fault, does about it and finds lost: its row in docs/reliability.md."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from tests.scenarios.reliability import Record, keep

_T = TypeVar("_T")


@dataclass(slots=True)
class Outcome:
    """Notes of one test. Nothing in them is made up: each is written where it happens.

    Attributes:
        test: File and function.
        case: The case; empty if the test has one.
        seen: What users and operators were told, word for word.
        done: What was done about the fault, step by step.
        lost: What was lost, of how much.
    """

    test: str
    case: str
    seen: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    lost: str = ""

    def saw(self, *messages: str) -> None:
        """Note what somebody was told."""
        assert all(messages), "whoever looks is told something"
        self.seen.extend(messages)

    def does(self, step: str, action: Callable[[], _T]) -> _T:
        """Do something about the fault."""
        self.done.append(step)
        return action()

    async def awaits(self, step: str, action: Awaitable[_T]) -> _T:
        """Do something about the fault, and wait until it is done."""
        self.done.append(step)
        return await action

    def tally(self, *arguments: str | Path) -> str:
        """Do what the command says, and return what it prints; it must succeed."""
        shown = ["DIRECTORY" if isinstance(each, Path) else each for each in arguments]
        self.done.append(f"tally {' '.join(shown)}")
        return tally(*arguments)

    def counted(
        self, *, lost: int, acknowledged: int, what: str = "acknowledged transactions"
    ) -> None:
        """Note how much of what was acknowledged is gone, which must be nothing."""
        self.lost = f"{lost or 'nothing'} of {acknowledged} {what}"
        assert acknowledged, "a fault to which nobody was exposed shows nothing"
        assert not lost, self.lost

    def keep(self, fault: str) -> None:
        """Write the row."""
        assert self.seen, "nobody noticed anything"
        assert self.lost, "nobody has counted what is lost"
        keep(Record(self.test, self.case, fault, self.seen, self.lost, self.done))


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """What the test notes for docs/reliability.md."""
    case = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    return Outcome(f"{request.path.name}::{request.function.__name__}", case)


def tally(*arguments: str | Path, code: int = 0) -> str:
    """Run a command, which must end with ``code``, and return all that it prints."""
    command = [sys.executable, "-m", "tallystick.node.cli", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr
