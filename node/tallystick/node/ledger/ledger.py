"""The ledger of one channel: the only writer of its blocks and of every view of them."""

import asyncio
import logging
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from tallystick.node.ledger import committed, promised_hashes
from tallystick.node.ledger.block_store import (
    BlockNotFoundError,
    BlockOutOfOrderError,
    BlockStore,
)
from tallystick.node.ledger.chain_start import ChainStart
from tallystick.node.ledger.collection_rules import UNGUARDED, CollectionRules
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.head import Head, LedgerMoment, read_head
from tallystick.node.ledger.history import History, HistoryView, history_entries
from tallystick.node.ledger.inspection_record import InspectionRecord
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.private_data import (
    PrivateChanges,
    TransientLimits,
    TransientStore,
)
from tallystick.node.ledger.private_sets import BlocksToLive, Entries, PrivateSets, forever
from tallystick.node.ledger.replay import (
    ReplayMismatchError,
    StateLostError,
    hashed_writes,
    recorded_updates,
)
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import (
    LedgerState,
    PrivateSetId,
    StateView,
    UpdateBatch,
    state_entries,
)
from tallystick.node.ledger.steady_reader import SteadyReader
from tallystick.node.ledger.transaction_index import TransactionIndex, TransactionLocation
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVWriteHash
from tallystick.wire.hashing import block_header_hash, commit_hash

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittableBlock:
    """A block with the outcome of its validation.

    Attributes:
        block: The block as it was received. ``commit`` fills the metadata slots that are a peer's.
        codes: One validation code for each transaction, in block order.
        updates: Net changes by the valid transactions.
        transaction_ids: For each transaction the id in its channel header; empty if that header
            cannot be read.
        private: ``TxPvtReadWriteSet`` bytes by index of the transaction, for what is not waiting in
            the transient store.
    """

    block: Block
    codes: bytes
    updates: UpdateBatch
    transaction_ids: Sequence[str]
    private: Mapping[int, bytes] = field(default_factory=dict)


class CommittedTransaction(NamedTuple):
    """A transaction on the ledger: its ``Envelope`` bytes, its validation code and its block."""

    envelope: bytes
    code: int
    block_number: int


