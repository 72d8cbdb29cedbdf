"""The port to the store that keeps a ledger's views, and the choice of an implementation."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from tallystick.node.errors import LedgerError

StoreKind = Literal["leveldb", "sqlite", "memory"]

MAPPED_BYTES: Final = 256 * 1024 * 1024
"""What a LevelDB store maps of its tables at most, unless it is told otherwise."""
WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
"""What LevelDB collects before it writes a table, unless it is told otherwise."""


class KeyValueReader(Protocol):
    """The read side of an ordered map of bytes to bytes.

    What cannot be read, as the disk fails or what is on it is damaged, raises OSError: at the call
    or, for a range, at the pair.
    """

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return the pairs with ``start <= key < end``, in key order; an empty ``end`` is no bound.

        The pairs are those of the moment of the call: no later write shows.
        """


class KeyValueStore(KeyValueReader, Protocol):
    """An ordered map of bytes to bytes. Calls block, and come from one thread at a time."""

    def snapshot(self) -> KeyValueReader:
        """Return the map as it is now: no later write shows. It ends with the last use of it."""

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """Apply the whole batch or, on any failure, nothing of it; None deletes.

        What returned survives the death of the process. It may not survive the death of the
        machine, which can lose the latest batches: always whole ones, and never one whose
        successor is kept. Whoever needs more calls ``sync``, or keeps the data elsewhere first, as
        the ledger does with blocks, and writes here again after a restart.

        Raises:
            OSError: The disk is full or failing.
        """

    def sync(self) -> None:
        """Return once every batch written so far survives the death of the machine, too.

        The one call that may run in a thread beside others.

        Raises:
            OSError: The disk failed. What survives is unknown.
        """


class OpenStore(KeyValueStore, Protocol):
    """A store together with its lifetime: use it in a ``with`` statement, or close it."""

    def close(self) -> None:
        """Release files and locks. Nothing but another ``close`` may follow."""

    def __enter__(self) -> Self:
        """Return the store, which is closed at the end of the block."""
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()


class StoreUnavailableError(LedgerError):
    """A store cannot be opened on this machine.

    Attributes:
        kind: The kind of store.
        directory: Where it was to be.
    """

    def __init__(self, *, kind: StoreKind, directory: Path, remedy: str) -> None:
        super().__init__(f"the {kind} store at {directory} cannot be opened: {remedy}")
        self.kind = kind
        self.directory = directory


class StoreDamagedError(StoreUnavailableError):
    """What is on the disk of a store is not what was written there."""


def open_store(
    kind: StoreKind,
    directory: Path,
    *,
    mapped_bytes: int = MAPPED_BYTES,
    write_buffer_bytes: int = WRITE_BUFFER_BYTES,
    salvage: bool = False,
) -> OpenStore:
    """Open the store of this kind in ``directory``, which is created if need be.

    A memory store keeps nothing: it ignores the directory and starts empty.

    Args:
        kind: LevelDB, SQLite or memory.
        directory: Where it is.
        mapped_bytes: How much of its tables LevelDB maps into memory at most. The others map none.
        write_buffer_bytes: How much LevelDB collects in memory before it writes a table.
        salvage: Open what is left of a damaged LevelDB. Afterwards it passes for a whole one.

    Raises:
        StoreUnavailableError: The kind is not installed here, or another process has the store.
        StoreDamagedError: LevelDB finds it damaged.
    """
    # Imported when chosen: the LevelDB binding has no wheel for some platforms.
    match kind:
        case "leveldb":
            from tallystick.node.ledger.leveldb import LevelDbStore  # noqa: PLC0415

            return LevelDbStore(directory, mapped_bytes, write_buffer_bytes, salvage=salvage)
        case "sqlite":
            from tallystick.node.ledger.sqlite import SqliteStore  # noqa: PLC0415

            return SqliteStore(directory)
        case "memory":
            from tallystick.node.ledger.memory import MemoryStore  # noqa: PLC0415

            return MemoryStore()
