"""The disk of one machine: files and stores that forget what was not synced."""

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from simulation.coverage import Coverage, Fault
from simulation.loop import MachineStoppedError
from tallystick.node.ledger.disk import AppendFile, Disk
from tallystick.node.ledger.key_value_store import KeyValueReader, OpenStore, StoreKind
from tallystick.node.ledger.memory import MemoryStore

Batch = Mapping[bytes, bytes | None]

ENDLESS: Final = 2**60
_SECTOR_BYTES: Final = 512


@dataclass(slots=True)
class _File:
    """A file.

    Attributes:
        data: What a process reads.
        synced: How many of its first bytes survive the machine.
    """

    data: bytearray = field(default_factory=bytearray)
    synced: int = 0


@dataclass(slots=True)
class _Store:
    """A key-value store.

    Attributes:
        kept: What survives the machine.
        recent: Later batches, of which it may lose the last ones.
    """

    kept: MemoryStore = field(default_factory=MemoryStore)
    recent: list[Batch] = field(default_factory=list)

    def keep(self, batches: int) -> None:
        """Let so many of the recent batches survive."""
        for batch in self.recent[:batches]:
            self.kept.write(batch)
        del self.recent[:batches]

    def opened(self) -> MemoryStore:
        store = _copied(self.kept)
        for batch in self.recent:
            store.write(batch)
        return store


@dataclass(slots=True)
class Contents:
    """What is on a disk."""

    files: dict[Path, _File] = field(default_factory=dict)
    stores: dict[Path, _Store] = field(default_factory=dict)

    def copied(self) -> "Contents":
        """Return the same, all of it durable."""
        return Contents(
            {
                path: _File(bytearray(file.data), len(file.data))
                for path, file in self.files.items()
            },
            {path: _Store(store.opened()) for path, store in self.stores.items()},
        )


