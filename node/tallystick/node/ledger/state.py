"""The state of a ledger: the latest value of every key, and the changes that a block makes to it.

Namespaces of private data follow Fabric: ``<namespace>$$p<collection>`` has the values that this
node may see, ``<namespace>$$h<collection>`` has the hash of every value under the hash of its key.
Source: wire.md §13.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.missing_sets import lacks_any, oldest_that_matters
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.txmgr.updates_pb2 import Updates
from tallystick.wire.hashing import sha256, version_bytes

_REMEMBERED_ROWS: Final = 8_192
_REMEMBERED_ROW_BYTES: Final = 1_024
"""Of longer rows to take the value out of costs more than all else; together 8 MiB at most."""


class VersionedValue(NamedTuple):
    """What a key holds, and since when.

    Attributes:
        value: The value; for a hashed key the SHA-256 of the value.
        version: Of the last transaction that wrote the value or the metadata.
        metadata: ``KVMetadataWrite`` bytes without the key, that is the entries alone, or empty.
    """

    value: bytes
    version: Version
    metadata: bytes = b""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a block leaves of a key that it deletes."""

    version: Version


Change = VersionedValue | Deleted


class PrivateSetId(NamedTuple):
    """Names what one transaction wrote in one private data collection."""

    version: Version
    namespace: str
    collection: str


class Purge(NamedTuple):
    """Says that a private key, known by its SHA-256, loses every value from before ``version``."""

    version: Version
    namespace: str
    collection: str
    key_hash: bytes


class StateView(Protocol):
    """The read side of a state. Keys are ordered by their UTF-8 bytes; ``start <= key < end``."""

    def get(self, namespace: str, key: str) -> VersionedValue | None:
        """Return what a public key holds."""

    def range(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, VersionedValue]]:
        """Return public keys and what they hold, in order; an empty ``end`` is no bound."""

    def get_private(self, namespace: str, collection: str, key: str) -> VersionedValue | None:
        """Return what a private key holds, as far as this node may know."""

    def get_hash(self, namespace: str, collection: str, key_hash: bytes) -> VersionedValue | None:
        """Return what the private key with this SHA-256 holds: the hash of its value."""

    def range_private(
        self, namespace: str, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, VersionedValue]]:
        """Return the private keys that this node may know and what they hold, in order."""

    def oldest_missing(self, namespace: str, collection: str) -> Version | None:
        """Return the first transaction that wrote current private values which this node lacks.

        None if it lacks none: what was replaced, deleted or purged since does not count.
        """


