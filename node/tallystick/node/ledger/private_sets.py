"""What transactions wrote in private data collections, kept for as long as it may be known.

There is one private set for each transaction and collection. Members keep the sets for those who
missed them and for readers of events; a set that this node lacks is on record until it comes, and
everything of it goes when the collection's block-to-live is over. Source: wire.md §13.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.missing_sets import NO_VALUE, missing_record, set_hash
from tallystick.node.ledger.place_keys import (
    INDEX_SIZE,
    NUMBER_SIZE,
    missing_prefix,
    number_key,
    place_key,
    promised_prefix,
    read_version,
    version_key,
)
from tallystick.node.ledger.state import (
    Change,
    Deleted,
    PrivateSetId,
    Purge,
    StateView,
    UpdateBatch,
    VersionedValue,
    hash_entry_key,
    private_entries,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, KVWriteHash
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

BlocksToLive = Callable[[StateView, str, str], int]
"""State, namespace and collection to the blocks that a private value lives; 0 means forever."""

Entries = dict[bytes, bytes | None]

_HASH_SIZE: Final = 32
_LAST_NUMBER: Final = 2 ** (8 * NUMBER_SIZE) - 1


def forever(view: StateView, namespace: str, collection: str) -> int:  # noqa: ARG001
    """Return 0: private values never expire."""
    return 0


class PrivateSets:
    """The private sets of committed transactions, below prefixes of a key-value store.

    Methods that end in ``entries`` return what a change writes to the store, and write nothing.
    """

    def __init__(self, store: KeyValueStore, state: StateView, lives: BlocksToLive) -> None:
        self._store = store
        self._state = state
        self._lives = lives

    def get(self, set_id: PrivateSetId) -> bytes | None:
        """Return a set, ``KVRWSet`` bytes, less what was purged; None if this node lacks it."""
        return self._store.get(_set_key(set_id))

    def of_block(self, number: int) -> Iterator[tuple[PrivateSetId, bytes]]:
        """Yield what this node has of a block, by transaction, namespace and collection."""
        prefix = keyspace.PRIVATE_SET + number_key(number)
        for key, rwset in self._store.range(prefix, keyspace.end_of_prefix(prefix)):
            version, place = read_version(key, len(keyspace.PRIVATE_SET))
            namespace, collection = place.split(keyspace.SEPARATOR)
            yield PrivateSetId(version, namespace.decode(), collection.decode()), rwset

    def missing_places(self) -> Iterator[tuple[str, str]]:
        """Yield the namespaces and collections of which this node lacks sets."""
        end = keyspace.end_of_prefix(keyspace.MISSING_SET)
        start = keyspace.MISSING_SET
        while (row := next(self._store.range(start, end), None)) is not None:
            place = row[0][1 : -NUMBER_SIZE - INDEX_SIZE - 1]
            namespace, collection = place.split(keyspace.SEPARATOR)
            yield namespace.decode(), collection.decode()
            start = keyspace.end_of_prefix(keyspace.MISSING_SET + place + keyspace.SEPARATOR)

    def missing(
        self, namespace: str, collection: str, first_block: int = 0
    ) -> Iterator[PrivateSetId]:
        """Yield the sets that this node lacks of a collection, oldest first."""
        prefix = missing_prefix(namespace, collection)
        start = prefix + number_key(first_block)
        for key, _ in self._store.range(start, keyspace.end_of_prefix(prefix)):
            yield PrivateSetId(read_version(key, len(prefix))[0], namespace, collection)

    def missing_hash(self, set_id: PrivateSetId) -> bytes | None:
        """Return the SHA-256 of a set that this node lacks; None if it lacks no such set.

        It is empty for a set from before a snapshot: see ``promised_hashes``.
        """
        record = self._store.get(missing_key(set_id))
        return None if record is None else set_hash(record)

    def block_entries(
        self, found: Mapping[PrivateSetId, bytes], batch: UpdateBatch, number: int
    ) -> Entries:
        """Return what a block's private sets write: those ``found``, and a record of the others."""
        entries = self._purge_entries(batch.purges)
        for set_id, digest in batch.private_sets.items():
            rwset = found.get(set_id)
            if rwset is None:
                entries[missing_key(set_id)] = missing_record(digest, _brought(set_id, batch))
            else:
                purged = _purged_after(set_id, batch.purges)
                entries |= kept_entries(set_id, _without(rwset, purged))
        return entries | self._schedule_entries(batch, number)

    def late_entries(
        self, set_id: PrivateSetId, rwset: bytes, hashed_writes: Iterable[KVWriteHash] | None
    ) -> Entries | None:
        """Return what a set that was missing writes; None if it is not what the ledger promises.

        Members leave out of a set what was purged since. Such a set is good if what it has is in
        the transaction, and if what it lacks is of no use any more.

        Args:
            set_id: The set, which ``missing`` names.
            rwset: What somebody says it is: ``KVRWSet`` bytes.
            hashed_writes: What the transaction wrote there, in hashes; None if its block is not
                here any more: then nothing but the whole set is good.

        Raises:
            MalformedMessageError: The set cannot be read.
        """
        whole = sha256(rwset) == self.missing_hash(set_id)
        if not whole and (
            hashed_writes is None or not self._is_remainder(set_id, rwset, hashed_writes)
        ):
            return None
        kept = _without(rwset, self._purged_keys(set_id, rwset))
        entries = kept_entries(set_id, kept)
        entries[missing_key(set_id)] = None
        return entries | late_values(set_id, self._late_changes(set_id, kept))

    def is_end_of_any(self, number: int) -> bool:
        """Return whether block ``number`` may end anything: see `expiry_entries`."""
        due = self._store.range(keyspace.EXPIRY, keyspace.EXPIRY + number_key(number + 1))
        return next(due, None) is not None

    def expiry_entries(self, number: int) -> Entries:
        """Return what block ``number`` ends: hashes, values and sets whose time is over.

        What the block itself writes must go over it.
        """
        entries: Entries = {}
        end = keyspace.EXPIRY + number_key(number + 1)
        for key, hashes in self._store.range(keyspace.EXPIRY, end):
            entries[key] = None
            at = 1 + 2 * NUMBER_SIZE
            born = int.from_bytes(key[1 + NUMBER_SIZE : at])
            namespace, collection = (part.decode() for part in key[at:].split(keyspace.SEPARATOR))
            for start in range(0, len(hashes), _HASH_SIZE):
                key_hash = hashes[start : start + _HASH_SIZE]
                held = self._state.get_hash(namespace, collection, key_hash)
                if held is not None and held.version.block_number == born:
                    entries[hash_entry_key(namespace, collection, key_hash)] = None
                entries |= self._forget_late_value(born, namespace, collection, key_hash)
            entries |= self._forget_entries(born, namespace, collection)
        return entries

    def _forget_entries(self, born: int, namespace: str, collection: str) -> Entries:
        """Return what forgetting the sets of one block in one collection writes."""
        entries: Entries = {}
        born_there = place_key(namespace, collection) + keyspace.SEPARATOR + number_key(born)
        for prefix in (keyspace.MISSING_SET + born_there, keyspace.PROMISED_HASH + born_there):
            for row, _ in self._store.range(prefix, keyspace.end_of_prefix(prefix)):
                entries[row] = None
        for set_id, rwset in self.of_block(born):
            if (set_id.namespace, set_id.collection) != (namespace, collection):
                continue
            entries |= dict.fromkeys(kept_entries(set_id, rwset))
            for key in _keys(decode(KVRWSet, rwset)):
                entries |= self._forget_value(born, namespace, collection, key)
        return entries

    def _forget_late_value(
        self, born: int, namespace: str, collection: str, key_hash: bytes
    ) -> Entries:
        """Return what forgetting a value writes that came with a set older than its version."""
        entries: Entries = {}
        prefix = _key_prefix(namespace, collection, key_hash) + number_key(born)
        for row, key in self._store.range(prefix, keyspace.end_of_prefix(prefix)):
            if key:
                entries[row] = None
                entries |= self._forget_value(born, namespace, collection, key.decode())
        return entries

    def _forget_value(self, born: int, namespace: str, collection: str, key: str) -> Entries:
        held = self._state.get_private(namespace, collection, key)
        if held is None or held.version.block_number != born:
            return {}
        return private_entries(namespace, collection, {key: Deleted(held.version)})

    def expiry_key(self, namespace: str, collection: str, number: int) -> bytes | None:
        """Return where the hashes are listed that block ``number`` wrote, until their time is over.

        None if they live forever.
        """
        life = self._lives(self._state, namespace, collection)
        last = number + life + 1
        if not life or last > _LAST_NUMBER:
            return None
        return (
            keyspace.EXPIRY
            + number_key(last)
            + number_key(number)
            + place_key(namespace, collection)
        )

    def _schedule_entries(self, batch: UpdateBatch, number: int) -> Entries:
        """Return the records that make what a block writes expire in time."""
        entries: Entries = {}
        for namespace, collections in batch.hashed.items():
            for collection, changes in collections.items():
                key = self.expiry_key(namespace, collection, number)
                if key is None:
                    continue
                entries[key] = b"".join(
                    key_hash
                    for key_hash, change in changes.items()
                    if isinstance(change, VersionedValue)
                )
        return entries

    def _purge_entries(self, purges: Iterable[Purge]) -> Entries:
        entries: Entries = {}
        for purge in purges:
            version, namespace, collection, key_hash = purge
            prefix = _key_prefix(namespace, collection, key_hash)
            entries[_purged_key(namespace, collection, key_hash)] = version_key(version)
            for row, late in self._store.range(prefix, keyspace.end_of_prefix(prefix)):
                set_id = PrivateSetId(read_version(row, len(prefix))[0], namespace, collection)
                set_key = _set_key(set_id)
                rwset = entries[set_key] if set_key in entries else self._store.get(set_key)
                entries[row] = None
                if rwset is not None:
                    entries[set_key] = _without(rwset, {key_hash})
                for key in _keys(decode(KVRWSet, rwset or b"")) + [late.decode()] * bool(late):
                    if sha256(key.encode()) == key_hash:
                        gone = {key: Deleted(version)}
                        entries |= private_entries(namespace, collection, gone)
        return entries

    def _purged_keys(self, set_id: PrivateSetId, rwset: bytes) -> set[bytes]:
        """Return which keys of a set were purged after its transaction."""
        hashes = {sha256(key.encode()) for key in _keys(decode(KVRWSet, rwset))}
        return {key_hash for key_hash in hashes if self._is_purged(set_id, key_hash)}

    def _is_purged(self, set_id: PrivateSetId, key_hash: bytes) -> bool:
        purged = self._store.get(_purged_key(set_id.namespace, set_id.collection, key_hash))
        return purged is not None and version_key(set_id.version) < purged

    def _is_remainder(
        self, set_id: PrivateSetId, rwset: bytes, hashed_writes: Iterable[KVWriteHash]
    ) -> bool:
        """Return whether a set is what purges have left of the right one."""
        offered = {
            sha256(write.key.encode()): sha256(write.value) if write.value else b""
            for write in decode(KVRWSet, rwset).writes
        }
        for write in hashed_writes:
            value_hash = offered.pop(write.key_hash, None)
            if value_hash is None:
                if not self._is_purged(set_id, write.key_hash):
                    return False
            elif value_hash != write.value_hash:
                return False
        return not offered

    def _late_changes(self, set_id: PrivateSetId, rwset: bytes) -> dict[str, Change]:
        """Return what a late set changes today: only what the hashes of today still stand for."""
        private = decode(KVRWSet, rwset)
        values = {write.key: write.value for write in private.writes}
        changes: dict[str, Change] = {}
        place = (set_id.namespace, set_id.collection)
        for key in _keys(private):
            hashed = self._state.get_hash(*place, sha256(key.encode()))
            held = self._state.get_private(*place, key)
            value = values.get(key, b"" if held is None else held.value)
            if hashed is None:
                if held is not None:
                    changes[key] = Deleted(set_id.version)
            elif hashed.value == sha256(value):
                changes[key] = VersionedValue(value, hashed.version)
        return changes


