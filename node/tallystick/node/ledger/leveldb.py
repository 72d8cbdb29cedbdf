"""The key-value store in LevelDB: the one that nodes use."""

import errno
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from tallystick.node.durable import make_directory, sync
from tallystick.node.ledger.key_value_store import (
    MAPPED_BYTES,
    WRITE_BUFFER_BYTES,
    KeyValueReader,
    OpenStore,
    StoreDamagedError,
    StoreUnavailableError,
)

try:
    import plyvel
except ImportError:  # there are platforms without a wheel; SQLite serves them
    plyvel = None

TABLE_BYTES: Final = 2 * 1024 * 1024
"""Size of a table; a new one may have up to that of the write buffer, until it is merged."""
_CACHE_BYTES: Final = 1024 * 1024
"""Of what is not read where it is mapped: tables that an earlier release compressed."""
_OTHER_FILES: Final = 10
"""Of the files that LevelDB may have open, so many are not for tables."""
_NO_KEY: Final = b"\xff"
"""After all keys of a ledger."""
_CHECKED: Final = {"verify_checksums": True}
_REMEDY: Final = "check the disk, stop the node and make the store anew with `tally ledger rebuild`"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def options(
    mapped_bytes: int = MAPPED_BYTES,
    write_buffer_bytes: int = WRITE_BUFFER_BYTES,
    *,
    salvage: bool = False,
) -> Mapping[str, object]:
    """Return how every database here is opened.

    LevelDB maps each table that it has open into memory. What is not compressed it reads there, the
    index included, and copies nothing; of compressed tables it kept a copy of the index, and each
    read at chance decompressed 4 KiB (ADR 3). So the number of open tables bounds what is mapped.
    Who opens a database otherwise writes tables without filters.

    Paranoid it compares the checksums of all that it reads of tables, of what it merges too, and
    does not open with a log that is damaged in the midst of it, as when a page of it was not on the
    disk when the power failed. Else it leaves out what was there and applies what follows: a ledger
    would show a block without what the block before has written.
    """
    return {
        "compression": None,
        "write_buffer_size": write_buffer_bytes,
        "lru_cache_size": _CACHE_BYTES,
        "bloom_filter_bits": 10,  # one lookup of an absent key in a hundred reaches the disk
        "max_file_size": TABLE_BYTES,
        "paranoid_checks": not salvage,
        "max_open_files": mapped_bytes // TABLE_BYTES + _OTHER_FILES,
    }


