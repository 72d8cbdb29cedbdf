"""What the ordering service needs of etcd: the port."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from tallystick.node.errors import LedgerError


class EtcdUnavailableError(LedgerError):
    """etcd did not do what it was asked in time. It may have happened all the same.

    Attributes:
        reason: In etcd's or the transport's words.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        """Tell of ``reason`` and its ``remedy``; without one, the members are away or too slow."""
        super().__init__(
            f"etcd cannot be used ({reason}): {remedy}"
            if remedy
            else f"etcd does not answer ({reason}): check that most of its members run and reach"
            " each other, and that the line to them is not slower than docs/etcd.md asks for"
        )
        self.reason = reason


class CompactedError(LedgerError):
    """Changes were asked for that etcd no longer has.

    Attributes:
        revision: The oldest that it has.
    """

    def __init__(self, revision: int) -> None:
        super().__init__(f"etcd has no changes from before revision {revision}")
        self.revision = revision


class LeaseLostError(LedgerError):
    """A lease is used that has ended."""

    def __init__(self) -> None:
        super().__init__("the lease has ended")


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from ``start`` up to and without ``end``, in the order of their bytes."""

    start: bytes
    end: bytes


def only(key: bytes) -> KeyRange:
    """Return the range that holds one key."""
    return KeyRange(key, key + b"\0")


class Values(Enum):
    """How large the values are that may come: how long an answer is waited for."""

    NONE = "none"
    """Only keys are wanted; the values that come are empty."""
    SMALL = "small"
    """A few kilobytes in all."""
    LARGE = "large"
    """As large as etcd takes them."""


@dataclass(frozen=True, slots=True)
class Record:
    """A key that exists.

    Attributes:
        key: The key.
        value: What was written last.
        create_revision: When it came into being. It is another one after the key was deleted.
        lease: With which it ends; 0 without one.
    """

    key: bytes
    value: bytes
    create_revision: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a range held at one moment.

    Attributes:
        records: In the order that was asked for.
        revision: The moment: changes with higher revisions came later.
        cluster: Id of the cluster. A cluster that begins from a snapshot has one of its own, if it
            was given a token of its own.
        more: Whether the limit cut something off.
    """

    records: Sequence[Record]
    revision: int
    cluster: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """That a key was created at a revision; at 0: that it does not exist."""

    key: bytes
    create_revision: int = 0


@dataclass(frozen=True, slots=True)
class Put:
    """Writes a key."""

    key: bytes
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Deletion:
    """Deletes all keys of a range."""

    keys: KeyRange


@dataclass(frozen=True, slots=True)
class Committed:
    """The outcome of a transaction.

    Attributes:
        succeeded: Whether all conditions held, so that the changes were made.
        revision: When it was decided.
    """

    succeeded: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a key.

    Attributes:
        key: The key.
        record: What it is now; None if it was deleted.
    """

    key: bytes
    record: Record | None


class Etcd(Protocol):
    """An etcd cluster. Everything is linearizable, and raises EtcdUnavailableError."""

    async def read(
        self,
        keys: KeyRange,
        *,
        limit: int = 0,
        newest_first: bool = False,
        values: Values = Values.SMALL,
    ) -> Found:
        """Return what is in a range, at most ``limit`` records unless it is 0."""

    async def commit(
        self, conditions: Sequence[Condition], changes: Sequence[Put | Deletion]
    ) -> Committed:
        """Make all changes if all conditions hold, else none.

        Raises:
            LeaseLostError: A change names a lease that has ended.
        """

    async def grant(self, ttl_s: int) -> int:
        """Return a lease that ends after so many seconds, or a little later, unless kept alive."""

    async def keep_alive(self, lease: int) -> bool:
        """Let a lease last its whole time again; return whether it had not ended."""

    def watch(self, keys: KeyRange, revision: int) -> AsyncGenerator[Sequence[Change], None]:
        """Yield the changes to a range from a revision on, in their order, without end.

        Raises:
            CompactedError: Some of them are gone.
        """

    async def compact(self, revision: int) -> None:
        """Forget what was before a revision, but for what is still in force."""