def set_rows(set_id: PrivateSetId) -> tuple[bytes, bytes]:
    """Return where a missing set is on record, and where the hashes promised for it are."""
    missing = missing_key(set_id)
    return missing, promised_prefix(missing)


def kept_entries(set_id: PrivateSetId, rwset: bytes) -> Entries:
    """Return the rows of a set: its bytes, and for each key that it has that it is there."""
    entries: Entries = {_set_key(set_id): rwset}
    for key in _keys(decode(KVRWSet, rwset)):
        prefix = _key_prefix(set_id.namespace, set_id.collection, sha256(key.encode()))
        entries[prefix + version_key(set_id.version)] = b""
    return entries


def late_values(set_id: PrivateSetId, changes: Mapping[str, Change]) -> Entries:
    """Return what committing the values of a late set writes to the store.

    A value whose metadata were changed since has a later version than its set. The set of that
    version may never come, so a row says which key it is that ends or is purged with it.
    """
    place = (set_id.namespace, set_id.collection)
    entries: Entries = {
        _key_prefix(*place, sha256(key.encode())) + version_key(change.version): key.encode()
        for key, change in changes.items()
        if isinstance(change, VersionedValue) and change.version != set_id.version
    }
    return entries | private_entries(*place, changes)


def _brought(set_id: PrivateSetId, batch: UpdateBatch) -> Iterator[tuple[bytes, bytes]]:
    """Yield the hashes of the private keys that a set of this block leaves current, and of values.

    A value that a later transaction of the block replaced or deleted is none of them; one whose
    metadata it changed is.
    """
    place = set_id.namespace, set_id.collection
    for key_hash, change in batch.hashed.get(place[0], {}).get(place[1], {}).items():
        if not isinstance(change, VersionedValue):
            continue
        written_at = batch.value_versions[*place, key_hash]
        if set_id.version in {change.version, written_at}:
            yield key_hash, change.value if set_id.version == written_at else NO_VALUE


def _purged_after(set_id: PrivateSetId, purges: Iterable[Purge]) -> set[bytes]:
    return {
        purge.key_hash
        for purge in purges
        if (purge.namespace, purge.collection) == (set_id.namespace, set_id.collection)
        and set_id.version < purge.version
    }


def _without(rwset: bytes, key_hashes: set[bytes]) -> bytes:
    """Return a set without some keys; the very same bytes if it has none of them."""
    if not key_hashes:
        return rwset
    private = decode(KVRWSet, rwset)
    return KVRWSet(
        writes=[each for each in private.writes if sha256(each.key.encode()) not in key_hashes],
        metadata_writes=[
            each for each in private.metadata_writes if sha256(each.key.encode()) not in key_hashes
        ],
    ).SerializeToString()


def _keys(private: KVRWSet) -> list[str]:
    keys = [write.key for write in private.writes]
    return keys + [change.key for change in private.metadata_writes if change.key not in keys]


def _set_key(set_id: PrivateSetId) -> bytes:
    place = place_key(set_id.namespace, set_id.collection)
    return keyspace.PRIVATE_SET + version_key(set_id.version) + place


def missing_key(set_id: PrivateSetId) -> bytes:
    """Return where it is on record that a set is missing."""
    return missing_prefix(set_id.namespace, set_id.collection) + version_key(set_id.version)


def _key_prefix(namespace: str, collection: str, key_hash: bytes) -> bytes:
    place = place_key(namespace, collection)
    return keyspace.PRIVATE_KEY + place + keyspace.SEPARATOR + key_hash


def _purged_key(namespace: str, collection: str, key_hash: bytes) -> bytes:
    return keyspace.PURGED_KEY + place_key(namespace, collection) + keyspace.SEPARATOR + key_hash
