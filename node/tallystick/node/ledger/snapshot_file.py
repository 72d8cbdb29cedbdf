"""The files of a ledger snapshot: a format byte, then numbers and byte strings, hashed as a whole.

A number is an unsigned varint; a byte string is its length as a number and then the bytes.
Source: hyperledger/fabric common/ledger/snapshot/file.go.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.stoppable import never_stop
from tallystick.node.ledger.varint import read_uvarint, uvarint

FORMAT: Final = b"\x01"

_CHUNK_BYTES: Final = 256 * 1024
_LONGEST_NUMBER: Final = 10
MAX_STRING_BYTES: Final = 128 * 1024 * 1024
"""More than any message on the wire: a value in a file cannot be longer."""


class SnapshotDamagedError(LedgerError):
    """A snapshot is not what some peer once wrote.

    Attributes:
        path: The file or folder at fault.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}; nothing was taken from the snapshot: copy it again from the peer "
            "that made it"
        )
        self.path = path


class SnapshotFileWriter:
    """Writes one new file; ``finish`` makes it durable."""

    def __init__(self, path: Path) -> None:
        """Begin the file.

        Raises:
            FileExistsError: It is there already.
        """
        self._file = path.open("xb", buffering=0)
        self._digest = hashlib.sha256()
        self._buffer = bytearray(FORMAT)

    def number(self, value: int) -> None:
        """Append a number."""
        self._buffer += uvarint(value)

    def string(self, value: bytes) -> None:
        """Append a byte string."""
        self._buffer += uvarint(len(value)) + value
        if len(self._buffer) >= _CHUNK_BYTES:
            self._flush()

    def finish(self) -> str:
        """Close the file, which is then on the disk and read-only; return its SHA-256 in hex."""
        self._flush()
        os.fchmod(self._file.fileno(), 0o444)
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Release the file, finished or not."""
        self._file.close()

    def _flush(self) -> None:
        # Both let other threads run, so a snapshot in the making does not hold up commits.
        self._digest.update(self._buffer)
        rest = memoryview(bytes(self._buffer))
        while rest:
            rest = rest[self._file.write(rest) :]
        self._buffer = bytearray()


class SnapshotFileReader:
    """Reads one file in the order in which it was written, never more than a part of it at once."""

    def __init__(self, path: Path, expected_hash: str) -> None:
        """Begin to read.

        Raises:
            SnapshotDamagedError: The file is missing, or has another format.
        """
        self._path = path
        self._expected_hash = expected_hash
        self._digest = hashlib.sha256()
        self._data = b""
        self._at = 0
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise SnapshotDamagedError(path, f"cannot be read ({error.strerror})") from error
        self._need(1)
        if self._data[:1] != FORMAT:
            self._file.close()
            raise SnapshotDamagedError(path, f"has format {self._data[:1].hex()}, not 01")
        self._at = 1

    def number(self) -> int:
        """Return the next number.

        Raises:
            SnapshotDamagedError: The file ends before it does, or it is too long to be one.
        """
        self._need(_LONGEST_NUMBER)
        part = self._data[self._at : self._at + _LONGEST_NUMBER]
        try:
            value, size = read_uvarint(part, 0)
        except IndexError as error:
            is_long = len(part) == _LONGEST_NUMBER
            problem = "has a number that is too long" if is_long else "ends too early"
            raise SnapshotDamagedError(self._path, problem) from error
        self._at += size
        return value

    def string(self) -> bytes:
        """Return the next byte string.

        Raises:
            SnapshotDamagedError: The file ends before it does, or it is too long to be one.
        """
        size = self.number()
        if size > MAX_STRING_BYTES:
            raise SnapshotDamagedError(self._path, f"claims a value of {size} bytes")
        self._need(size)
        value = self._data[self._at : self._at + size]
        if len(value) < size:
            raise SnapshotDamagedError(self._path, "ends too early")
        self._at += size
        return value

    def finish(self) -> None:
        """Check that the file ends here and that it was the right one.

        Raises:
            SnapshotDamagedError: It goes on, or its hash is another one than expected.
        """
        self._need(1)
        if self._at != len(self._data):
            raise SnapshotDamagedError(self._path, "goes on after its end")
        check_hash(self._path, self._digest.hexdigest(), self._expected_hash)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _need(self, size: int) -> None:
        """Have the next ``size`` bytes at hand, or all that are left."""
        while len(self._data) - self._at < size:
            more = self._file.read(max(_CHUNK_BYTES, size))
            if not more:
                return
            self._digest.update(more)
            self._data = self._data[self._at :] + more
            self._at = 0


def file_hash(path: Path, check_stop: Callable[[], None] = never_stop) -> str:
    """Return the SHA-256 of a file in hex; ``check_stop`` is called at every part of it.

    Raises:
        SnapshotDamagedError: It cannot be read.
    """
    try:
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while part := file.read(_CHUNK_BYTES):
                check_stop()
                digest.update(part)
        return digest.hexdigest()
    except OSError as error:
        raise SnapshotDamagedError(path, f"cannot be read ({error.strerror})") from error


def check_hash(path: Path, found: str, expected: str) -> None:
    """Return if a file has the hash that it should have.

    Raises:
        SnapshotDamagedError: It has another one.
    """
    if found != expected:
        raise SnapshotDamagedError(path, f"has SHA-256 {found}, and should have {expected}")