class SimulatedDisk(Disk):
    """The disk that one start of a node sees; the contents go from one start to the next.

    Attributes:
        contents: What is on it.
        free_bytes: How much more fits.
        opened: The stores that are open, by directory.
    """

    def __init__(self, contents: Contents, random: Random, coverage: Coverage) -> None:
        self.contents = contents
        self.free_bytes = ENDLESS
        self.opened: dict[Path, KeyValueReader] = {}
        self._break: tuple[int, Callable[[], object]] | None = None
        self._counts_appends_only = False
        self._random = random
        self._coverage = coverage
        self._is_gone = False

    def break_after(
        self, changes: int, action: Callable[[], object], *, appends_only: bool = False
    ) -> None:
        """Call ``action`` right after so many more changes, syncs included, or appends.

        If the machine is stopped by that, what it was doing ends there.
        """
        self._break = (changes, action)
        self._counts_appends_only = appends_only

    def break_never(self) -> None:
        """Take back what `break_after` planned."""
        self._break = None

    def changed(self, *, is_append: bool = False) -> None:
        """Count a change that has taken effect.

        Raises:
            MachineStoppedError: It was the last one of this start of the node.
        """
        if self._break is None or (self._counts_appends_only and not is_append):
            return
        left, action = self._break
        self._break = (left - 1, action) if left > 1 else None
        if left <= 1:
            action()
        if self._is_gone:
            raise MachineStoppedError

    def kill_process(self) -> "SimulatedDisk":
        """Return the disk as the next process finds it: what was written is there."""
        self._is_gone = True
        return SimulatedDisk(self.contents, self._random, self._coverage)

    def cut_power(self) -> "SimulatedDisk":
        """Return the disk as the machine finds it when it starts again."""
        for file in self.contents.files.values():
            self._lose_unsynced(file)
        for store in self.contents.stores.values():
            kept = self._random.randint(0, len(store.recent))
            if kept < len(store.recent):
                self._coverage.reached(Fault.LOST_BATCH)
            store.keep(kept)
            store.recent.clear()
        return self.kill_process()

    def make_directory(self, directory: Path) -> None:
        """Do nothing: a path is enough."""

    def names(self, directory: Path, suffix: str) -> list[str]:
        """Return the names of the files in ``directory`` that end in ``suffix``."""
        files = self.contents.files
        return [each.name for each in files if each.parent == directory and each.suffix == suffix]

    def exists(self, path: Path) -> bool:
        """Return whether there is a file."""
        return path in self.contents.files

    def read(self, path: Path, start: int = 0) -> bytes:
        """Return the content of a file from byte ``start`` on."""
        return bytes(self._file(path).data[start:])

    def read_at(self, path: Path, start: int, length: int) -> bytes:
        """Return a part of a file."""
        return bytes(self._file(path).data[start : start + length])

    def open_append(self, path: Path) -> AppendFile:
        """Open a file."""
        return _OpenFile(self, self.contents.files.setdefault(path, _File()))

    def open_store(self, kind: StoreKind, directory: Path) -> OpenStore:  # noqa: ARG002
        """Open the store in ``directory``, whatever its kind."""
        store = _OpenStore(self, self.contents.stores.setdefault(directory, _Store()))
        self.opened[directory] = store
        return store

    def take(self, wanted: int) -> int:
        """Return how many of ``wanted`` bytes still fit."""
        taken = min(wanted, self.free_bytes)
        self.free_bytes -= taken
        return taken

    @property
    def is_gone(self) -> bool:
        """Whether this start of the node is over, so that nothing it does has any effect."""
        return self._is_gone

    def full(self) -> OSError:
        """Return the error of a full disk."""
        self._coverage.reached(Fault.FULL_DISK)
        return OSError(errno.ENOSPC, "no space left on the simulated disk")

    def _file(self, path: Path) -> _File:
        try:
            return self.contents.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def _lose_unsynced(self, file: _File) -> None:
        unsynced = len(file.data) - file.synced
        if unsynced <= 0:
            return
        kept = self._random.choice((0, unsynced, self._random.randrange(unsynced), None))
        if kept is None:
            self._lose_sectors(file)
            kept = unsynced
        elif kept == 0:
            self._coverage.reached(Fault.LOST_WRITE)
        elif kept < unsynced:
            self._coverage.reached(Fault.TORN_WRITE)
        del file.data[file.synced + kept :]
        file.synced = len(file.data)

    def _lose_sectors(self, file: _File) -> None:
        """Leave zeros where a disk has not come to: it writes sectors in any order."""
        end = len(file.data)
        first = file.synced
        while first < end:
            last = min(end, (first // _SECTOR_BYTES + 1) * _SECTOR_BYTES)
            if self._random.random() < 0.5:
                self._coverage.reached(Fault.LOST_SECTOR)
                file.data[first:last] = bytes(last - first)
            first = last


class _OpenFile:
    """A file as a process has it open."""

    def __init__(self, disk: SimulatedDisk, file: _File) -> None:
        self._disk = disk
        self._file = file

    def size(self) -> int:
        return len(self._file.data)

    def append(self, data: bytes) -> None:
        if self._disk.is_gone:
            return
        fitting = self._disk.take(len(data))
        self._file.data += data[:fitting]
        self._disk.changed(is_append=True)
        if fitting < len(data):
            raise self._disk.full()

    def truncate(self, size: int) -> None:
        if not self._disk.is_gone:
            del self._file.data[size:]
            self._file.synced = min(self._file.synced, size)
            self._disk.changed()

    def sync(self) -> None:
        if not self._disk.is_gone:
            self._file.synced = len(self._file.data)
            self._disk.changed()

    def close(self) -> None:
        pass


class _OpenStore(OpenStore):
    """A store as a process has it open."""

    def __init__(self, disk: SimulatedDisk, store: _Store) -> None:
        self._disk = disk
        self._store = store
        self._memory = store.opened()

    def get(self, key: bytes) -> bytes | None:
        return self._memory.get(key)

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self._memory.range(start, end)

    def snapshot(self) -> KeyValueReader:
        return self._memory.snapshot()

    def write(self, batch: Batch) -> None:
        if self._disk.is_gone:
            return
        size = sum(len(key) + len(value or b"") for key, value in batch.items())
        if self._disk.free_bytes < size:
            raise self._disk.full()
        self._disk.take(size)
        self._store.recent.append(dict(batch))
        self._memory.write(batch)
        self._disk.changed()

    def sync(self) -> None:
        if not self._disk.is_gone:
            self._store.keep(len(self._store.recent))
            self._disk.changed()

    def close(self) -> None:
        pass


def _copied(store: MemoryStore) -> MemoryStore:
    copy = MemoryStore()
    copy.write(dict(store.range(b"", b"")))
    return copy