class UpdateBatch:
    """The net changes of one block, in the order of its valid transactions: the last write wins.

    Attributes:
        public: Changes by namespace and key.
        hashed: Changes by namespace, collection and key hash.
        writes: Namespace, key and version of every public write, net or not, for the history.
        value_versions: By namespace, collection and key hash, which transaction wrote the value.
        private_sets: SHA-256 of every private set, in the order of the transactions.
        purges: Private keys whose past is to go, likewise.
    """

    __slots__ = ("hashed", "private_sets", "public", "purges", "value_versions", "writes")

    def __init__(self) -> None:
        self.public: dict[str, dict[str, Change]] = {}
        self.hashed: dict[str, dict[str, dict[bytes, Change]]] = {}
        self.writes: list[tuple[str, str, Version]] = []
        self.value_versions: dict[tuple[str, str, bytes], Version] = {}
        self.private_sets: dict[PrivateSetId, bytes] = {}
        self.purges: list[Purge] = []

    def put(
        self, namespace: str, key: str, value: bytes, version: Version, metadata: bytes = b""
    ) -> None:
        """Set a public key and its whole metadata."""
        self._change(namespace, key, VersionedValue(value, version, metadata))

    def delete(self, namespace: str, key: str, version: Version) -> None:
        """Delete a public key with its metadata."""
        self._change(namespace, key, Deleted(version))

    def put_hash(  # noqa: PLR0913, PLR0917 - the parts of one hashed write
        self,
        namespace: str,
        collection: str,
        key_hash: bytes,
        value_hash: bytes,
        version: Version,
        metadata: bytes = b"",
        value_version: Version | None = None,
    ) -> None:
        """Set the hash of a private key's value, written at ``version`` unless it is older."""
        changes = self.hashed.setdefault(namespace, {}).setdefault(collection, {})
        changes[key_hash] = VersionedValue(value_hash, version, metadata)
        self.value_versions[namespace, collection, key_hash] = value_version or version

    def delete_hash(
        self, namespace: str, collection: str, key_hash: bytes, version: Version
    ) -> None:
        """Delete the entry of a private key."""
        changes = self.hashed.setdefault(namespace, {}).setdefault(collection, {})
        changes[key_hash] = Deleted(version)

    def get(self, namespace: str, key: str) -> Change | None:
        """Return what this block has done to a public key so far; None if nothing."""
        changes = self.public.get(namespace)
        return None if changes is None else changes.get(key)

    def get_hash(self, namespace: str, collection: str, key_hash: bytes) -> Change | None:
        """Return what this block has done to a private key so far; None if nothing."""
        collections = self.hashed.get(namespace)
        changes = None if collections is None else collections.get(collection)
        return None if changes is None else changes.get(key_hash)

    def merged_range(
        self, view: StateView, namespace: str, start: str, end: str
    ) -> Iterator[tuple[str, VersionedValue]]:
        """Return the range as it would be if this batch were committed on top of ``view``."""
        committed = view.range(namespace, start, end)
        changed = {
            key: change
            for key, change in self.public.get(namespace, {}).items()
            if start <= key and (not end or key < end)
        }
        return _merged(committed, changed) if changed else committed

    def update_bytes(self) -> bytes:
        """Return the changes as ``txmgr.Updates`` bytes, the form that the commit hash covers.

        Namespaces come in ascending order; in each the public keys, then the collections, each
        with its key hashes, all ascending. A name appears on its first entry only. Namespace "",
        which holds the channel's configuration, is left out. Source: wire.md §11.
        """
        updates = Updates()
        for namespace in sorted(self.public.keys() | self.hashed.keys()):
            if not namespace:
                continue
            before = len(updates.kvwrites)
            public = self.public.get(namespace, {})
            _add_entries(updates, ((key.encode(), public[key]) for key in sorted(public)))
            for collection, hashes in sorted(self.hashed.get(namespace, {}).items()):
                first = len(updates.kvwrites)
                _add_entries(updates, ((key_hash, hashes[key_hash]) for key_hash in sorted(hashes)))
                updates.kvwrites[first].collection = collection
            updates.kvwrites[before].namespace = namespace
        return updates.SerializeToString()

    def _change(self, namespace: str, key: str, change: Change) -> None:
        self.public.setdefault(namespace, {})[key] = change
        self.writes.append((namespace, key, change.version))


class LedgerState(StateView):
    """The committed state, kept below one prefix of a key-value store."""

    def __init__(self, store: KeyValueReader) -> None:
        self._store = store

    def get(self, namespace: str, key: str) -> VersionedValue | None:
        """Return what a public key holds."""
        return self._at(_state_key(namespace, key.encode()))

    def range(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, VersionedValue]]:
        """Return public keys and what they hold, in order; an empty ``end`` is no bound."""
        first = _state_key(namespace, start.encode())
        prefix = _state_key(namespace, b"")
        last = prefix + end.encode() if end else keyspace.end_of_prefix(prefix)
        return _decoded(self._store.range(first, last), len(prefix))

    def get_private(self, namespace: str, collection: str, key: str) -> VersionedValue | None:
        """Return what a private key holds, as far as this node may know."""
        return self.get(private_namespace(namespace, collection), key)

    def get_hash(self, namespace: str, collection: str, key_hash: bytes) -> VersionedValue | None:
        """Return what the private key with this SHA-256 holds: the hash of its value."""
        return self._at(_state_key(hash_namespace(namespace, collection), key_hash))

    def range_private(
        self, namespace: str, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, VersionedValue]]:
        """Return the private keys that this node may know and what they hold, in order.

        A key that the ledger has no more is left out, though the set is missing that deleted it.
        """
        rows = self.range(private_namespace(namespace, collection), start, end)
        if not lacks_any(self._store, namespace, collection):
            return rows
        return (
            (key, held)
            for key, held in rows
            if self.get_hash(namespace, collection, sha256(key.encode())) is not None
        )

    def oldest_missing(self, namespace: str, collection: str) -> Version | None:
        """Return the first transaction that wrote current private values which this node lacks.

        None if it lacks none: what was replaced, deleted or purged since does not count.
        """

        def is_current(key_hash: bytes, version: Version, value_hash: bytes) -> bool:
            held = self.get_hash(namespace, collection, key_hash)
            return held is not None and (held.version == version or held.value == value_hash)

        return oldest_that_matters(self._store, namespace, collection, is_current)

    def _at(self, state_key: bytes) -> VersionedValue | None:
        encoded = self._store.get(state_key)
        return None if encoded is None else decode_row(encoded)


def private_namespace(namespace: str, collection: str) -> str:
    """Return the namespace of a collection's values."""
    return f"{namespace}$$p{collection}"