class LevelDbStore(OpenStore):
    """A LevelDB database whose log is written at once but not synced, and whose reads are checked.

    A read of a table compares the checksum of its block: a bit that the disk turned is an error,
    not another value.
    """

    def __init__(
        self,
        directory: Path,
        mapped_bytes: int = MAPPED_BYTES,
        write_buffer_bytes: int = WRITE_BUFFER_BYTES,
        *,
        salvage: bool = False,
    ) -> None:
        """Open the database in ``directory``, which is created if need be.

        Args:
            directory: Where it is.
            mapped_bytes: How much of its tables is mapped into memory at most.
            write_buffer_bytes: How much is collected in memory before it is written as a table.
            salvage: Open what is left of a damaged one. Afterwards it passes for a whole one.

        Raises:
            StoreUnavailableError: plyvel is missing, or another process holds the database.
            StoreDamagedError: What LevelDB reads when it opens is damaged.
        """
        if plyvel is None:
            raise StoreUnavailableError(
                kind="leveldb", directory=directory, remedy="install plyvel, or choose sqlite"
            )
        make_directory(directory)
        how = options(mapped_bytes, write_buffer_bytes, salvage=salvage)
        try:
            self._database = plyvel.DB(str(directory), create_if_missing=True, **how)
        except plyvel.CorruptionError as error:
            raise StoreDamagedError(
                kind="leveldb",
                directory=directory,
                remedy=f"it is damaged ({_text_of(error)}): {_REMEDY}",
            ) from error
        except (plyvel.Error, OSError) as error:
            raise StoreUnavailableError(
                kind="leveldb", directory=directory, remedy=_words_of(error)
            ) from error
        self._directory = directory
        self._syncing = threading.Lock()
        self._newest_log: Path | None = None
        # The last change of the directory, once nothing can have hidden behind it in the same tick.
        self._settled_ns: int | None = None
        self._writing = threading.Lock()
        self._log_is_torn = False

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""
        return _value_of(self._database, key)

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return the pairs with ``start <= key < end``, in key order, as they are now."""
        return _read(self._database.raw_iterator(**_CHECKED), start, end)

    def snapshot(self) -> KeyValueReader:
        """Return the map as it is now."""
        return _LevelDbSnapshot(self._database)

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """Apply the whole batch or nothing of it; None deletes."""
        # Not as a context: that one writes what it has when an exception leaves the block.
        changes = self._database.write_batch()
        for key, value in batch.items():
            if value is None:
                changes.delete(key)
            else:
                changes.put(key, value)
        self._apply(changes)

    def sync(self) -> None:
        """Return once every batch written so far is on the disk."""
        with self._syncing:
            # Synced with it is whatever stands before it in the log.
            self._apply(self._database.write_batch(sync=True))
            self._sync_former_logs()

    def _apply(self, changes: "plyvel.WriteBatch") -> None:
        with self._writing:
            if self._log_is_torn:
                self._begin_new_log()
            try:
                changes.write()
            except plyvel.Error as error:
                self._log_is_torn = True
                raise _failure(error) from error

    def _begin_new_log(self) -> None:
        """Leave the log that a refused write may have left in the midst of a record.

        What LevelDB appended to that, nobody could read again. It begins a log when it writes what
        is in memory as a table. Where that fails, as for a quota, it takes no more writes until it
        is opened again, so it is asked only when there is room on the disk.

        Raises:
            OSError: There is no room for twice of what is in memory, or LevelDB could not do it.
        """
        in_memory = int(self._database.get_property(b"leveldb.approximate-memory-usage"))
        if shutil.disk_usage(self._directory).free < 2 * in_memory:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        torn = self._logs()[-1:]
        self._database.compact_range(start=_NO_KEY, stop=_NO_KEY)  # which tells of no failure
        if self._logs()[-1:] == torn:
            raise OSError(
                f"the LevelDB store in {self._directory} cannot begin a new log after a write that"
                " was refused: see that the node may open more files and has room, or restart it"
            )
        self._log_is_torn = False

    def _sync_former_logs(self) -> None:
        """Return once no log but the newest one, which is synced, may hold what is not on the disk.

        LevelDB begins a new log when its buffer is full, and does not sync the one before until its
        tables are written, when that log is removed. The directory tells when it has changed last:
        with a new log it would have. It is listed again until the clock of the files has gone on,
        for of what happens within one tick of that clock it tells nothing.
        """
        changed_ns = self._directory.stat().st_mtime_ns
        if changed_ns == self._settled_ns:
            return
        # Looked up before the logs are listed: what follows the listing is then of a later tick.
        has_gone_on = _changed_after(self._newest_log, changed_ns)
        logs = self._logs()
        self._newest_log = next(reversed(logs), None)
        for log in logs[:-1]:
            with suppress(FileNotFoundError):
                sync(log)
        self._settled_ns = changed_ns if has_gone_on else None

    def _logs(self) -> list[Path]:
        """Return the logs, the newest one last."""
        return sorted(self._directory.glob("*.log"), key=_number_of)

    def close(self) -> None:
        """Release the database and its lock."""
        with self._syncing:  # whoever waited for it may have been cancelled
            self._database.close()


class _LevelDbSnapshot(KeyValueReader):
    """What LevelDB keeps of one moment until this object is gone."""

    def __init__(self, database: "plyvel.DB") -> None:
        self._snapshot = database.snapshot()

    def get(self, key: bytes) -> bytes | None:
        return _value_of(self._snapshot, key)

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        return _read(self._snapshot.raw_iterator(**_CHECKED), start, end)


def _value_of(reader: "plyvel.DB | plyvel.Snapshot", key: bytes) -> bytes | None:
    try:
        value: bytes | None = reader.get(key, **_CHECKED)
    except plyvel.Error as error:
        raise _unreadable(error) from error
    return value


def _read(cursor: "plyvel.RawIterator", start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield pairs by a cursor, which has its moment already.

    plyvel's own iterator ends where it cannot read on, as if nothing followed.
    """
    try:
        with cursor:
            cursor.seek(start)
            while cursor.valid():
                pair = cursor.item()
                if end and pair[0] >= end:
                    return
                yield pair
                cursor.next()
    except plyvel.Error as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> OSError:
    return OSError(
        errno.EIO,
        f"the LevelDB store cannot be read ({_text_of(error)}): {_REMEDY}",
    )


def _number_of(log: Path) -> int:
    return int(log.stem)


def _changed_after(file: Path | None, time_ns: int) -> bool:
    try:
        return file is not None and file.stat().st_mtime_ns > time_ns
    except FileNotFoundError:
        return False


def _failure(error: Exception) -> OSError:
    """Return a failed write, which says in ``errno``, too, that the disk is full if its words do.

    LevelDB has words only, those of the system.
    """
    if not isinstance(error, plyvel.IOError):
        return _unreadable(error)
    words = _text_of(error)
    full = next((each for each in _FULL if words.endswith(os.strerror(each))), None)
    return OSError(words) if full is None else OSError(full, words)


def _words_of(error: Exception) -> str:
    """Return what LevelDB says, and what to do about a lock."""
    text = _text_of(error)
    if text.startswith("IO error: lock "):
        return f"another process uses it: stop that one first ({text})"
    return text


def _text_of(error: Exception) -> str:
    """Return what LevelDB says, which comes as bytes."""
    words = error.args[0] if error.args else ""
    return words.decode(errors="replace") if isinstance(words, bytes) else str(error)
