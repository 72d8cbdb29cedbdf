"""Read/write sets, parsed: what a transaction read, and how its writes change the state.

Source: wire.md §10, §13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.node.ledger.state import (
    PrivateSetId,
    Purge,
    StateView,
    UpdateBatch,
    VersionedValue,
)
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    HashedRWSet,
    KVMetadataEntry,
    KVMetadataWrite,
    KVMetadataWriteHash,
    KVRead,
    KVReadHash,
    KVRWSet,
    KVWrite,
    KVWriteHash,
    RangeQueryInfo,
)
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionHashedReadWriteSet,
    NsReadWriteSet,
    TxReadWriteSet,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.hashing import sha256

Metadata = Mapping[str, bytes]
"""Metadata of a key, by name. Fabric defines one name: ``VALIDATION_PARAMETER``."""

VALIDATION_PARAMETER: Final = "VALIDATION_PARAMETER"
"""Name under which the metadata of a key holds the key's own endorsement policy."""

_HASH_OF_NOTHING: Final = sha256(b"")


def encode_metadata(entries: Sequence[KVMetadataEntry]) -> bytes:
    """Return metadata as the state stores it: ``KVMetadataWrite`` bytes without a key."""
    return KVMetadataWrite(entries=entries).SerializeToString() if entries else b""


def decode_metadata(stored: bytes) -> dict[str, bytes]:
    """Return the metadata that ``encode_metadata`` wrote, by name."""
    if not stored:
        return {}
    return {entry.name: entry.value for entry in KVMetadataWrite.FromString(stored).entries}


@dataclass(frozen=True, slots=True)
class HashedCollection:
    """What a transaction did in one collection, in hashes.

    Attributes:
        name: Name of the collection.
        reads: Private reads.
        writes: Private writes.
        metadata_writes: Changes of the metadata of private keys.
        private_hash: SHA-256 of the collection's part of the private set; ``b""`` if it has none.
    """

    name: str
    reads: Sequence[KVReadHash]
    writes: Sequence[KVWriteHash]
    metadata_writes: Sequence[KVMetadataWriteHash]
    private_hash: bytes

    def written_keys(self) -> list[bytes]:
        """Return the hashes of the keys given a value or metadata, those given both twice."""
        keys = [write.key_hash for write in self.writes]
        return keys + [write.key_hash for write in self.metadata_writes]


@dataclass(frozen=True, slots=True)
class NamespaceReadWriteSet:
    """What a transaction did in one namespace.

    Attributes:
        namespace: Name of the chaincode.
        reads: Keys read, with versions.
        range_queries: Ranges read.
        writes: Keys written and deleted.
        metadata_writes: Changes of the metadata of keys.
        collections: What it did in private data collections.
    """

    namespace: str
    reads: Sequence[KVRead]
    range_queries: Sequence[RangeQueryInfo]
    writes: Sequence[KVWrite]
    metadata_writes: Sequence[KVMetadataWrite]
    collections: tuple[HashedCollection, ...]

    def written_keys(self) -> list[str]:
        """Return the public keys given a value or metadata, those given both twice."""
        keys = [write.key for write in self.writes]
        return keys + [write.key for write in self.metadata_writes]

    def has_writes(self) -> bool:
        """Return whether anything is written here, metadata and private data included."""
        return bool(
            self.writes
            or self.metadata_writes
            or any(
                collection.writes or collection.metadata_writes for collection in self.collections
            )
        )


@dataclass(frozen=True, slots=True)
class ParsedReadWriteSet:
    """A public read/write set, parsed once. Namespaces are in the order of the bytes."""

    namespaces: tuple[NamespaceReadWriteSet, ...]

    def apply_to(self, batch: UpdateBatch, version: Version, view: StateView) -> None:
        """Add the transaction's writes to the changes of its block.

        A write keeps the metadata that the key has; a change of metadata keeps the key's value, and
        does nothing where there is no such key. A key that the block has deleted has neither.

        Args:
            batch: Changes of the earlier valid transactions of the block.
            version: The transaction's place, which becomes the version of what it writes.
            view: State before the block.

        Source: wire.md §10, §13; hyperledger/fabric
        core/ledger/kvledger/txmgmt/validation/tx_ops.go.
        """
        for namespace in self.namespaces:
            _apply_public(namespace, batch, version, view)
            for collection in namespace.collections:
                _apply_hashed(namespace.namespace, collection, batch, version, view)


