"""What a range query hands out, and what the read set keeps of it.

A transaction that scans a range must fail at commit when the range has changed, so the read set
records every row seen: up to 50 rows as they are, more of them as the top of a Merkle tree. A
validator scans the range again and expects the same record. Source: wire.md §9.3, §10.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    KVRead,
    QueryReads,
    QueryReadsMerkleSummary,
    RangeQueryInfo,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import Version as WireVersion
from tallystick.wire.hashing import sha256

MAX_DEGREE: Final = 50
"""Most rows, or hashes, that a record holds before they are hashed into one."""

BATCH_SIZE: Final = 100
"""Rows that an unpaginated query hands out at a time."""

TOTAL_QUERY_LIMIT: Final = 100_000
"""Rows after which a query ends as if the range did: Fabric's default, and as silent."""

MAX_BATCH_BYTES: Final = 100 * 1024 * 1024
"""Most bytes of keys and values that are handed out at a time: Fabric's largest message."""

Rows = list[tuple[str, bytes]]


class BatchTooLargeError(LedgerError):
    """Rows that belong together are too large to be handed out together."""

    def __init__(self) -> None:
        super().__init__(
            f"values read at a time hold more than {MAX_BATCH_BYTES} bytes: read fewer at a time, "
            "or each by its key"
        )


def total_limit(page_size: int) -> int:
    """Return the most rows that a query may hand out; a ``page_size`` of 0 does not restrict it."""
    return min(page_size, TOTAL_QUERY_LIMIT) if page_size > 0 else TOTAL_QUERY_LIMIT


class RowsRecord:
    """The rows that a range query has seen, in order; hashed once there are many.

    Rows wait in a buffer; a buffer of ``max_degree + 1`` becomes one leaf hash. A level of the tree
    that reaches ``max_degree + 1`` hashes becomes one hash of the next level.
    """

    __slots__ = ("_levels", "_max_degree", "_pending")

    def __init__(self, max_degree: int = MAX_DEGREE) -> None:
        self._max_degree = max_degree
        self._pending: list[KVRead] = []
        self._levels: list[list[bytes]] = [[]]

    def add(self, key: str, version: Version) -> None:
        """Record one more row."""
        self._pending.append(
            KVRead(
                key=key,
                version=WireVersion(
                    block_num=version.block_number, tx_num=version.transaction_index
                ),
            )
        )
        if len(self._pending) > self._max_degree:
            self._hash_pending()

    def write_to(self, info: RangeQueryInfo) -> None:
        """Complete the tree and set the record in ``info``; nothing is set when no row was seen.

        Call it once, after the last row.
        """
        if len(self._levels) == 1 and not self._levels[0]:
            if self._pending:
                info.raw_reads.kv_reads.extend(self._pending)
            return
        if self._pending:
            self._hash_pending()
        self._complete()
        info.reads_merkle_hashes.CopyFrom(
            QueryReadsMerkleSummary(
                max_degree=self._max_degree,
                max_level=len(self._levels),
                max_level_hashes=self._levels[-1],
            )
        )

    def _hash_pending(self) -> None:
        self._levels[0].append(sha256(QueryReads(kv_reads=self._pending).SerializeToString()))
        self._pending = []
        level = 0
        while len(self._levels[level]) > self._max_degree:
            self._combine(level)
            level += 1

    def _combine(self, level: int) -> None:
        combined = sha256(b"".join(self._levels[level]))
        self._levels[level] = []
        if level + 1 == len(self._levels):
            self._levels.append([])
        self._levels[level + 1].append(combined)

    def _complete(self) -> None:
        for level in range(len(self._levels) - 1):
            if len(self._levels[level]) == 1:
                self._levels[level + 1].append(self._levels[level].pop())
            elif self._levels[level]:
                self._combine(level)
        if len(self._levels[-1]) > self._max_degree:
            self._combine(len(self._levels) - 1)


class RecordedRange:
    """One range query on its way into a read set.

    ``end_key`` is the last key seen until the iterator has run dry, and the requested end after
    that: a query that stopped early vouches for no more than it saw.
    """

    __slots__ = ("_record", "_requested_end", "end_key", "exhausted", "start_key")

    def __init__(self, start_key: str, requested_end: str) -> None:
        self.start_key = start_key
        self.end_key = ""
        self.exhausted = False
        self._requested_end = requested_end
        self._record = RowsRecord()

    def saw(self, key: str, version: Version) -> None:
        """Record a row that was handed out or read ahead."""
        self._record.add(key, version)
        self.end_key = key

    def ran_dry(self) -> None:
        """Record that the range holds no more rows."""
        self.exhausted = True
        self.end_key = self._requested_end

    def info(self) -> RangeQueryInfo:
        """Return the entry of the read set. Call it once, when the simulation is over."""
        info = RangeQueryInfo(
            start_key=self.start_key, end_key=self.end_key, itr_exhausted=self.exhausted
        )
        self._record.write_to(info)
        return info


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a range query, in key order, and whether another batch follows.

    When it does, that batch is not empty.
    """

    rows: Rows
    has_more: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a paginated range query.

    Attributes:
        rows: Keys and values, in key order.
        bookmark: Where the next page starts: the first key behind this page, "" at the end.
    """

    rows: Rows
    bookmark: str


