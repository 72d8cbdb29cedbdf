"""The blocks of one channel: append-only files, and an index that can be rebuilt from them."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.chain_start import ChainStart, read_start
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.segments import (
    DEFAULT_SEGMENT_BYTES,
    CorruptRecordError,
    Location,
    SegmentFiles,
)
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_header_hash

_log = logging.getLogger(__name__)

_INDEX_BATCH_BLOCKS: Final = 1000
"""How many blocks are indexed in one batch when the index is rebuilt."""


class BlockOutOfOrderError(LedgerError):
    """A block arrived that is not the next one.

    Attributes:
        expected: The number of the next block.
        received: The number of the one that arrived.
    """

    def __init__(self, *, expected: int, received: int) -> None:
        super().__init__(f"expected block {expected}, received block {received}")
        self.expected = expected
        self.received = received


class BrokenChainError(LedgerError):
    """A block arrived that follows some other block than the last one here.

    Attributes:
        number: The block's number.
        expected: Header hash of the last block here.
        received: The previous hash that the block names.
    """

    def __init__(self, *, number: int, expected: bytes, received: bytes) -> None:
        super().__init__(
            f"block {number} follows a block with hash {received.hex() or 'none'}, but the last "
            f"block here has hash {expected.hex() or 'none'}: one of the two is from another chain"
        )
        self.number = number
        self.expected = expected
        self.received = received


class BlockNotFoundError(LedgerError):
    """A block was asked for that does not exist yet, or is not kept here.

    Attributes:
        number: The block's number.
        height: How many blocks the chain has.
        first: The first one that is kept: not 0 if the ledger came from a snapshot or was pruned.
    """

    def __init__(self, *, number: int, height: int, first: int = 0) -> None:
        if 0 <= number < first:
            message = (
                f"block {number} is not here: the blocks of this ledger begin with block {first}; "
                "ask a peer that has kept the earlier ones"
            )
        else:
            message = f"there is no block {number}: the ledger has {height} blocks, from 0 on"
        super().__init__(message)
        self.number = number
        self.height = height
        self.first = first


class CorruptBlockError(LedgerError):
    """A block that was kept cannot be read back.

    Attributes:
        number: The block's number.
        path: The file that has it.
        offset: Where its record begins in the file.
    """

    def __init__(self, *, number: int, path: Path, offset: int, problem: str = "") -> None:
        """``problem`` is what the operating system said, if it could not read the file."""
        damage = CorruptRecordError(path=path, offset=offset, problem=problem)
        super().__init__(f"block {number} is lost: {damage}")
        self.number = number
        self.path = path
        self.offset = offset


class BlockStore:
    """A chain of blocks, each of which refers to the one before; from block 0 on, as a rule.

    The index never runs ahead of the disk: a block's entries are written once the block is synced,
    by the next ``append`` or ``close``, or by an owner in a batch of its own. What is missing after
    a crash, or because the disk is full, is written when the store is opened.
    """

    def __init__(
        self,
        directory: Path,
        index: KeyValueStore,
        *,
        segment_bytes: int = DEFAULT_SEGMENT_BYTES,
        disk: Disk = MACHINE_DISK,
    ) -> None:
        """Open the store, remove a block cut short by a crash, and complete the index.

        Args:
            directory: Holds the files; created if need be.
            index: Shared with other views; see ``keyspace`` for the keys used.
            segment_bytes: Size from which a new file is begun.
            disk: Has the directory.

        Raises:
            CorruptBlockError: A block other than one cut short cannot be read.
            MissingFileError: A file is gone although later ones are there.
            DamagedStartError: It is not known where the blocks begin.
        """
        self._index = index
        self._unindexed: dict[bytes, bytes | None] = {}
        self._start = read_start(directory, disk)
        self._height = self._start.block_number
        self._last_hash = self._start.previous_hash
        self._files = SegmentFiles(
            directory, segment_bytes=segment_bytes, disk=disk, start=self._start.location
        )
        with ExitStack() as undo:
            undo.callback(self._files.close)
            self._recover()
            undo.pop_all()

    @property
    def height(self) -> int:
        """How many blocks the chain has, which is the number of the next one."""
        return self._height

    @property
    def start(self) -> ChainStart:
        """The first block that is kept, and what is known of those before it."""
        return self._start

    @property
    def first_block(self) -> int:
        """Number of the first block that is kept: 0, unless a snapshot stands for the others."""
        return self._start.block_number

    @property
    def last_hash(self) -> bytes:
        """Header hash of the last block; empty if there is none."""
        return self._last_hash

    def append(self, block: Block) -> None:
        """Write the next block; ``sync`` makes it durable. It can be read at once.

        Raises:
            BlockOutOfOrderError: The block is not the next one.
            BrokenChainError: The block does not refer to the last one.
            OSError: The disk is full or failing. The store is as it was.
        """
        self._check_follows(block)
        self._write_index()
        location = self._files.append(block.SerializeToString())
        self._advance(block, location)

    def sync(self) -> None:
        """Return once every block is on the disk. May run in a thread, but not beside ``append``.

        Raises:
            OSError: The disk failed. What it holds now is unknown: the process should stop.
        """
        self._files.sync()

    def read(self, number: int) -> Block:
        """Return a block, parsed. Raises what ``read_bytes`` raises."""
        return Block.FromString(self.read_bytes(number))

    def read_bytes(self, number: int) -> bytes:
        """Return a block exactly as it was serialised when it was appended.

        Raises:
            BlockNotFoundError: The number is not below the height, or before the first block.
            CorruptBlockError: The file no longer holds what was written, or cannot be read.
        """
        self._check_is_here(number)
        try:
            return self._files.read(self._location(number))
        except CorruptRecordError as error:
            raise CorruptBlockError(
                number=number, path=error.path, offset=error.offset, problem=error.problem
            ) from error

    def size_bytes(self, number: int) -> int:
        """Return how long ``read_bytes`` is, as the index has it: the block itself is not read.

        Raises:
            BlockNotFoundError: The number is not below the height, or before the first block.
        """
        self._check_is_here(number)
        return self._location(number).length

    def number_of(self, header_hash: bytes) -> int | None:
        """Return the number of the block with this header hash."""
        encoded = self._entry(keyspace.BLOCK_HASH + header_hash)
        return None if encoded is None else read_uvarint(encoded, 0)[0]

    def index_entries(self) -> dict[bytes, bytes | None]:
        """Return what the index lacks, for the caller to write, once ``sync`` returned.

        The store goes on finding the block by them until ``index_written`` says that they are kept:
        a write that the disk refuses loses nothing.
        """
        return dict(self._unindexed)

    def index_written(self) -> None:
        """Note that the caller has written the ``index_entries``."""
        self._unindexed.clear()

    def close(self) -> None:
        """Sync, complete the index and release the file under way."""
        self.sync()
        try:
            self._write_index()
        except OSError as error:
            _log.warning(
                "the index of the blocks ends before block %d, which is on the disk (%s): it is"
                " completed when the node starts again",
                self._height - 1,
                error,
            )
        self._files.close()

    def _check_is_here(self, number: int) -> None:
        if not self.first_block <= number < self._height:
            raise BlockNotFoundError(number=number, height=self._height, first=self.first_block)

    def _check_follows(self, block: Block) -> None:
        header = block.header
        if header.number != self._height:
            raise BlockOutOfOrderError(expected=self._height, received=header.number)
        if header.previous_hash != self._last_hash:
            raise BrokenChainError(
                number=header.number, expected=self._last_hash, received=header.previous_hash
            )

    def _advance(self, block: Block, location: Location) -> None:
        number = uvarint(self._height)
        self._last_hash = block_header_hash(block.header)
        self._height += 1
        self._unindexed[_location_key(block.header.number)] = _encode_location(location)
        self._unindexed[keyspace.BLOCK_HASH + self._last_hash] = number
        self._unindexed[keyspace.INDEXED_KEY] = uvarint(self._height)

    def _write_index(self) -> None:
        if self._unindexed:
            self.sync()
            self._index.write(self.index_entries())
            self.index_written()

    def _recover(self) -> None:
        """Find the end of the chain: read on from the last block in the index."""
        indexed = self._index.get(keyspace.INDEXED_KEY)
        after: Location | None = None
        if indexed is not None:
            self._height = read_uvarint(indexed, 0)[0]
            after = self._location(self._height - 1)
            self._last_hash = block_header_hash(self.read(self._height - 1).header)
        for location, payload in self._records(after):
            self._recover_block(location, payload)
            if self._height % _INDEX_BATCH_BLOCKS == 0:
                self._write_index()
        self._write_index()

    def _records(self, after: Location | None) -> Iterator[tuple[Location, bytes]]:
        try:
            yield from self._files.recover(after)
        except CorruptRecordError as error:
            raise CorruptBlockError(
                number=self._height, path=error.path, offset=error.offset, problem=error.problem
            ) from error

    def _recover_block(self, location: Location, payload: bytes) -> None:
        try:
            block = Block.FromString(payload)
            self._check_follows(block)
        except (DecodeError, BlockOutOfOrderError, BrokenChainError) as error:
            raise CorruptBlockError(
                number=self._height, path=self._files.path(location), offset=location.offset
            ) from error
        self._advance(block, location)

    def _location(self, number: int) -> Location:
        encoded = self._entry(_location_key(number))
        assert encoded is not None, f"the index has lost block {number}"
        return _decode_location(encoded)

    def _entry(self, key: bytes) -> bytes | None:
        unindexed = self._unindexed.get(key)
        return self._index.get(key) if unindexed is None else unindexed


def _location_key(number: int) -> bytes:
    return keyspace.BLOCK_LOCATION + uvarint(number)


def _encode_location(location: Location) -> bytes:
    return uvarint(location.segment) + uvarint(location.offset) + uvarint(location.length)


def _decode_location(encoded: bytes) -> Location:
    segment, at = read_uvarint(encoded, 0)
    offset, at = read_uvarint(encoded, at)
    length, _ = read_uvarint(encoded, at)
    return Location(segment, offset, length)