def parse_results(results: bytes) -> ParsedReadWriteSet:
    """Return the read/write set in the results of a chaincode action.

    Raises:
        MalformedMessageError: A layer of it cannot be read.
    """
    try:
        namespaces = TxReadWriteSet.FromString(results).ns_rwset
        return ParsedReadWriteSet(tuple([_parse_namespace(entry) for entry in namespaces]))
    except DecodeError as error:
        raise MalformedMessageError(TxReadWriteSet.DESCRIPTOR.full_name, str(error)) from error


def _parse_namespace(entry: NsReadWriteSet) -> NamespaceReadWriteSet:
    public = KVRWSet.FromString(entry.rwset)
    return NamespaceReadWriteSet(
        namespace=entry.namespace,
        reads=public.reads,
        range_queries=public.range_queries_info,
        writes=public.writes,
        metadata_writes=public.metadata_writes,
        collections=tuple(
            [_parse_collection(collection) for collection in entry.collection_hashed_rwset]
        ),
    )


def _parse_collection(entry: CollectionHashedReadWriteSet) -> HashedCollection:
    hashed = HashedRWSet.FromString(entry.hashed_rwset)
    return HashedCollection(
        name=entry.collection_name,
        reads=hashed.hashed_reads,
        writes=hashed.hashed_writes,
        metadata_writes=hashed.metadata_writes,
        private_hash=entry.pvt_rwset_hash,
    )


def _apply_public(
    rwset: NamespaceReadWriteSet, batch: UpdateBatch, version: Version, view: StateView
) -> None:
    namespace = rwset.namespace
    new_metadata = {change.key: encode_metadata(change.entries) for change in rwset.metadata_writes}
    for write in rwset.writes:
        key, metadata = write.key, new_metadata.pop(write.key, None)
        if write.is_delete or not write.value:
            batch.delete(namespace, key, version)
            continue
        if metadata is None:
            latest = batch.get(namespace, key) or view.get(namespace, key)
            metadata = latest.metadata if isinstance(latest, VersionedValue) else b""
        batch.put(namespace, key, write.value, version, metadata)
    for key, metadata in new_metadata.items():
        latest = batch.get(namespace, key) or view.get(namespace, key)
        if isinstance(latest, VersionedValue):
            batch.put(namespace, key, latest.value, version, metadata)


def _apply_hashed(
    namespace: str,
    rwset: HashedCollection,
    batch: UpdateBatch,
    version: Version,
    view: StateView,
) -> None:
    name = rwset.name
    if rwset.private_hash:
        batch.private_sets[PrivateSetId(version, namespace, name)] = rwset.private_hash
    new_metadata = {
        change.key_hash: encode_metadata(change.entries) for change in rwset.metadata_writes
    }
    for write in rwset.writes:
        key_hash, metadata = write.key_hash, new_metadata.pop(write.key_hash, None)
        if write.is_purge:
            batch.purges.append(Purge(version, namespace, name, key_hash))
        if write.is_delete or write.value_hash in (b"", _HASH_OF_NOTHING):
            batch.delete_hash(namespace, name, key_hash, version)
            continue
        if metadata is None:
            latest = batch.get_hash(namespace, name, key_hash) or view.get_hash(
                namespace, name, key_hash
            )
            metadata = latest.metadata if isinstance(latest, VersionedValue) else b""
        batch.put_hash(namespace, name, key_hash, write.value_hash, version, metadata)
    for key_hash, metadata in new_metadata.items():
        latest = batch.get_hash(namespace, name, key_hash) or view.get_hash(
            namespace, name, key_hash
        )
        if isinstance(latest, VersionedValue):
            written_at = batch.value_versions.get((namespace, name, key_hash), latest.version)
            batch.put_hash(namespace, name, key_hash, latest.value, version, metadata, written_at)
