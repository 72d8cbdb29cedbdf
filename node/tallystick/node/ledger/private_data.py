"""Private values: held back until their transaction commits, then stored if their hashes match.

Blocks hold hashes only, so nothing here can be rebuilt from blocks: a value that is lost must come
from another member of its collection. Source: wire.md §13.
"""

from collections.abc import Iterable
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.state import (
    Change,
    Deleted,
    StateView,
    UpdateBatch,
    VersionedValue,
    private_entries,
)
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

RETENTION_BLOCKS: Final = 1000
"""How many blocks long the private results of a transaction wait for it to commit."""

EXPIRY_INTERVAL_BLOCKS: Final = 100
"""How often results that have waited too long are looked for."""


class TransientStore:
    """The private results of transactions that were endorsed and have not been committed yet."""

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store

    def save(self, transaction_id: str, private_results: bytes, *, height: int) -> None:
        """Keep the results of a transaction; they survive a restart.

        Args:
            transaction_id: Of the proposal that was endorsed.
            private_results: ``TxPvtReadWriteSet`` bytes.
            height: The ledger's height now. ``RETENTION_BLOCKS`` later the results are dropped.
        """
        self._store.write({_transient_key(transaction_id): uvarint(height) + private_results})

    def get(self, transaction_id: str) -> bytes | None:
        """Return the results of a transaction that waits for its commit."""
        encoded = self._store.get(_transient_key(transaction_id))
        return None if encoded is None else encoded[read_uvarint(encoded, 0)[1] :]

    def removals(self, transaction_ids: Iterable[str]) -> dict[bytes, bytes | None]:
        """Return what dropping the results of these transactions writes to the store."""
        return {_transient_key(transaction_id): None for transaction_id in transaction_ids}

    def expiries(self, height: int) -> dict[bytes, bytes | None]:
        """Return what dropping results that have waited too long at ``height`` writes."""
        end = keyspace.end_of_prefix(keyspace.TRANSIENT)
        return {
            key: None
            for key, encoded in self._store.range(keyspace.TRANSIENT, end)
            if read_uvarint(encoded, 0)[0] + RETENTION_BLOCKS <= height
        }


class PrivateChanges:
    """The changes of private keys that the hashes in the changes of a block confirm.

    A value is accepted if its transaction is the last in the block to have changed its key, and
    its hash is the one that the block commits. Others are dropped in silence: the hash in the state
    shows that this node lacks the value.
    """

    def __init__(self, batch: UpdateBatch, view: StateView) -> None:
        """Confirm against the changes in ``batch`` of a block that comes on top of ``view``."""
        self._batch = batch
        self._view = view
        self._values: dict[tuple[str, str, str], bytes] = {}
        self._confirmed: dict[tuple[str, str], dict[str, Change]] = {}

    def add(self, version: Version, private_results: bytes) -> None:
        """Take the private results of a valid transaction: ``TxPvtReadWriteSet`` bytes.

        Call it in the order of the transactions in the block.

        Raises:
            MalformedMessageError: The results cannot be read.
        """
        for namespace in decode(TxPvtReadWriteSet, private_results).ns_pvt_rwset:
            for collection in namespace.collection_pvt_rwset:
                place = (namespace.namespace, collection.collection_name)
                rwset = decode(KVRWSet, collection.rwset)
                written = {write.key: write.value for write in rwset.writes}
                for change in rwset.metadata_writes:
                    # The value stays, but its version must go on to be that of its hash.
                    written.setdefault(change.key, self._latest_value(place, change.key))
                for key, value in written.items():
                    self._values[*place, key] = value
                    self._confirm(place, key, value, version)

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

    def _confirm(self, place: tuple[str, str], key: str, value: bytes, version: Version) -> None:
        hashed = self._batch.get_hash(*place, sha256(key.encode()))
        if hashed is None or hashed.version != version:
            return
        if isinstance(hashed, Deleted):
            self._confirmed.setdefault(place, {})[key] = hashed
        elif hashed.value == sha256(value):
            self._confirmed.setdefault(place, {})[key] = VersionedValue(value, version)


def _transient_key(transaction_id: str) -> bytes:
    return keyspace.TRANSIENT + transaction_id.encode()
