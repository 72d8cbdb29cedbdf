"""What lies where in the folder of one channel."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.chain_start import START, ChainStart, DamagedStartError, read_start
from tallystick.node.ledger.committed import has_verdicts
from tallystick.node.ledger.key_value_store import (
    OpenStore,
    StoreKind,
    StoreUnavailableError,
    open_store,
)
from tallystick.node.ledger.segments import (
    CorruptRecordError,
    MissingFileError,
    TornRecordError,
    read_records,
)
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.node.ledger.views import VIEWS, OtherKindOfStoreError, kind_of
from tallystick.protos.common.common_pb2 import Block

_BLOCKS: Final = "blocks"
OLD: Final = "store.old"
"""Where a store is while the one that takes its place is put there."""


class NoLedgerError(LedgerError):
    """A folder is not that of a channel.

    Attributes:
        directory: The folder.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} holds no ledger: name the folder of one channel, which has a folder"
            f" {_BLOCKS!r}, such as DATA_DIRECTORY/channels/CHANNEL"
        )
        self.directory = directory


class NoStoreError(LedgerError):
    """A peer's ledger has no store of its views.

    Attributes:
        directory: Where it should be.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"there is no store in {directory}: `tally ledger rebuild` makes it from the blocks"
        )
        self.directory = directory


class WrongBlockError(LedgerError):
    """A block is not what it should be.

    Attributes:
        number: The first such block.
        problem: What is wrong with it.
    """

    def __init__(self, number: int, problem: str, remedy: str) -> None:
        super().__init__(f"block {number} is wrong: {problem}\n{remedy}")
        self.number = number
        self.problem = problem


class LaterStartError(LedgerError):
    """A ledger begins with another block than it should.

    Attributes:
        first: The number of its first block.
    """

    def __init__(self, first: int, expected: int) -> None:
        super().__init__(
            f"the ledger begins at block {first} in place of {expected}: what was before, and says"
            f" who may sign, is not here; restore the folder, {START} with it, from a backup"
        )
        self.first = first


class LostStartError(LedgerError):
    """A ledger began with a snapshot, and nothing beside its blocks says so any more.

    Attributes:
        blocks: Where its blocks should be.
    """

    def __init__(self, blocks: Path) -> None:
        super().__init__(
            f"the ledger began with a snapshot, and {blocks / START}, which says so, is gone:"
            " restore the folder from a backup, or move it away and join the channel again with a"
            " snapshot"
        )
        self.blocks = blocks


class EmptyLedgerError(LedgerError):
    """A ledger has no block, not even the channel's first one.

    Attributes:
        blocks: Where they should be.
    """

    def __init__(self, blocks: Path, remedy: str) -> None:
        super().__init__(f"there is no block in {blocks}: {remedy}")
        self.blocks = blocks


@dataclass(frozen=True, slots=True)
class LedgerFolder:
    """The folder of one channel on one node.

    Attributes:
        directory: The folder.
        is_peer: Whether it is a peer's; else it is an orderer's, which has blocks only.
        kind: The kind of its store.
    """

    directory: Path
    is_peer: bool
    kind: StoreKind

    @property
    def blocks(self) -> Path:
        """Where the block files are."""
        return self.directory / _BLOCKS

    @property
    def store(self) -> Path:
        """Where the views are, or the index of an orderer's blocks."""
        return self.directory / VIEWS["peer" if self.is_peer else "orderer"]

    @property
    def start(self) -> ChainStart:
        """The first block, and what is known of those before it. Raises DamagedStartError."""
        return read_start(self.blocks)

    @contextmanager
    def opened(self) -> Iterator[OpenStore]:
        """Yield the store, kept from the node meanwhile.

        Raises:
            NoStoreError: There is none.
            StoreUnavailableError: The node runs, or the store is damaged.
        """
        if not self.store.is_dir():
            raise NoStoreError(self.store)
        with open_store(self.kind, self.store) as store:
            yield store

    def read(self) -> Iterator[Block]:
        """Yield the blocks, from the files alone, and change nothing.

        Raises:
            WrongBlockError: One cannot be read.
            TornRecordError: The last one was cut short.
            LaterStartError: The first one is not the one that it should be.
            DamagedStartError: It is not known where they begin.
        """
        start = self.start
        number = start.block_number
        try:
            for _, _, payload in read_records(self.blocks, start.location):
                block = Block.FromString(payload)
                if number == start.block_number < block.header.number:
                    raise LaterStartError(block.header.number, start.block_number)
                yield block
                number += 1
        except (CorruptRecordError, MissingFileError, DecodeError) as error:
            raise WrongBlockError(number, str(error), self.remedy(number)) from error

    def check_end(self, height: int, problem: str) -> None:
        """Fail if the store knows of more blocks than can be read: no crash cuts whole ones short.

        Raises:
            WrongBlockError: It does.
            LostStartError: It has no block 0, with which the block files are to begin.
        """
        if self.known_height() > height:
            raise WrongBlockError(height, problem, self.remedy(height))

    def known_height(self) -> int:
        """Return how many blocks the store knows of; 0 if it is lost, damaged or in use.

        Raises:
            LostStartError: It has no block 0, with which the block files are to begin.
        """
        first = self.start.block_number
        try:
            with self.opened() as store:
                found = store.get(keyspace.INDEXED_KEY)
                begins_here = store.get(keyspace.BLOCK_LOCATION + uvarint(first)) is not None
        except (NoStoreError, StoreUnavailableError, OSError):
            return 0  # if the node runs, the end may be on its way
        if found is None:
            return 0
        if not begins_here:
            raise LostStartError(self.blocks)
        return read_uvarint(found, 0)[0]

    def check_has_blocks(self, height: int) -> None:
        """Fail if there is no block. Behind a snapshot there may be none yet.

        Raises:
            EmptyLedgerError: There is none.
        """
        if not height:
            raise EmptyLedgerError(
                self.blocks,
                "start the node, which fetches the blocks of the channels that it is on"
                if self.is_peer
                else self.remedy(0),
            )

    def remedy(self, number: int) -> str:
        """Return what to do about the first wrong block."""
        if self.is_peer and number == 0:
            return (
                "stop the node, and `tally ledger rebuild --from 0` sets all blocks aside; the node"
                " then begins anew with the channel's first block, which `tally channel join` has"
                " kept beside the ledger, or `genesis_blocks` in its settings names; if neither is"
                " so, join the channel again"
            )
        if self.is_peer:
            return (
                f"stop the node, and `tally ledger rebuild --from {number}` sets this block and"
                " what follows aside; the node then fetches them again"
            )
        return (
            "restore the orderer's folder from a backup; one that shares its order through etcd may"
            " also start without the folder, and copies the chain again"
        )


