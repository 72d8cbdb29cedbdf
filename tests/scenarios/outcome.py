"""What a test sees of a fault, does about it and finds lost: its row in docs/reliability.md."""

import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from tests.scenarios.reliability import Record, advice, id_of, keep, sentence

from tallystick.node.errors import LedgerError

_T = TypeVar("_T")
_E = TypeVar("_E", bound=BaseException)


@dataclass(frozen=True, slots=True)
class State:
    """What a refusal must not change.

    Attributes:
        said: That it has not changed, in words.
        read: Returns it; equal results before and after mean that nothing has changed.
    """

    said: str
    read: Callable[[], object]


def files(folder: Path, what: str = "file") -> State:
    """Return the names and contents of all files below ``folder``, each of which is a ``what``."""

    def contents() -> dict[Path, bytes]:
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path: sha256(path.read_bytes()).digest() for path in found}

    return State(f"every {what} is as it was", contents)


@dataclass(slots=True)
class Outcome:
    """Notes of one test. Nothing in them is made up: each is written where it happens.

    Attributes:
        test: File and function.
        case: The case; empty if the test has one.
        fault: What happens, in words of who sees it; the test's name unless it is set.
        seen: What users and operators were told, word for word.
        done: What was done about the fault, step by step.
        lost: What was lost, of how much.
        errors: The classes of the node's errors, if the test saw them raised.
    """

    test: str
    case: str
    fault: str = ""
    seen: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    lost: str = ""
    errors: list[str] = field(default_factory=list)
    kept: bool = False

    @contextmanager
    def leaves(self, state: State) -> Iterator[None]:
        """Make sure that what happens in the block changes nothing of ``state``."""
        before = state.read()
        yield
        assert state.read() == before, f"it is not true that {state.said}"
        self.lost = f"nothing; {state.said}"

    @contextmanager
    def refuses(
        self, error: type[_E], *, leaves: State, match: str = ""
    ) -> Iterator[pytest.ExceptionInfo[_E]]:
        """Make sure that the block raises ``error`` with words that match, and changes nothing."""
        with self.leaves(leaves), pytest.raises(error, match=match or None) as refusal:
            yield refusal
        self.saw(_words(refusal.value))
        if isinstance(refusal.value, LedgerError):
            self.errors.append(type(refusal.value).__name__)

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
        to_do = self.done or advice(self.test, self.seen)
        keep(Record(self.test, self.case, fault, self.seen, self.lost, to_do, self.errors))
        self.kept = True


def _words(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error)


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Iterator[Outcome]:
    """What the test notes for docs/reliability.md; its name is the fault unless it says another."""
    case = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    outcome = Outcome(id_of(request.path, request.function.__name__), case)
    yield outcome
    if outcome.seen and outcome.lost and not outcome.kept:
        outcome.keep(outcome.fault or sentence(request.function.__name__))


def tally(*arguments: str | Path, code: int = 0) -> str:
    """Run a command, which must end with ``code``, and return all that it prints."""
    command = [sys.executable, "-m", "tallystick.node.cli", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr
