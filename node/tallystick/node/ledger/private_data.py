"""Private values: held back until their transaction commits, then stored if their hashes match.

Blocks hold hashes only, so nothing here can be rebuilt from blocks: a value that is lost must come
from another member of its collection. Source: wire.md §13.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.state import (
    Change,
    Deleted,
    PrivateSetId,
    StateView,
    UpdateBatch,
    VersionedValue,
    private_entries,
)
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

_EXPIRY_INTERVAL_BLOCKS: Final = 100
"""How often, at least, results that have waited too long are looked for."""


@dataclass(frozen=True, slots=True)
class TransientLimits:
    """What private results of endorsed transactions may wait on a channel for the commit of these.

    Attributes:
        retention_blocks: For how many blocks.
        max_bytes: How many bytes, keys included; no more are taken from then on.
    """

    retention_blocks: int = 1000
    max_bytes: int = 256 * 1024 * 1024


class NotKeptError(LedgerError):
    """Private values cannot be kept until their transaction commits, so nobody may rely on it.

    Attributes:
        transaction_id: Whose values they are.
    """

    def __init__(self, transaction_id: str, problem: str) -> None:
        """``problem`` ends with what to do before the transaction is proposed again."""
        super().__init__(
            f"this peer cannot keep the private values of transaction {transaction_id}: {problem},"
            " and propose the transaction again"
        )
        self.transaction_id = transaction_id


class TransientStore:
    """The private results of transactions that were endorsed and have not been committed yet.

    They are kept by collection and by their hash, so that results which somebody makes up for a
    transaction cannot take the place of those that its endorsers vouch for.

    Invariant: ``waiting_bytes`` is the size of all that waits, so that to know it costs nothing.
    """

    def __init__(self, store: KeyValueStore, limits: TransientLimits | None = None) -> None:
        self._store = store
        self._limits = limits or TransientLimits()
        self._waiting_bytes = sum(_size_bytes(key, value) for key, value in self._all())
        self._leaving_bytes: dict[bytes, int] = {}
        self._syncing = asyncio.Lock()
        self._saved = self._synced = 0

    @property
    def waiting_bytes(self) -> int:
        """How much waits, keys included."""
        return self._waiting_bytes

    def save(self, transaction_id: str, private_results: bytes, *, height: int) -> None:
        """Keep the results of a transaction, whatever waits already; they survive a restart.

        Args:
            transaction_id: Of the proposal that was endorsed.
            private_results: ``TxPvtReadWriteSet`` bytes.
            height: The ledger's height now. They are dropped once it has grown by the
                blocks of their retention.

        Raises:
            MalformedMessageError: The results cannot be read.
        """
        entries = _entries(transaction_id, private_results, height)
        self._write(entries, self._growth_bytes(entries))

    async def keep(self, transaction_id: str, private_results: bytes, *, height: int) -> None:
        """Keep the results as ``save`` does; once this returns they survive the machine, too.

        Whoever is told that this node keeps them relies on it: the others may have no copy.
        Source: hyperledger/fabric core/transientstore/store.go, which syncs as well.

        Raises:
            MalformedMessageError: The results cannot be read.
            NotKeptError: The disk is full or failing, or too much waits already.
        """
        entries = _entries(transaction_id, private_results, height)
        growth_bytes = self._growth_bytes(entries)
        if self._waiting_bytes + growth_bytes > self._limits.max_bytes:
            raise NotKeptError(transaction_id, self._no_room())
        try:
            self._write(entries, growth_bytes)
            await self._sync()
        except OSError as error:
            problem = f"{error}; make room on its disk or mend it"
            raise NotKeptError(transaction_id, problem) from error

    def _no_room(self) -> str:
        return (
            f"those of other transactions that are endorsed and not committed take"
            f" {self._waiting_bytes} bytes, and `transient_max_bytes` under [private_data] is"
            f" {self._limits.max_bytes}; wait until they are committed, or expire after"
            f" {self._limits.retention_blocks} blocks, or raise it"
        )

    def _growth_bytes(self, entries: Mapping[bytes, bytes]) -> int:
        """Return by how much more waits once ``entries`` are written; some may wait already."""
        return sum(
            _size_bytes(key, value) - _size_bytes(key, self._store.get(key))
            for key, value in entries.items()
        )

    def _write(self, entries: Mapping[bytes, bytes], growth_bytes: int) -> None:
        self._store.write(entries)
        self._waiting_bytes += growth_bytes

    async def _sync(self) -> None:
        self._saved += 1
        number = self._saved
        # Whoever comes during a sync shares the next one. Each in a thread of its own, they would
        # take all threads, and the block that is committed meanwhile would wait for every one.
        async with self._syncing:
            if self._synced < number:
                covered = self._saved
                await asyncio.to_thread(self._store.sync)
                self._synced = covered

    def get(
        self, transaction_id: str, namespace: str, collection: str, digest: bytes
    ) -> bytes | None:
        """Return the private set with this SHA-256, ``KVRWSet`` bytes, that waits for a commit."""
        encoded = self._store.get(_transient_key(transaction_id, namespace, collection, digest))
        return None if encoded is None else encoded[read_uvarint(encoded, 0)[1] :]

    def removals(self, transaction_ids: Iterable[str]) -> dict[bytes, bytes | None]:
        """Return what dropping the results of these transactions writes to the store.

        They count among what waits until ``dropped`` says that this is written.
        """
        prefixes = map(_transaction_prefix, transaction_ids)
        return self._leaving(
            (key, encoded)
            for prefix in prefixes
            for key, encoded in self._store.range(prefix, keyspace.end_of_prefix(prefix))
        )

    def expiries(self, height: int) -> dict[bytes, bytes | None]:
        """Return what dropping results that have waited too long at ``height`` writes.

        They count until ``dropped`` says that this is written. To look through all that waits is
        work, so it is done at some heights only.
        """
        retention_blocks = self._limits.retention_blocks
        if height % min(retention_blocks, _EXPIRY_INTERVAL_BLOCKS):
            return {}
        return self._leaving(
            (key, encoded)
            for key, encoded in self._all()
            if read_uvarint(encoded, 0)[0] + retention_blocks <= height
        )

    def dropped(self) -> None:
        """Note that what ``removals`` and ``expiries`` have returned is written."""
        self._waiting_bytes -= sum(self._leaving_bytes.values())
        self._leaving_bytes.clear()

    def _leaving(self, pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes | None]:
        sizes = {key: _size_bytes(key, encoded) for key, encoded in pairs}
        self._leaving_bytes |= sizes  # by key: what expires may be removed by the same block
        return dict.fromkeys(sizes)

    def _all(self) -> Iterator[tuple[bytes, bytes]]:
        end = keyspace.end_of_prefix(keyspace.TRANSIENT)
        return self._store.range(keyspace.TRANSIENT, end)


class PrivateChanges:
    """The changes of private keys that the hashes in the changes of a block confirm.

    A value is accepted if its transaction is the last in the block to have written it, and its hash
    is the one that the block commits. Others are dropped in silence: the hash in the state shows
    that this node lacks the value. If a later transaction changed its metadata, and the private set
    of that is missing, the version of the value stays behind that of its hash until the set comes.
    """

    def __init__(self, batch: UpdateBatch, view: StateView) -> None:
        """Confirm against the changes in ``batch`` of a block that comes on top of ``view``."""
        self._batch = batch
        self._view = view
        self._values: dict[tuple[str, str, str], bytes] = {}
        self._confirmed: dict[tuple[str, str], dict[str, Change]] = {}

    def add(self, set_id: PrivateSetId, rwset: bytes) -> None:
        """Take a private set of a valid transaction: ``KVRWSet`` bytes.

        Call it in the order of the transactions in the block.

        Raises:
            MalformedMessageError: The set cannot be read.
        """
        place = (set_id.namespace, set_id.collection)
        private = decode(KVRWSet, rwset)
        written = {write.key: write.value for write in private.writes}
        for change in private.metadata_writes:
            # The value stays, but its version must go on to be that of its hash.
            written.setdefault(change.key, self._latest_value(place, change.key))
        for key, value in written.items():
            self._values[*place, key] = value
            self._confirm(set_id, key, value)

    def entries(self) -> dict[bytes, bytes | None]:
        """Return what committing the confirmed changes writes to the store."""
        entries: dict[bytes, bytes | None] = {}
        for (namespace, collection), changes in self._confirmed.items():
            entries |= private_entries(namespace, collection, changes)
        return entries

    def _latest_value(self, place: tuple[str, str], key: str) -> bytes:
        in_block = self._values.get((*place, key))
        if in_block is not None:
            return in_block
        committed = self._view.get_private(*place, key)
        return b"" if committed is None else committed.value

    def _confirm(self, set_id: PrivateSetId, key: str, value: bytes) -> None:
        place = (set_id.namespace, set_id.collection)
        key_hash = sha256(key.encode())
        change: Change | None = self._batch.get_hash(*place, key_hash)
        match change:
            case Deleted(version=version) if version == set_id.version:
                self._confirmed.setdefault(place, {})[key] = change
            case VersionedValue(value=value_hash, version=version) if value_hash == sha256(value):
                written_at = self._batch.value_versions[*place, key_hash]
                if set_id.version in {version, written_at}:
                    latest = VersionedValue(value, set_id.version)
                    self._confirmed.setdefault(place, {})[key] = latest


def private_sets(private_results: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield namespace, collection and ``KVRWSet`` bytes of each set in private results.

    Raises:
        MalformedMessageError: They are no ``TxPvtReadWriteSet`` bytes.
    """
    for namespace in decode(TxPvtReadWriteSet, private_results).ns_pvt_rwset:
        for collection in namespace.collection_pvt_rwset:
            yield namespace.namespace, collection.collection_name, collection.rwset


def _entries(transaction_id: str, private_results: bytes, height: int) -> dict[bytes, bytes]:
    """Return what keeping the results of a transaction writes to the store."""
    return {
        _transient_key(transaction_id, namespace, collection, sha256(rwset)): (
            uvarint(height) + rwset
        )
        for namespace, collection, rwset in private_sets(private_results)
    }


def _size_bytes(key: bytes, value: bytes | None) -> int:
    """Return what an entry takes; nothing if there is none."""
    return 0 if value is None else len(key) + len(value)


def _transaction_prefix(transaction_id: str) -> bytes:
    return keyspace.TRANSIENT + transaction_id.encode() + keyspace.SEPARATOR


def _transient_key(transaction_id: str, namespace: str, collection: str, digest: bytes) -> bytes:
    place = (namespace.encode(), collection.encode(), digest)
    return _transaction_prefix(transaction_id) + keyspace.SEPARATOR.join(place)
