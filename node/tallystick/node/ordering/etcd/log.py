"""The ordered log of one channel, in etcd: read by every orderer, written by the leader alone."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.pace import Pace
from tallystick.node.ordering.etcd.port import (
    CompactedError,
    Condition,
    Deletion,
    Etcd,
    EtcdUnavailableError,
    Found,
    Put,
    Record,
    Values,
    only,
)
from tallystick.node.ordering.etcd.records import (
    MAX_CONTENT_BYTES,
    MAX_VALUE_BYTES,
    MIN_VALUE_BYTES,
    UntrustedBatchError,
    compressed,
    decode_record,
    in_parts,
    join,
    whole,
)
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch, Parts

_log = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 8
_LIKELY_BYTES: Final = MAX_VALUE_BYTES // 4
_ATTEMPT_BITS: Final = 16
_MOST_FORGOTTEN: Final = 100
"""Heights that are deleted at once: etcd refuses transactions of more than 128 changes."""
_MOST_DIGITS = 20
"""More has no height of a chain; int() refuses numbers without end, with an error of its own."""


class SupersededError(LedgerError):
    """A leader tried to write that leads no more."""

    def __init__(self) -> None:
        super().__init__("another orderer leads this channel now")


class LogTrimmedError(LedgerError):
    """The log begins behind the block that is wanted.

    Attributes:
        first: The first block that it has.
    """

    def __init__(self, first: int) -> None:
        super().__init__(f"the log in etcd begins at block {first}")
        self.first = first


@dataclass(frozen=True, slots=True)
class Gap:
    """The log has a later block, and not the one that comes next.

    Attributes:
        number: Of the block that it lacks.
        key: Of the first later one.
        follows: Whether the log has the block before the gap. Trimming leaves no such gap: somebody
            deleted a block, or wrote one that is none.
    """

    number: int
    key: str
    follows: bool

    def __str__(self) -> str:
        return f"etcd has the key {self.key}, and no block {self.number}, which comes before it"

    @property
    def remedy(self) -> str:
        """What to do if no orderer has the block that comes next."""
        delete = f"delete it with `etcdctl del {self.key}`"
        if self.follows:
            return f"If no orderer wrote that key, {delete}"
        return (
            "The log may have been trimmed up to that key: start an orderer that has the blocks"
            f" before it, or restore one from a backup. Only if no orderer ever wrote it, {delete}"
        )


class OrderedLog:
    """Reads and writes the log. All of it raises EtcdUnavailableError, too.

    A term is the create revision of the leader's key: whoever becomes leader has another one. Every
    write of a leader is made under the condition that its term is the one in force, so a leader
    that has lost its lease, and does not know it, can write nothing.
    """

    def __init__(self, etcd: Etcd, keys: LogKeys) -> None:
        self._etcd = etcd
        self._keys = keys
        self._stray = b""
        self._pace = Pace(MIN_VALUE_BYTES, MAX_VALUE_BYTES)
        self._at_once = 1
        self._attempts = 0
        self._written: tuple[bytes, OrderedBatch] | None = None

    @property
    def keys(self) -> LogKeys:
        """Where it is in etcd."""
        return self._keys

    async def append(self, term: int, number: int, batch: OrderedBatch) -> None:
        """Write the content of block ``number``; on return it is there for good.

        etcd is asked again when it has not answered: it is written once.

        Raises:
            SupersededError: Another leads, or has written that block.
        """
        content = await _compressed(batch)
        in_term = Condition(self._keys.leader, term)
        if len(content) <= self._pace.size:
            record = whole(content)
        else:
            record = await self._write_parts(content, in_term, number)
            self._written = record, batch
        key = self._keys.block(number)
        if await self._write([in_term, Condition(key)], key, record):
            return
        # The answer to an earlier attempt may have been lost.
        found = (await self._etcd.read(only(key), values=Values.LARGE)).records
        if not found or found[0].value != record:
            self._written = None
            raise SupersededError

    async def _write_parts(self, content: bytes, in_term: Condition, number: int) -> bytes:
        """Write a batch in parts, as large as the line allows; return the record that names them.

        Each attempt has keys of its own. A request of an earlier one may still be under way, and
        what it wrote be there: it would be taken for a part of this one.
        """
        self._attempts += 1
        writing = in_term.create_revision << _ATTEMPT_BITS | self._attempts % (1 << _ATTEMPT_BITS)
        start = count = 0
        while start < len(content):
            part = content[start : start + self._pace.size]
            if not await self._write([in_term], self._keys.part(number, writing, count), part):
                raise SupersededError
            start += len(part)
            count += 1
        return in_parts(content, writing, count)

    async def _write(self, conditions: Sequence[Condition], key: bytes, value: bytes) -> bool:
        """Write a key if all conditions hold; return whether they did."""
        clock = asyncio.get_running_loop().time
        began_s = clock()
        try:
            committed = await self._etcd.commit(conditions, [Put(key, value)])
        except EtcdUnavailableError:
            self._pace.failed()
            raise
        self._pace.took(len(value), clock() - began_s)
        return committed.succeeded

    async def follow(
        self, number: int, leads: Callable[[], bool]
    ) -> AsyncGenerator[tuple[int, OrderedBatch], None]:
        """Yield the content of block ``number`` and of all later ones, each with its number.

        Args:
            number: Of the first block.
            leads: Whether the reader leads. Nothing is in order behind the blocks that a leader
                has: what is there all the same is passed over, and told.

        Raises:
            LogTrimmedError: The log begins later.
            UntrustedBatchError: It holds something else.
        """
        while True:
            found = await self._read_blocks(number)
            in_order = self._in_order(found.records, number)
            for record in in_order:
                yield number, await self._batch(record, number)
                number += 1
            if len(in_order) < len(found.records):
                self._pass_over(found.records[len(in_order)].key, number, leads=leads())
            elif found.more:
                continue
            async with aclosing(self._new_records(number, found.revision + 1)) as records:
                async for record in records:
                    if self._keys.number_of(record.key) != number:
                        break  # something was missed: it is read from the start
                    yield number, await self._batch(record, number)
                    number += 1
                    if self._keys.block(number) == self._stray:
                        break

    async def newest(self) -> int | None:
        """Return the number of the last block that was written; None if there is none.

        Raises:
            UntrustedBatchError: There is something that is no block.
        """
        keys = self._keys.blocks_from(0)
        found = await self._etcd.read(keys, limit=1, newest_first=True, values=Values.NONE)
        return self._keys.number_of(found.records[0].key) if found.records else None

    async def first(self) -> int | None:
        """Return the number of the first block that the log still has; None if it has none.

        Raises:
            UntrustedBatchError: There is something that is no block.
        """
        keys = self._keys.blocks_from(0)
        found = await self._etcd.read(keys, limit=1, values=Values.NONE)
        return self._keys.number_of(found.records[0].key) if found.records else None

    async def gap(self, number: int) -> Gap | None:
        """Return what is in place of block ``number`` and before a later one; None if nothing is.

        Raises:
            UntrustedBatchError: There is something that is no block.
        """
        keys = self._keys.blocks_from(number - 1)
        found = (await self._etcd.read(keys, limit=2, values=Values.NONE)).records
        numbers = [self._keys.number_of(record.key) for record in found]
        follows = number - 1 in numbers
        later = found[1:] if follows else found
        if not later or self._keys.number_of(later[0].key) == number:
            return None
        return Gap(number, later[0].key.decode(errors="replace"), follows)

    async def publish(self, orderer: str, height: int) -> None:
        """Tell how many blocks an orderer has on its disk."""
        await self._write([], self._keys.height(orderer), str(height).encode())

    async def leave(self, orderer: str, height: int, named: Collection[str]) -> None:
        """Take back an orderer's height; whoever leaves last takes the log along.

        Last is who has all of the log, if no height of an orderer that the channel names in
        ``named`` is left: others may be of orderers that were taken out, or moved.

        The newest block stays, and what this orderer, with ``height`` blocks, has not copied. Peers
        may have what was before it, and an orderer that joins the channel again sees by it that the
        channel must not be begun anew.
        """
        await self._etcd.commit([], [Deletion(only(self._keys.height(orderer)))])
        newest = await self.newest()
        others = (await self.heights()).keys()
        # Who has not all of the log may not know yet whom the channel names.
        if newest is None or any(height <= newest or other in named for other in others):
            return
        nobody_leads = Condition(self._keys.leader)
        # Whoever begins the channel again asks the others first.
        comparison = Deletion(only(self._keys.compared))
        # What seems to be newest may be a stray key, far behind the last block. 0 is never here.
        kept = max(1, min(newest, height - 1))
        rest = [comparison, *self._deletions_of(others)]
        await self._etcd.commit([nobody_leads], [*self._deletions_below(kept), *rest])

    async def heights(self) -> Mapping[str, int]:
        """Return how many blocks each orderer has on its disk, as far as it has told."""
        found = await self._etcd.read(self._keys.heights)
        start = len(self._keys.heights.start)
        return {
            record.key[start:].decode(errors="replace"): int(record.value)
            for record in found.records
            if record.value.isdigit() and len(record.value) <= _MOST_DIGITS
        }

    async def forget(self, term: int, orderers: Collection[str]) -> None:
        """Delete the heights of some orderers; of a great many, those of some of them.

        Raises:
            SupersededError: Another leads.
        """
        committed = await self._etcd.commit(
            [Condition(self._keys.leader, term)],
            self._deletions_of(orderers),
        )
        if not committed.succeeded:
            raise SupersededError

    async def trim(self, term: int, number: int) -> None:
        """Delete the content of all blocks below ``number``, and let etcd forget that it was there.

        Raises:
            SupersededError: Another leads.
        """
        committed = await self._etcd.commit(
            [Condition(self._keys.leader, term)],
            self._deletions_below(number),
        )
        if not committed.succeeded:
            raise SupersededError
        await self._etcd.compact(committed.revision)

    def _deletions_below(self, number: int) -> Sequence[Deletion]:
        return [
            Deletion(self._keys.blocks_before(number)),
            Deletion(self._keys.parts_before(number)),
        ]

    def _deletions_of(self, orderers: Collection[str]) -> Sequence[Deletion]:
        some = sorted(orderers)[:_MOST_FORGOTTEN]
        return [Deletion(only(self._keys.height(orderer))) for orderer in some]

    def _in_order(self, records: Sequence[Record], number: int) -> Sequence[Record]:
        """Return those that are of block ``number`` and of the ones behind it, without a gap."""
        pairs = enumerate(records, number)
        in_order = takewhile(lambda pair: pair[1].key == self._keys.block(pair[0]), pairs)
        return [record for _, record in in_order]

    def _pass_over(self, stray: bytes, number: int, *, leads: bool) -> None:
        """Warn once of a key behind block ``number``, which is not there.

        Raises:
            LogTrimmedError: The reader does not lead, so that others may have the block.
            UntrustedBatchError: The key is that of no block.
        """
        first = self._keys.number_of(stray)
        if not leads:
            raise LogTrimmedError(first)
        if stray != self._stray:
            gap = Gap(number, stray.decode(errors="replace"), follows=True)
            _log.warning("%s: ordering stops there. %s, and find out who did", gap, gap.remedy)
        self._stray = stray

    async def _batch(self, record: Record, number: int) -> OrderedBatch:
        content = decode_record(record.value, number)
        if isinstance(content, OrderedBatch):
            return content
        if self._written is not None and record.value == self._written[0]:
            _, batch = self._written  # it need not come back over a slow line
            self._written = None
            return batch
        parts = await self._parts(content, number)
        if len(parts) < content.count and not await self._is_there(record.key):
            raise LogTrimmedError(number + 1)  # just now
        return join(content, parts, number)

    async def _parts(self, note: Parts, number: int) -> Sequence[bytes]:
        """Return the parts of a batch, read one by one; fewer than there are if some are gone."""
        parts: list[bytes] = []
        while len(parts) < note.count:
            keys = self._keys.parts(number, note.term, len(parts), note.count)
            found = (await self._etcd.read(keys, limit=1, values=Values.LARGE)).records
            if not found:
                break
            parts += [part.value for part in found]
            if max(sum(map(len, parts)), MIN_VALUE_BYTES * (len(parts) - 1)) > MAX_CONTENT_BYTES:
                raise UntrustedBatchError(number, f"it is more than {MAX_CONTENT_BYTES} bytes")
        return parts

    async def _is_there(self, key: bytes) -> bool:
        return bool((await self._etcd.read(only(key), values=Values.NONE)).records)

    async def _read_blocks(self, number: int) -> Found:
        """Return block ``number`` and some behind it: so many that all are likely to come in time.

        The ones before tell; those that follow may be larger. If they do not come, one is read.
        """
        try:
            keys = self._keys.blocks_from(number)
            found = await self._etcd.read(keys, limit=self._at_once, values=Values.LARGE)
        except EtcdUnavailableError:
            self._at_once = 1
            raise
        largest = max((len(record.value) for record in found.records), default=0)
        self._at_once = max(1, min(_MOST_AT_ONCE, _LIKELY_BYTES // max(1, largest)))
        return found

    async def _new_records(self, number: int, revision: int) -> AsyncGenerator[Record, None]:
        """Yield what is written from ``revision`` on for block ``number`` and later ones."""
        keys = self._keys.blocks_from(number)
        try:
            async with aclosing(self._etcd.watch(keys, revision)) as changes:
                async for some in changes:
                    for change in some:
                        if change.record is not None and change.key >= keys.start:
                            yield change.record
        except CompactedError:
            return  # etcd has trimmed while nothing arrived here: read again


async def _compressed(batch: OrderedBatch) -> bytes:
    pieces = []
    for piece in compressed(batch):
        pieces.append(piece)
        await asyncio.sleep(0)  # the loop renews leases
    return b"".join(pieces)
