"""Append-only files of checksummed records, and what to do with one that was cut short.

A record is ``magic | length | checksum | payload``; docs/formats.md has the grammar. Files are
filled one after the other and never changed, except that recovery removes a torn record: one that
was being appended, and so was never reported as kept, when the machine stopped.
"""

import logging
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.durable import sync
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.disk import MACHINE_DISK, AppendFile, Disk

DEFAULT_SEGMENT_BYTES: Final = 64 * 1024 * 1024

_MAGIC: Final = b"TLY\x01"
_HEADER: Final = struct.Struct(">4sII")
_LENGTH: Final = struct.Struct(">I")
SEGMENT_SUFFIX: Final = ".blocks"
_ASIDE: Final = ".aside"
_NAME: Final = re.compile(r"[0-9]{6,}\.blocks\Z")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a payload lies: the number of its file, its first byte there, its length in bytes."""

    segment: int
    offset: int
    length: int


BEGINNING: Final = Location(0, 0, 0)
"""Before the first record of the first file."""


class CorruptRecordError(LedgerError):
    """A record that was kept cannot be read back.

    Attributes:
        path: The file.
        offset: Where the record begins.
        problem: What the operating system said; empty if the file could be read.
    """

    def __init__(self, *, path: Path, offset: int, problem: str = "") -> None:
        if problem:
            found = (
                f"cannot be read at byte {offset} ({problem}): check its disk, and that the node's"
                " user may read it;"
            )
        else:
            found = f"is damaged at byte {offset}:"
        super().__init__(
            f"{path} {found} restore the file from a backup, or let "
            "`tally ledger verify` say how to go on without"
        )
        self.path = path
        self.offset = offset
        self.problem = problem


class TornRecordError(LedgerError):
    """The last record was cut short, as a crash or a node at work leaves it.

    Attributes:
        path: The file.
        offset: Where the record begins.
    """

    def __init__(self, *, path: Path, offset: int) -> None:
        super().__init__(
            f"{path} ends in the middle of a record, at byte {offset}, as a crash leaves it: start"
            " the node, which removes the rest and fetches the block again"
        )
        self.path = path
        self.offset = offset


class MissingFileError(LedgerError):
    """A file is gone although later ones are there.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is missing, and later files are there: restore it from a backup, or let "
            "`tally ledger verify` say how to go on without"
        )
        self.path = path


