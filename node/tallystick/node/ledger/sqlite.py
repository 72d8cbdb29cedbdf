"""The key-value store in SQLite, for platforms on which LevelDB cannot be installed."""

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Final

from tallystick.node.durable import make_directory, sync
from tallystick.node.ledger.key_value_store import (
    KeyValueReader,
    OpenStore,
    StoreUnavailableError,
)

FILE_NAME: Final = "store.sqlite3"
"""Of the database in its folder."""
# The write-ahead log lets readers keep their snapshot while a batch is written. With "normal" it is
# synced only when it is folded into the database: a crash of the machine loses whole batches.
_PREPARATION: Final = """
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_AT: Final = "SELECT value FROM pairs WHERE key = ?"
_ALL_FROM: Final = "SELECT key, value FROM pairs WHERE key >= ? ORDER BY key"
_BETWEEN: Final = "SELECT key, value FROM pairs WHERE key >= ? AND key < ? ORDER BY key"

_Row = tuple[bytes, bytes]


class SqliteStore(OpenStore):
    """One table in one database file."""

    def __init__(self, directory: Path) -> None:
        """Open the database in ``directory``, which is created if need be.

        Raises:
            StoreUnavailableError: The file is not a database, or cannot be written.
        """
        make_directory(directory)
        self._path = directory / FILE_NAME
        self._connection = self._connect()
        try:
            self._connection.executescript(_PREPARATION)
        except sqlite3.Error as error:
            self._connection.close()
            raise StoreUnavailableError(
                kind="sqlite", directory=directory, remedy=str(error)
            ) from error

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""
        return _value_of(self._connection, key)

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return the pairs with ``start <= key < end``, in key order, as they are now."""
        # A connection of its own, since only readers elsewhere are isolated from later writes. Its
        # snapshot is taken with the first row, hence here and not when the caller first iterates.
        connection = self._connect()
        rows = _rows(connection, start, end)
        first = next(rows, None)
        if first is None:
            connection.close()
            return iter(())
        return chain((first,), _rest(connection, rows))

    def snapshot(self) -> KeyValueReader:
        """Return the map as it is now."""
        return _SqliteSnapshot(self._connect())

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """Apply the whole batch or nothing of it; None deletes."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "REPLACE INTO pairs VALUES (?, ?)",
                ((key, value) for key, value in batch.items() if value is not None),
            )
            connection.executemany(
                "DELETE FROM pairs WHERE key = ?",
                ((key,) for key, value in batch.items() if value is None),
            )
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:  # which SQLite itself has undone if there was no room
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path)) from error
            raise

    def sync(self) -> None:
        """Return once every batch written so far is on the disk."""
        sync(self._path.with_name(f"{FILE_NAME}-wal"))
        sync(self._path.parent)  # which may not have the name of the log yet

    def close(self) -> None:
        """Release the database."""
        self._connection.close()

    def _connect(self) -> sqlite3.Connection:
        # Transactions are begun and ended by hand. A store may be opened in one thread and used in
        # another; SQLite itself is built to allow that.
        return sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)


class _SqliteSnapshot(KeyValueReader):
    """A read transaction on a connection of its own, which is closed when this object is gone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("BEGIN")
        _value_of(connection, b"")  # the first read starts it

    def get(self, key: bytes) -> bytes | None:
        return _value_of(self._connection, key)

    def range(self, start: bytes, end: bytes) -> Iterator[_Row]:
        return _rows(self._connection, start, end)

    def __del__(self) -> None:
        self._connection.close()


def _value_of(connection: sqlite3.Connection, key: bytes) -> bytes | None:
    try:
        row: tuple[bytes] | None = connection.execute(_AT, (key,)).fetchone()
    except sqlite3.DatabaseError as error:
        raise _unreadable(error) from error
    return None if row is None else row[0]


def _rows(connection: sqlite3.Connection, start: bytes, end: bytes) -> Iterator[_Row]:
    try:
        yield from connection.execute(*((_BETWEEN, (start, end)) if end else (_ALL_FROM, (start,))))
    except sqlite3.DatabaseError as error:
        raise _unreadable(error) from error


def _rest(connection: sqlite3.Connection, rows: Iterator[_Row]) -> Iterator[_Row]:
    with closing(connection):
        yield from rows


def _unreadable(error: Exception) -> OSError:
    return OSError(
        errno.EIO,
        f"the SQLite store cannot be read ({error}); check the disk, stop the node and make the "
        "store anew with `tally ledger rebuild`",
    )