def open_folder(directory: Path, kind: StoreKind | None = None) -> LedgerFolder:
    """Return what the folder of a channel is.

    Args:
        directory: The folder.
        kind: The kind of its store; None for that of the one that is there, or else LevelDB.

    Raises:
        NoLedgerError: It is none.
        OtherKindOfStoreError: It has a store, which is not of this kind.
        TwoStoresError: It has stores of two kinds.
    """
    if not (directory / _BLOCKS).is_dir():
        raise NoLedgerError(directory)
    is_peer = _is_peers(directory)
    store = directory / VIEWS["peer" if is_peer else "orderer"]
    for path in (store, directory / OLD):
        there = kind_of(path)
        if there is None:
            continue
        if kind not in (None, there):
            raise OtherKindOfStoreError(
                path,
                there,
                f"--store {kind} is only for a folder whose store is lost: leave --store away, and"
                f' see that the settings of the node say `store = "{there}"`',
            )
        kind = there
        break
    return LedgerFolder(directory, is_peer, kind or "leveldb")


def _is_peers(directory: Path) -> bool:
    """Return whether the folder of a channel is a peer's.

    Its store tells. If that is lost, the first block does, to which a peer has added its verdicts.
    What nothing tells of is taken for an orderer's: of such a folder nothing is set aside.
    """
    if (directory / VIEWS["orderer"]).is_dir():
        return False
    return (directory / VIEWS["peer"]).is_dir() or _begins_with_verdicts(directory / _BLOCKS)


def _begins_with_verdicts(blocks: Path) -> bool:
    try:
        for _, _, payload in read_records(blocks, read_start(blocks).location):
            return has_verdicts(Block.FromString(payload))
    except (CorruptRecordError, MissingFileError, TornRecordError, DamagedStartError, DecodeError):
        return False  # which is said by whoever reads them next
    return False