def hash_namespace(namespace: str, collection: str) -> str:
    """Return the namespace of a collection's hashes."""
    return f"{namespace}$$h{collection}"


def state_entries(batch: UpdateBatch) -> dict[bytes, bytes | None]:
    """Return what committing the public and hashed changes of ``batch`` writes to the store."""
    entries: dict[bytes, bytes | None] = {}
    for namespace, changes in batch.public.items():
        prefix = _state_key(namespace, b"")
        for key, change in changes.items():
            entries[prefix + key.encode()] = _encode(change)
    for namespace, collections in batch.hashed.items():
        for collection, hashes in collections.items():
            prefix = _state_key(hash_namespace(namespace, collection), b"")
            for key_hash, change in hashes.items():
                entries[prefix + key_hash] = _encode(change)
    return entries


def private_entries(
    namespace: str, collection: str, changes: Mapping[str, Change]
) -> dict[bytes, bytes | None]:
    """Return what committing these private values writes to the store."""
    prefix = _state_key(private_namespace(namespace, collection), b"")
    return {prefix + key.encode(): _encode(change) for key, change in changes.items()}


def hash_entry_key(namespace: str, collection: str, key_hash: bytes) -> bytes:
    """Return where the store keeps the hash of a private value."""
    return _state_key(hash_namespace(namespace, collection), key_hash)


def state_row(namespace: str, key: bytes, held: VersionedValue) -> tuple[bytes, bytes]:
    """Return the row of the store that has what one key holds."""
    encoded = _encode(held)
    assert encoded is not None, "only a deletion has no row"
    return _state_key(namespace, key), encoded


def state_rows(store: KeyValueReader) -> Iterator[tuple[str, bytes, VersionedValue]]:
    """Yield namespace, key and value of the whole state, private values and hashes included.

    Rows come in the order of the namespace's and the key's bytes.
    """
    rows = store.range(keyspace.STATE, keyspace.end_of_prefix(keyspace.STATE))
    last, namespace = b"", ""
    for state_key, encoded in rows:
        end = state_key.index(keyspace.SEPARATOR)
        if state_key[:end] != last:
            last = state_key[:end]
            namespace = last[len(keyspace.STATE) :].decode()
        yield namespace, state_key[end + 1 :], decode_row(encoded)


def _state_key(namespace: str, key: bytes) -> bytes:
    return keyspace.STATE + namespace.encode() + keyspace.SEPARATOR + key


def _encode(change: Change) -> bytes | None:
    if isinstance(change, Deleted):
        return None
    version = change.version
    return b"".join(
        (
            uvarint(version.block_number),
            uvarint(version.transaction_index),
            uvarint(len(change.metadata)),
            change.metadata,
            change.value,
        )
    )


def decode_row(encoded: bytes) -> VersionedValue:
    """Return what a row of the state, as the store has it, holds.

    A row is met again and again: by the simulations that read it, and by the checks whether it has
    changed since. So short rows are remembered.
    """
    if len(encoded) > _REMEMBERED_ROW_BYTES:
        return _decode(encoded)
    return _remembered(encoded)


def _decode(encoded: bytes) -> VersionedValue:
    block_number, at = read_uvarint(encoded, 0)
    transaction_index, at = read_uvarint(encoded, at)
    metadata_size, at = read_uvarint(encoded, at)
    value_at = at + metadata_size
    version = Version(block_number, transaction_index)
    return VersionedValue(encoded[value_at:], version, encoded[at:value_at])


_remembered = lru_cache(_REMEMBERED_ROWS)(_decode)


def _decoded(
    pairs: Iterator[tuple[bytes, bytes]], prefix_size: int
) -> Iterator[tuple[str, VersionedValue]]:
    for state_key, encoded in pairs:
        yield state_key[prefix_size:].decode(), decode_row(encoded)


def _merged(
    committed: Iterator[tuple[str, VersionedValue]], changed: Mapping[str, Change]
) -> Iterator[tuple[str, VersionedValue]]:
    kept = (pair for pair in committed if pair[0] not in changed)
    added = (
        (key, change)
        for key, change in sorted(changed.items(), key=_key_of)
        if isinstance(change, VersionedValue)
    )
    return heapq.merge(kept, added, key=_key_of)


def _key_of(pair: tuple[str, Change]) -> str:
    return pair[0]


def _add_entries(updates: Updates, changes: Iterable[tuple[bytes, Change]]) -> None:
    for key, change in changes:
        version = version_bytes(change.version.block_number, change.version.transaction_index)
        if isinstance(change, Deleted):
            updates.kvwrites.add(key=key, isDelete=True, version_bytes=version)
        else:
            updates.kvwrites.add(key=key, value=change.value, version_bytes=version)
