"""Private values: held back until their transaction commits, then stored if their hashes match.

Blocks hold hashes only, so nothing here can be rebuilt from blocks: a value that is lost must come
from another member of its collection. Source: wire.md §13.
"""

import asyncio
from collections.abc import Iterable, Iterator
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

RETENTION_BLOCKS: Final = 1000
"""How many blocks long the private results of a transaction wait for it to commit, by default."""

_EXPIRY_INTERVAL_BLOCKS: Final = 100
"""How often, at least, results that have waited too long are looked for."""


class NotKeptError(LedgerError):
    """Private values cannot be kept until their transaction commits, so nobody may rely on it.

    Attributes:
        transaction_id: Whose values they are.
    """

    def __init__(self, transaction_id: str, cause: OSError) -> None:
        super().__init__(
            f"this peer cannot keep the private values of transaction {transaction_id}: {cause}; "
            "make room on its disk or mend it, and propose the transaction again"
        )
        self.transaction_id = transaction_id


class TransientStore:
    """The private results of transactions that were endorsed and have not been committed yet.

    They are kept by collection and by their hash, so that results which somebody makes up for a
    transaction cannot take the place of those that its endorsers vouch for.
    """

    def __init__(self, store: KeyValueStore, retention_blocks: int = RETENTION_BLOCKS) -> None:
        self._store = store
        self._retention_blocks = retention_blocks
        self._syncing = asyncio.Lock()
        self._saved = self._synced = 0

    def save(self, transaction_id: str, private_results: bytes, *, height: int) -> None:
        """Keep the results of a transaction; they survive a restart.

        Args:
            transaction_id: Of the proposal that was endorsed.
            private_results: ``TxPvtReadWriteSet`` bytes.
            height: The ledger's height now. They are dropped once it has grown by the
                blocks of their retention.

        Raises:
            MalformedMessageError: The results cannot be read.
        """
        self._store.write(
            {
                _transient_key(transaction_id, namespace, collection, sha256(rwset)): (
                    uvarint(height) + rwset
                )
                for namespace, collection, rwset in private_sets(private_results)
            }
        )

    async def keep(self, transaction_id: str, private_results: bytes, *, height: int) -> None:
        """Keep the results as ``save`` does; once this returns they survive the machine, too.

        Whoever is told that this node keeps them relies on it: the others may have no copy.
        Source: hyperledger/fabric core/transientstore/store.go, which syncs as well.

        Raises:
            MalformedMessageError: The results cannot be read.
            NotKeptError: The disk is full or failing.
        """
        try:
            self.save(transaction_id, private_results, height=height)
            await self._sync()
        except OSError as error:
            raise NotKeptError(transaction_id, error) from error

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
        """Return what dropping the results of these transactions writes to the store."""
        prefixes = map(_transaction_prefix, transaction_ids)
        return {
            key: None
            for prefix in prefixes
            for key, _ in self._store.range(prefix, keyspace.end_of_prefix(prefix))
        }

    def expiries(self, height: int) -> dict[bytes, bytes | None]:
        """Return what dropping results that have waited too long at ``height`` writes.

        To look through all that waits is work, so it is done at some heights only.
        """
        if height % min(self._retention_blocks, _EXPIRY_INTERVAL_BLOCKS):
            return {}
        end = keyspace.end_of_prefix(keyspace.TRANSIENT)
        return {
            key: None
            for key, encoded in self._store.range(keyspace.TRANSIENT, end)
            if read_uvarint(encoded, 0)[0] + self._retention_blocks <= height
        }


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


def _transaction_prefix(transaction_id: str) -> bytes:
    return keyspace.TRANSIENT + transaction_id.encode() + keyspace.SEPARATOR


def _transient_key(transaction_id: str, namespace: str, collection: str, digest: bytes) -> bytes:
    place = (namespace.encode(), collection.encode(), digest)
    return _transaction_prefix(transaction_id) + keyspace.SEPARATOR.join(place)