class SegmentFiles:
    """The files of one directory, read at random and written at the end.

    Invariant: at most the last record is not synced, for ``append`` syncs the one before. A record
    cut short by a crash is therefore the last one, and damage anywhere else is an error.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = DEFAULT_SEGMENT_BYTES,
        disk: Disk = MACHINE_DISK,
        start: Location = BEGINNING,
    ) -> None:
        """Use the files in ``directory``, which is created if need be.

        Args:
            directory: Only files with names of six digits or more and .blocks are looked at.
            segment_bytes: A file takes no further record once that would make it longer.
            disk: Has the directory.
            start: Where the records begin; files before it are not looked at.

        Raises:
            MissingFileError: Later files are there, this one is not.
        """
        disk.make_directory(directory)
        self._disk = disk
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._start = start
        self._last = start.segment + max(0, self._count_files() - 1)
        self._file = self._open_for_append()
        self._size = self._file.size()
        self._dirty = self._size > 0  # what a process before this one has written may not be synced

    def recover(self, after: Location | None) -> Iterator[tuple[Location, bytes]]:
        """Yield the records that follow ``after``, or all, then remove a torn one at the very end.

        Exhaust it before the first ``append``.

        Raises:
            CorruptRecordError: A record is damaged, and it is not the last one; or a file cannot be
                read.
        """
        start = self._start if after is None else after
        begin = start.offset + start.length
        for segment in range(start.segment, self._last + 1):
            data, offset = _content(self._disk, self._path(segment), begin, start=begin), 0
            while (payload := _record_at(data, offset)) is not None:
                at = begin + offset + _HEADER.size
                yield Location(segment, at, len(payload)), payload
                offset += _HEADER.size + len(payload)
            if offset != len(data):
                if segment != self._last or _has_record_after(data, offset):
                    raise CorruptRecordError(path=self._path(segment), offset=begin + offset)
                self._remove_torn_record(begin + offset)
            begin = 0

    def append(self, payload: bytes) -> Location:
        """Write one record at the end, without syncing it; it can be read at once.

        Raises:
            OSError: The disk is full or failing. The files are as they were.
        """
        self.sync()
        record_size = _HEADER.size + len(payload)
        if self._size and self._size + record_size > self._segment_bytes:
            self._roll()
        location = Location(self._last, self._size + _HEADER.size, len(payload))
        self._dirty = True
        try:
            self._file.append(_header(payload) + payload)
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += record_size
        return location

    def sync(self) -> None:
        """Return once every record is on the disk. May run in a thread, but not beside ``append``.

        Raises:
            OSError: The disk failed. What it holds now is unknown: the process should stop.
        """
        if self._dirty:
            self._file.sync()
            self._dirty = False

    def read(self, location: Location) -> bytes:
        """Return the payload at ``location``.

        Raises:
            CorruptRecordError: It is not the payload that was written, or cannot be read at all.
        """
        path = self._path(location.segment)
        start = location.offset - _HEADER.size
        try:
            record = self._disk.read_at(path, start, _HEADER.size + location.length)
        except OSError as error:
            raise _unreadable(path, start, error) from error
        payload = _record_at(record, 0)
        if payload is None:
            raise CorruptRecordError(path=path, offset=start)
        return payload

    def path(self, location: Location) -> Path:
        """Return the file that has the payload at ``location``."""
        return self._path(location.segment)

    def close(self) -> None:
        """Sync and release the file under way."""
        self.sync()
        self._file.close()

    def _path(self, segment: int) -> Path:
        return _path(self._directory, segment)

    def _count_files(self) -> int:
        count = _count(self._disk.names(self._directory, SEGMENT_SUFFIX)) - self._start.segment
        for segment in range(self._start.segment, self._start.segment + count):
            if not self._disk.exists(self._path(segment)):
                raise MissingFileError(self._path(segment))
        return count

    def _open_for_append(self) -> AppendFile:
        return self._disk.open_append(self._path(self._last))

    def _roll(self) -> None:
        self._file.close()
        self._last += 1
        self._file = self._open_for_append()
        self._size = 0

    def _remove_torn_record(self, offset: int) -> None:
        _log.warning(
            "%s ended in the middle of a record, at byte %d: removed the rest, which was never"
            " reported as kept",
            self._path(self._last),
            offset,
        )
        self._file.truncate(offset)
        self._size = offset
        self._dirty = True


def last_whole_payload(path: Path) -> bytes | None:
    """Return the payload of the last whole record in a file that another process may append to."""
    data, offset, last = path.read_bytes(), 0, None
    while (payload := _record_at(data, offset)) is not None:
        offset, last = offset + _HEADER.size + len(payload), payload
    return last


def read_records(directory: Path, start: Location = BEGINNING) -> Iterator[tuple[Path, int, bytes]]:
    """Yield the records from ``start`` on with file and place there; change nothing.

    Raises:
        TornRecordError: The last record was cut short.
        CorruptRecordError: A record is damaged, or a file cannot be read.
        MissingFileError: A file is gone although later ones are there.
    """
    count = _count(path.name for path in directory.glob(f"*{SEGMENT_SUFFIX}"))
    offset = start.offset
    for segment in range(start.segment, count):
        path = _path(directory, segment)
        if not path.exists():
            raise MissingFileError(path)
        data = _content(MACHINE_DISK, path, offset)
        while (payload := _record_at(data, offset)) is not None:
            yield path, offset, payload
            offset += _HEADER.size + len(payload)
        if offset != len(data):
            if segment + 1 != count or _has_record_after(data, offset):
                raise CorruptRecordError(path=path, offset=offset)
            raise TornRecordError(path=path, offset=offset)
        offset = 0


def cut_records(directory: Path, index: int, start: Location = BEGINNING) -> list[Path]:
    """Move a record, counted from ``start``, and all behind it into other files; return these.

    Nothing is lost by a crash on the way, and the same call again does the rest.

    Raises:
        CorruptRecordError: A record before it is damaged.
        MissingFileError: A file before it is gone.
    """
    at, offset = _find(directory, index, start)
    # From the end, so that no file is ever missing between two others.
    later = [path for path in reversed(segment_paths(directory)) if path > at]
    aside = [path.rename(path.with_suffix(_ASIDE)) for path in later]
    if at.exists() and offset < at.stat().st_size:
        kept = at.with_name(f"{at.stem}-{offset}{_ASIDE}")
        with at.open("r+b") as file:
            file.seek(offset)
            kept.write_bytes(file.read())
            sync(kept)
            sync(directory)  # else a crash may forget the copy, when its original is cut
            file.truncate(offset)
            os.fsync(file.fileno())
        aside.append(kept)
    sync(directory)
    return aside[::-1]


def place_of(directory: Path, index: int, start: Location = BEGINNING) -> Location:
    """Return where a record begins, counted from ``start``. Raises what ``read_records`` raises."""
    path, offset = _find(directory, index, start)
    return Location(int(path.stem), offset, 0)


def segment_paths(directory: Path) -> list[Path]:
    """Return the files of records in a directory, in order.

    Others are passed over: whoever mends a folder may keep a copy of a file beside it.
    """
    return sorted(path for path in directory.glob(f"*{SEGMENT_SUFFIX}") if _NAME.match(path.name))


def files_before(directory: Path, start: Location) -> list[Path]:
    """Return the files that have no record from ``start`` on, in order."""
    paths = (_path(directory, segment) for segment in range(start.segment))
    return [path for path in paths if path.exists()]


def _find(directory: Path, wanted: int, start: Location) -> tuple[Path, int]:
    """Return the file of a record, readable or not, and where it begins there."""
    index = 0
    try:
        for path, offset, _ in read_records(directory, start):
            if index == wanted:
                return path, offset
            index += 1
    except (CorruptRecordError, TornRecordError) as error:
        if index < wanted:
            raise
        return error.path, error.offset
    except MissingFileError as error:
        if index < wanted:
            raise
        return error.path, 0
    return _path(directory, _count(path.name for path in directory.glob(f"*{SEGMENT_SUFFIX}"))), 0


def _path(directory: Path, segment: int) -> Path:
    return directory / f"{segment:06}{SEGMENT_SUFFIX}"


def _count(names: Iterable[str]) -> int:
    """Return how many files there are, those that are missing between others included."""
    numbers = (int(name.removesuffix(SEGMENT_SUFFIX)) for name in names if _NAME.match(name))
    return max(numbers, default=-1) + 1


def _content(disk: Disk, path: Path, offset: int, start: int = 0) -> bytes:
    """Return a file from byte ``start`` on; the records from ``offset`` on are wanted."""
    try:
        return disk.read(path, start)
    except OSError as error:
        raise _unreadable(path, offset, error) from error


def _unreadable(path: Path, offset: int, error: OSError) -> CorruptRecordError:
    return CorruptRecordError(path=path, offset=offset, problem=error.strerror or str(error))


def _header(payload: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, len(payload), _checksum(payload))


def _checksum(payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_LENGTH.pack(len(payload))))


def _record_at(data: bytes, offset: int) -> bytes | None:
    """Return the payload of the record at ``offset``, or None if no whole one is there."""
    at = offset + _HEADER.size
    if at > len(data):
        return None
    magic, length, checksum = _HEADER.unpack_from(data, offset)
    payload = data[at : at + length]
    whole = magic == _MAGIC and len(payload) == length and checksum == _checksum(payload)
    return payload if whole else None


def _has_record_after(data: bytes, offset: int) -> bool:
    at = data.find(_MAGIC, offset + 1)
    while at >= 0:
        if _record_at(data, at) is not None:
            return True
        at = data.find(_MAGIC, at + 1)
    return False