class Ledger:
    """Blocks, and the state, history and transaction index that follow from them.

    A block is first appended and synced. Then one atomic batch brings every view, and the savepoint
    that says how far they have come, from the block before to this one. A crash between the two
    leaves the views behind, never ahead, and ``recover`` brings them up. Readers see a block once
    its batch is written.

    Attributes:
        transient: Private results of transactions that were endorsed here and are not committed.
        private_sets: Private results of committed transactions, and which of them are missing.
        inspection: How far the blocks have been looked through for damage.
    """

    def __init__(
        self,
        blocks: BlockStore,
        store: KeyValueStore,
        lives: BlocksToLive = forever,
        waiting: TransientLimits | None = None,
    ) -> None:
        """Use ``open``."""
        self._blocks = blocks
        self._store = store
        self._state = LedgerState(store)
        self._history = History(store, blocks.read)
        self._transactions = TransactionIndex(store)
        self._head = read_head(store)
        self._committing = asyncio.Lock()
        self._reader: weakref.ref[SteadyReader] | None = None
        self.transient = TransientStore(store, waiting)
        self.private_sets = PrivateSets(store, self._state, lives)
        self.inspection = InspectionRecord(store)

    @classmethod
    def open(
        cls,
        directory: Path,
        store: KeyValueStore,
        lives: BlocksToLive = forever,
        waiting: TransientLimits | None = None,
        disk: Disk = MACHINE_DISK,
    ) -> Self:
        """Open the ledger and bring its views up to its blocks. A new one awaits block 0.

        Args:
            directory: Holds the block files; created if need be.
            store: Holds the views of this ledger and nothing else. It stays the caller's to close.
            lives: Says how many blocks the values of a private data collection live.
            waiting: What private results may wait for the commit of what was endorsed.
            disk: Has the directory.

        Raises:
            CorruptBlockError: A block other than one cut short by a crash cannot be read.
            MissingFileError: A block file is gone although later ones are there.
            ReplayMismatchError: The store does not belong to the blocks.
            StateLostError: The store is lost, and the blocks that are left cannot rebuild it.
            UnsupportedFormatError: The store has another layout.
        """
        blocks = BlockStore(directory, store, disk=disk)
        ledger = cls(blocks, store, lives, waiting)
        ledger.recover()
        return ledger

    @property
    def height(self) -> int:
        """How many blocks are committed, which is the number of the next one."""
        return self._head.height

    @property
    def first_block(self) -> int:
        """Number of the first block that is here: 0, unless a snapshot stands for the others."""
        return self._blocks.first_block

    @property
    def start(self) -> ChainStart:
        """The first block that is here, and what is known of those before it."""
        return self._blocks.start

    @property
    def state(self) -> StateView:
        """The state after the last committed block."""
        return self._state

    @property
    def history(self) -> HistoryView:
        """The past values of keys."""
        return self._history

    def info(self) -> BlockchainInfo:
        """Return the height, the header hashes of the last two blocks, and where blocks begin."""
        info = BlockchainInfo(
            height=self._head.height,
            currentBlockHash=self._head.block_hash,
            previousBlockHash=self._head.previous_hash,
        )
        if self.first_block:
            info.bootstrappingSnapshotInfo.lastBlockInSnapshot = self.first_block - 1
        return info

    def moment(self) -> LedgerMoment:
        """Return everything that the ledger keeps, as it is now: no later block shows.

        It may be read in another thread.
        """
        return LedgerMoment(self._store.snapshot(), self._head)

    def last_config_block_number(self) -> int:
        """Return the number of the newest block that carries a channel configuration."""
        return self._head.last_config_block

    def last_commit_hash(self) -> bytes:
        """Return the commit hash of the last block; empty below height 2."""
        return self._head.commit_hash

    def simulator(self, transaction_id: str, rules: CollectionRules = UNGUARDED) -> Simulator:
        """Return a simulator for one transaction on top of the last committed block.

        It goes on seeing that block's state when more blocks are committed.
        """
        reader = self._current_reader()
        if reader is None:
            reader = SteadyReader(self._store)
            self._reader = weakref.ref(reader)
        history = History(reader, self._blocks.read)
        return Simulator(LedgerState(reader), history, transaction_id, rules)

    def block(self, number: int) -> Block:
        """Return a committed block.

        Raises:
            BlockNotFoundError: The number is not below the height, or before the first block here.
            CorruptBlockError: The file no longer holds what was written.
        """
        return Block.FromString(self.read_bytes(number))

    def read_bytes(self, number: int) -> bytes:
        """Return a committed block as it was serialised. Raises what ``block`` raises."""
        if number >= self.height:
            raise BlockNotFoundError(number=number, height=self.height, first=self.first_block)
        return self._blocks.read_bytes(number)

    def block_by_hash(self, header_hash: bytes) -> Block | None:
        """Return the committed block with this header hash."""
        number = self._blocks.number_of(header_hash)
        return None if number is None or number >= self.height else self.block(number)

    def block_by_transaction(self, transaction_id: str) -> Block | None:
        """Return the first block that has a transaction, valid or not, with this id."""
        location = self._transactions.find(transaction_id)
        return None if location is None else self.block(location.block_number)

    def transaction(self, transaction_id: str) -> CommittedTransaction | None:
        """Return the first transaction, valid or not, with this id."""
        location = self._transactions.find(transaction_id)
        if location is None:
            return None
        envelope = self.block(location.block_number).data.data[location.index]
        return CommittedTransaction(envelope, location.code, location.block_number)

    def location(self, transaction_id: str) -> TransactionLocation | None:
        """Return where the first transaction with this id is, and its code; costs one look-up."""
        return self._transactions.find(transaction_id)

    def transaction_exists(self, transaction_id: str) -> bool:
        """Tell whether any transaction on the ledger, valid or not, has this id."""
        return self._transactions.contains(transaction_id)

    async def commit(self, committable: CommittableBlock) -> None:
        """Add the next block; once this returns, it is durable and every view shows it.

        The block is serialised after its metadata slots 2 (codes) and 4 (commit hash) are filled.
        Commits wait for one another. A commit that is cancelled while it waits for the disk is
        completed before the cancellation goes on.

        Raises:
            BlockOutOfOrderError: The block is not the next one.
            BrokenChainError: The block does not refer to the last one.
            OSError: The disk is full or failing. Nothing more may be committed: open anew.
        """
        async with self._committing:
            block = committable.block
            number = block.header.number
            if number != self.height:
                raise BlockOutOfOrderError(expected=self.height, received=number)
            assert len(committable.codes) == len(block.data.data), "one code per transaction"
            for index, private_results in committable.private.items():
                # By way of the transient store, so that a replay after a crash finds them too.
                self.transient.save(
                    committable.transaction_ids[index], private_results, height=self.height
                )
            next_head = self._next_head(committable)
            committed.record_outcome(block, committable.codes, next_head.commit_hash)
            self._blocks.append(block)
            await self._sync_then_apply(committable, next_head)

    def commit_missing(self, set_id: PrivateSetId, rwset: bytes) -> bool:
        """Take a private set that ``private_sets`` lists as missing.

        Returns:
            Whether it is the set that the ledger promises. Any other leaves no trace.

        Raises:
            MalformedMessageError: It is no ``KVRWSet`` bytes.
        """
        digest = self.private_sets.missing_hash(set_id)
        if digest is None:
            return False
        if digest:
            entries = self.private_sets.late_entries(set_id, rwset, self._hashed_writes(set_id))
        else:
            entries = promised_hashes.late_entries(self._store, self._state, set_id, rwset)
        if entries is None:
            return False
        self._store.write(entries)
        return True

    def recover(self) -> None:
        """Apply the blocks that the views lack, with the outcomes that are recorded in them.

        Raises:
            ReplayMismatchError: The store does not belong to the blocks.
            StateLostError: The blocks that are left are not enough to rebuild the views.
        """
        if self.height < self.first_block:
            raise StateLostError(self.first_block)
        for number in range(self.height, self._blocks.height):
            block = self._blocks.read(number)
            committable = CommittableBlock(
                block=block,
                codes=committed.recorded_codes(block),
                updates=recorded_updates(block, self._state),
                transaction_ids=list(map(committed.transaction_id_of_entry, block.data.data)),
            )
            next_head = self._next_head(committable)
            recorded = committed.recorded_commit_hash(block)
            if next_head.commit_hash not in (b"", recorded):
                raise ReplayMismatchError(
                    number=number, recorded=recorded, replayed=next_head.commit_hash
                )
            self._apply(committable, next_head)
            _log.info("block %d was on disk, but not in every view: applied it again", number)

    def close(self) -> None:
        """Release the block files."""
        self._blocks.close()

    def _hashed_writes(self, set_id: PrivateSetId) -> Sequence[KVWriteHash] | None:
        """Return what a transaction wrote in a collection; None if its block is not here."""
        number = set_id.version.block_number
        return None if number < self.first_block else hashed_writes(self.block(number), set_id)

    async def _sync_then_apply(self, committable: CommittableBlock, next_head: Head) -> None:
        try:
            await asyncio.to_thread(self._blocks.sync)
        except asyncio.CancelledError:
            # The block is in the file already: leaving the views behind would stop the next commit.
            self._blocks.sync()
            self._apply(committable, next_head)
            raise
        self._apply(committable, next_head)

    def _next_head(self, committable: CommittableBlock) -> Head:
        """Return the head after a block. Source of the commit hash: wire.md §11."""
        head, header = self._head, committable.block.header
        is_config = committed.is_config_block(committable.block)
        next_commit_hash = b""
        if header.number == 1 or head.commit_hash:
            next_commit_hash = commit_hash(
                committable.codes, committable.updates.update_bytes(), head.commit_hash
            )
        return Head(
            height=header.number + 1,
            last_config_block=header.number if is_config else head.last_config_block,
            block_hash=block_header_hash(header),
            previous_hash=header.previous_hash,
            commit_hash=next_commit_hash,
        )

    def _apply(self, committable: CommittableBlock, next_head: Head) -> None:
        number = committable.block.header.number
        batch = self._blocks.index_entries()
        batch |= self.private_sets.expiry_entries(number)
        batch |= self._transactions.entries(number, committable.transaction_ids, committable.codes)
        batch |= state_entries(committable.updates)
        batch |= history_entries(committable.updates.writes)
        batch |= self.transient.expiries(next_head.height)
        batch |= self._private_entries(committable)
        batch |= next_head.entries()
        reader = self._current_reader()
        if reader is not None:
            reader.pin(self._store.snapshot())
            self._reader = None
        self._store.write(batch)
        self._blocks.index_written()
        self.transient.dropped()
        self._head = next_head

    def _current_reader(self) -> SteadyReader | None:
        """Return what simulations of the present height read from; None if there are none."""
        return None if self._reader is None else self._reader()

    def _private_entries(self, committable: CommittableBlock) -> Entries:
        """Return what moving the block's private values into the state writes to the store."""
        updates = committable.updates
        if not updates.hashed:
            return {}
        changes = PrivateChanges(updates, self._state)
        found: dict[PrivateSetId, bytes] = {}
        for set_id, digest in updates.private_sets.items():
            transaction_id = committable.transaction_ids[set_id.version.transaction_index]
            rwset = self.transient.get(transaction_id, set_id.namespace, set_id.collection, digest)
            if rwset is not None:
                found[set_id] = rwset
                changes.add(set_id, rwset)
        entries = self.private_sets.block_entries(found, updates, committable.block.header.number)
        entries |= changes.entries()
        return entries | self.transient.removals(filter(None, committable.transaction_ids))
