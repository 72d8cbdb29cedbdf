"""Private values from before a snapshot: what is known of them is the hashes in the state.

A snapshot has the hash of every private value that was current, and not the hash of the private set
that brought it. So a peer that began with a snapshot has a promise for each such value. A set that
another member offers is taken as far as its values keep promises, and the promise of a value that
was replaced meanwhile lapses. Source: hyperledger/fabric core/ledger/pvtdatastorage, whose "boot KV
hashes" are this.
"""

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.private_sets import Entries, kept_entries, set_rows
from tallystick.node.ledger.state import PrivateSetId, StateView, VersionedValue, private_entries
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode


def promise_entries(set_id: PrivateSetId, key_hash: bytes) -> Entries:
    """Return what recording one promise writes to the store."""
    missing, promised = set_rows(set_id)
    return {missing: b"", promised + key_hash: b""}


def late_entries(
    store: KeyValueReader, state: StateView, set_id: PrivateSetId, rwset: bytes
) -> Entries | None:
    """Return what a set that somebody offers writes; None if it keeps no promise.

    Raises:
        MalformedMessageError: The set is no ``KVRWSet`` bytes.
    """
    missing, promised = set_rows(set_id)
    rows = store.range(promised, keyspace.end_of_prefix(promised))
    open_promises = {row[len(promised) :]: row for row, _ in rows}
    place = (set_id.namespace, set_id.collection)
    private = decode(KVRWSet, rwset)
    kept = {
        write.key: write.value
        for write in private.writes
        if _is_current(state.get_hash(*place, sha256(write.key.encode())), set_id, write.value)
    }
    kept_hashes = {sha256(key.encode()) for key in kept}
    done = {
        key_hash
        for key_hash in open_promises
        if key_hash in kept_hashes or _is_replaced(state.get_hash(*place, key_hash), set_id)
    }
    if not done:
        return None
    entries: Entries = dict.fromkeys(open_promises[key_hash] for key_hash in done)
    if kept:
        writes = [write for write in private.writes if write.key in kept]
        entries |= kept_entries(set_id, KVRWSet(writes=writes).SerializeToString())
    if len(done) == len(open_promises):
        entries[missing] = None
    changes = {key: VersionedValue(value, set_id.version) for key, value in kept.items()}
    return entries | private_entries(*place, changes)


def _is_current(hashed: VersionedValue | None, set_id: PrivateSetId, value: bytes) -> bool:
    return hashed is not None and hashed.version == set_id.version and hashed.value == sha256(value)


def _is_replaced(hashed: VersionedValue | None, set_id: PrivateSetId) -> bool:
    return hashed is None or hashed.version != set_id.version
