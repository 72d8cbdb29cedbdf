"""The port to a node's disk, and the disk of this machine.

What a node must not lose goes through here: block files, and the store of their views. A simulation
brings a disk of its own, which loses and tears what was not synced.
"""

import os
from pathlib import Path
from typing import Final, Protocol

from tallystick.node.durable import make_directory, sync
from tallystick.node.ledger.key_value_store import (
    MAPPED_BYTES,
    WRITE_BUFFER_BYTES,
    OpenStore,
    StoreKind,
    open_store,
)


class AppendFile(Protocol):
    """A file that grows at its end."""

    def size(self) -> int:
        """Return how many bytes it has."""

    def append(self, data: bytes) -> None:
        """Write at the end; the bytes can be read at once, and are durable after ``sync``.

        Raises:
            OSError: The disk is full or failing. Some of the bytes may have been written.
        """

    def truncate(self, size: int) -> None:
        """Keep the first ``size`` bytes."""

    def sync(self) -> None:
        """Return once every byte is on the disk. May run in a thread.

        Raises:
            OSError: The disk failed. What it holds now is unknown.
        """

    def close(self) -> None:
        """Release the file; nothing may follow."""


class Disk(Protocol):
    """Where a node keeps its ledgers. Calls block."""

    def make_directory(self, directory: Path) -> None:
        """Make a directory and those above it, unless they are there; names are durable then."""

    def names(self, directory: Path, suffix: str) -> list[str]:
        """Return the names of the files in ``directory`` that end in ``suffix``, in any order."""

    def exists(self, path: Path) -> bool:
        """Return whether there is a file."""

    def read(self, path: Path, start: int = 0) -> bytes:
        """Return the content of a file from byte ``start`` on. Raises FileNotFoundError."""

    def read_at(self, path: Path, start: int, length: int) -> bytes:
        """Return a part of a file, shorter where the file ends. Raises FileNotFoundError."""

    def open_append(self, path: Path) -> AppendFile:
        """Open a file, new ones with their names durable."""

    def open_store(self, kind: StoreKind, directory: Path) -> OpenStore:
        """Open a key-value store in ``directory``.

        Raises:
            StoreUnavailableError: The kind is not installed, or another process has the store.
        """


class _MachineFile:
    """A file of this machine."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        sync(path.parent)  # else a crash may forget that the file exists

    def size(self) -> int:
        """Return how many bytes it has."""
        return os.fstat(self._file).st_size

    def append(self, data: bytes) -> None:
        """Write at the end."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def truncate(self, size: int) -> None:
        """Keep the first ``size`` bytes."""
        os.ftruncate(self._file, size)

    def sync(self) -> None:
        """Return once every byte is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


class MachineDisk(Disk):
    """The disk of this machine."""

    def __init__(
        self,
        store_mapped_bytes: int = MAPPED_BYTES,
        write_buffer_bytes: int = WRITE_BUFFER_BYTES,
    ) -> None:
        """Open stores that map and collect in memory at most so much each, where that counts."""
        self._store_mapped_bytes = store_mapped_bytes
        self._write_buffer_bytes = write_buffer_bytes

    def make_directory(self, directory: Path) -> None:
        """Make a directory and those above it, unless they are there."""
        make_directory(directory)

    def names(self, directory: Path, suffix: str) -> list[str]:
        """Return the names of the files in ``directory`` that end in ``suffix``."""
        return [path.name for path in directory.glob(f"*{suffix}")]

    def exists(self, path: Path) -> bool:
        """Return whether there is a file."""
        return path.exists()

    def read(self, path: Path, start: int = 0) -> bytes:
        """Return the content of a file from byte ``start`` on."""
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            return file.read()

    def read_at(self, path: Path, start: int, length: int) -> bytes:
        """Return a part of a file."""
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), length, start)

    def open_append(self, path: Path) -> AppendFile:
        """Open a file, new ones with their names durable."""
        return _MachineFile(path)

    def open_store(self, kind: StoreKind, directory: Path) -> OpenStore:
        """Open a key-value store in ``directory``."""
        return open_store(
            kind,
            directory,
            mapped_bytes=self._store_mapped_bytes,
            write_buffer_bytes=self._write_buffer_bytes,
        )


MACHINE_DISK: Final = MachineDisk()
