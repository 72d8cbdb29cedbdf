"""Private values from before a snapshot: what is known of them is the hashes in the state.

A snapshot has the hash of every private value that was current, and not the hash of the private set
that brought it. So a peer that began with a snapshot has a promise for each such value. A set that
another member offers is taken as far as its values keep promises, and the promise of a value that
was replaced meanwhile lapses; that of one whose key has other metadata does not. The hash by which
that is known is missing from older promises. Source: hyperledger/fabric
core/ledger/pvtdatastorage, whose "boot KV hashes" are this.
"""

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.private_sets import Entries, kept_entries, late_values, set_rows
from tallystick.node.ledger.state import (
    Change,
    PrivateSetId,
    StateView,
    VersionedValue,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode


def promise_entries(set_id: PrivateSetId, key_hash: bytes, value_hash: bytes) -> Entries:
    """Return what recording one promise writes to the store."""
    missing, promised = set_rows(set_id)
    return {missing: b"", promised + key_hash: value_hash}


def late_entries(
    store: KeyValueReader, state: StateView, set_id: PrivateSetId, rwset: bytes
) -> Entries | None:
    """Return what a set that somebody offers writes; None if it keeps no promise.

    Raises:
        MalformedMessageError: The set is no ``KVRWSet`` bytes.
    """
    missing, promised = set_rows(set_id)
    rows = store.range(promised, keyspace.end_of_prefix(promised))
    open_promises = {row[len(promised) :]: value_hash for row, value_hash in rows}
    place = (set_id.namespace, set_id.collection)
    private = decode(KVRWSet, rwset)
    kept: dict[str, Change] = {}
    done = {
        key_hash
        for key_hash, value_hash in open_promises.items()
        if not _stands(state.get_hash(*place, key_hash), set_id, value_hash)
    }
    for write in private.writes:
        key_hash = sha256(write.key.encode())
        hashed = state.get_hash(*place, key_hash)
        if (
            hashed is not None
            and hashed.value == sha256(write.value)
            and _stands(hashed, set_id, open_promises.get(key_hash, b""))
        ):
            kept[write.key] = VersionedValue(write.value, hashed.version)
            done |= {key_hash} & open_promises.keys()
    if not done:
        return None
    entries: Entries = {promised + key_hash: None for key_hash in done}
    if kept:
        writes = [write for write in private.writes if write.key in kept]
        entries |= kept_entries(set_id, KVRWSet(writes=writes).SerializeToString())
    if len(done) == len(open_promises):
        entries[missing] = None
    return entries | late_values(set_id, kept)


def _stands(hashed: VersionedValue | None, set_id: PrivateSetId, value_hash: bytes) -> bool:
    """Return whether a key still holds what it did: no more than its metadata were changed."""
    return hashed is not None and (hashed.version == set_id.version or hashed.value == value_hash)