class RangeQuery:
    """A range query handed out in batches, each read one row further than it goes.

    Args:
        rows: The committed rows of the range.
        recorded: Where to note the rows seen, which includes the one read ahead; None for queries
            that leave no trace in the read set, such as private ones.
        limit: Rows after which the query ends.
    """

    __slots__ = ("_batch_bytes", "_limit", "_read_ahead", "_recorded", "_returned", "_rows")

    def __init__(
        self,
        rows: Iterator[tuple[str, VersionedValue]],
        recorded: RecordedRange | None,
        limit: int = TOTAL_QUERY_LIMIT,
    ) -> None:
        self._rows = rows
        self._recorded = recorded
        self._limit = limit
        self._returned = 0
        self._batch_bytes = 0
        self._read_ahead: Rows = []

    def next_batch(self) -> Batch:
        """Return up to ``BATCH_SIZE`` rows; none, once the query has ended.

        Raises:
            BatchTooLargeError: They are too large; so too for ``rest``.
        """
        self._batch_bytes = 0
        batch = self._read_ahead
        self._read_ahead = []
        while self._returned < self._limit:
            row = self._next()
            if row is None:
                break
            self._returned += 1
            if len(batch) == BATCH_SIZE:
                self._read_ahead = [row]
                return Batch(batch, has_more=True)
            batch.append(row)
        return Batch(batch, has_more=False)

    def rest(self) -> Rows:
        """Return every row up to the limit, for a page, without reading ahead."""
        rows: Rows = []
        while self._returned < self._limit:
            row = self._next()
            if row is None:
                break
            self._returned += 1
            rows.append(row)
        return rows

    def peek_key(self) -> str:
        """Return the key of the next row, which counts as not seen; "" when there is none."""
        key, _ = next(self._rows, ("", None))
        return key

    def _next(self) -> tuple[str, bytes] | None:
        found = next(self._rows, None)
        if found is None:
            if self._recorded is not None:
                self._recorded.ran_dry()
            return None
        key, versioned = found
        self._batch_bytes += len(key) + len(versioned.value)
        if self._batch_bytes > MAX_BATCH_BYTES:
            raise BatchTooLargeError
        if self._recorded is not None:
            self._recorded.saw(key, versioned.version)
        return key, versioned.value


RangeScan = Callable[[str, str], Iterator[tuple[str, VersionedValue]]]
"""Yields the rows from a start key up to, not including, an end key ("" is unbounded)."""


def range_is_unchanged(info: RangeQueryInfo, scan: RangeScan) -> bool:
    """Return whether a range still holds exactly the rows that a read set recorded.

    A query that did not run dry vouches for its last key too, so the end is then included.

    Source: wire.md §12, MVCC.
    """
    end = info.end_key
    if end and not info.itr_exhausted:
        end += "\0"  # the least string greater than the last key seen
    rows = scan(info.start_key, end)
    if info.HasField("reads_merkle_hashes"):
        return _merkle_summary_matches(info.reads_merkle_hashes, rows)
    for read in info.raw_reads.kv_reads:
        found = next(rows, None)
        if found is None:
            return False
        key, versioned = found
        if key != read.key or not same_version(
            versioned.version, read.version if read.HasField("version") else None
        ):
            return False
    return next(rows, None) is None


def same_version(committed: Version | None, read: WireVersion | None) -> bool:
    """Return whether a key still has the version that a read set noted; None means absent."""
    if committed is None or read is None:
        return committed is None and read is None
    return committed.block_number == read.block_num and committed.transaction_index == read.tx_num


def _merkle_summary_matches(
    expected: QueryReadsMerkleSummary, rows: Iterator[tuple[str, VersionedValue]]
) -> bool:
    if expected.max_degree < 2:  # noqa: PLR2004 - no tree narrows with fewer than two branches
        return False
    record = RowsRecord(expected.max_degree)
    for key, versioned in rows:
        record.add(key, versioned.version)
    info = RangeQueryInfo()
    record.write_to(info)
    found = info.reads_merkle_hashes
    # Field by field: whatever else a summary may hold does not count.
    return (found.max_degree, found.max_level, list(found.max_level_hashes)) == (
        expected.max_degree,
        expected.max_level,
        list(expected.max_level_hashes),
    )
