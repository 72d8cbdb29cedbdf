"""Building the read/write set of a simulation.

The bytes of the public set are endorsed, so every endorser must produce the same ones: all entries
are sorted, strings by code point, which is the byte order of their UTF-8. Private keys and values
appear in it as hashes; they themselves are in the private set, which never enters a block.
Source: wire.md §10.
"""

from collections.abc import Mapping, Sequence

from tallystick.node.ledger.range_query import RecordedRange
from tallystick.node.ledger.rwset import Metadata
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    HashedRWSet,
    KVMetadataEntry,
    KVMetadataWrite,
    KVMetadataWriteHash,
    KVReadHash,
    KVRWSet,
    KVWrite,
    KVWriteHash,
    RangeQueryInfo,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import Version as WireVersion
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionHashedReadWriteSet,
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
    TxReadWriteSet,
)
from tallystick.wire.hashing import sha256


class _CollectionAccess:
    """What a simulation did in one collection, by plaintext key.

    A written value of ``b""`` deletes; ``purged`` are those deleted keys whose history goes too.
    """

    __slots__ = ("metadata_writes", "purged", "reads", "writes")

    def __init__(self) -> None:
        self.reads: dict[str, Version | None] = {}
        self.writes: dict[str, bytes] = {}
        self.purged: set[str] = set()
        self.metadata_writes: dict[str, Metadata] = {}

    def hashed_set(self) -> bytes:
        # Sorted by plaintext key, although only hashes appear: that is the order Fabric signs.
        return HashedRWSet(
            hashed_reads=[
                KVReadHash(key_hash=sha256(key.encode()), version=_wire_version(self.reads[key]))
                for key in sorted(self.reads)
            ],
            hashed_writes=[self._hashed_write(key) for key in sorted(self.writes)],
            metadata_writes=[
                KVMetadataWriteHash(
                    key_hash=sha256(key.encode()), entries=_entries(self.metadata_writes[key])
                )
                for key in sorted(self.metadata_writes)
            ],
        ).SerializeToString()

    def private_set(self) -> bytes:
        """Return the private half, or ``b""`` when the collection was only read.

        The metadata of a private key belongs to its hash, so here only the key is named.
        """
        return KVRWSet(
            writes=[_write(key, self.writes[key]) for key in sorted(self.writes)],
            metadata_writes=[KVMetadataWrite(key=key) for key in sorted(self.metadata_writes)],
        ).SerializeToString()

    def _hashed_write(self, key: str) -> KVWriteHash:
        value = self.writes[key]
        return KVWriteHash(
            key_hash=sha256(key.encode()),
            is_delete=not value,
            value_hash=sha256(value) if value else b"",
            is_purge=key in self.purged,
        )


class _NamespaceAccess:
    """What a simulation did in one namespace. A written value of ``b""`` deletes."""

    __slots__ = ("collections", "metadata_writes", "ranges", "reads", "writes")

    def __init__(self) -> None:
        self.reads: dict[str, Version | None] = {}
        self.ranges: list[RecordedRange] = []
        self.writes: dict[str, bytes] = {}
        self.metadata_writes: dict[str, Metadata] = {}
        self.collections: dict[str, _CollectionAccess] = {}

    def public_set(self) -> bytes:
        reads, writes, metadata_writes = self.reads, self.writes, self.metadata_writes
        public = KVRWSet(range_queries_info=_distinct_ranges(self.ranges) if self.ranges else ())
        # Made in place: a message made by itself would be encoded and parsed to be put in here.
        add_read, add_write = public.reads.add, public.writes.add
        for key in sorted(reads):
            read, version = add_read(key=key), reads[key]
            if version is not None:
                seen = read.version
                seen.block_num, seen.tx_num = version.block_number, version.transaction_index
        for key in sorted(writes):
            value = writes[key]
            add_write(key=key, is_delete=not value, value=value)
        for key in sorted(metadata_writes):
            public.metadata_writes.add(key=key, entries=_entries(metadata_writes[key]))
        return public.SerializeToString()


class ReadWriteSetBuilder:
    """Collects what a simulation does and encodes it once, at the end.

    A key read twice keeps the version seen first; of several writes to a key the last counts.
    """

    __slots__ = ("_namespaces",)

    def __init__(self) -> None:
        self._namespaces: dict[str, _NamespaceAccess] = {}

    def add_read(self, namespace: str, key: str, version: Version | None) -> None:
        """Note a read of a key; the version is None when there was no such key."""
        self._namespace(namespace).reads.setdefault(key, version)

    def add_range(self, namespace: str, recorded: RecordedRange) -> None:
        """Note a range query when it begins. What it sees may be noted in it until ``build``."""
        self._namespace(namespace).ranges.append(recorded)

    def add_write(self, namespace: str, key: str, value: bytes) -> None:
        """Note a write; ``b""`` deletes the key."""
        self._namespace(namespace).writes[key] = value

    def add_metadata_write(self, namespace: str, key: str, metadata: Metadata) -> None:
        """Note that a key's metadata becomes ``metadata``, all of it; empty clears it."""
        self._namespace(namespace).metadata_writes[key] = metadata

    def add_private_read(
        self, namespace: str, collection: str, key: str, version: Version | None
    ) -> None:
        """Note a read of a private value or of its hash; the version is that of the key's hash."""
        self._collection(namespace, collection).reads.setdefault(key, version)

    def add_private_write(self, namespace: str, collection: str, key: str, value: bytes) -> None:
        """Note a private write; ``b""`` deletes the key."""
        access = self._collection(namespace, collection)
        access.writes[key] = value
        access.purged.discard(key)

    def add_private_purge(self, namespace: str, collection: str, key: str) -> None:
        """Note that a private key and all of its history are to go."""
        access = self._collection(namespace, collection)
        access.writes[key] = b""
        access.purged.add(key)

    def add_private_metadata_write(
        self, namespace: str, collection: str, key: str, metadata: Metadata
    ) -> None:
        """Note that a private key's metadata becomes ``metadata``, all of it; empty clears it."""
        self._collection(namespace, collection).metadata_writes[key] = metadata

    def build(self) -> tuple[bytes, bytes]:
        """Return the public and the private read/write set; each is ``b""`` when it is empty."""
        public, private = TxReadWriteSet(), TxPvtReadWriteSet()
        for name in sorted(self._namespaces):
            access = self._namespaces[name]
            hashed, plain = _collections(access.collections) if access.collections else ([], [])
            public.ns_rwset.add(
                namespace=name, rwset=access.public_set(), collection_hashed_rwset=hashed
            )
            if plain:
                private.ns_pvt_rwset.append(
                    NsPvtReadWriteSet(namespace=name, collection_pvt_rwset=plain)
                )
        return public.SerializeToString(), private.SerializeToString()

    def touched(self) -> dict[str, tuple[str, ...]]:
        """Return the names of every namespace touched, with those of its collections, sorted."""
        return {
            name: tuple(sorted(self._namespaces[name].collections))
            for name in sorted(self._namespaces)
        }

    def written_keys(self, namespace: str, collection: str = "") -> list[str]:
        """Return the keys given a value or metadata in a namespace, or in a collection of it."""
        access: _NamespaceAccess | _CollectionAccess = self._namespaces[namespace]
        if collection:
            access = self._namespaces[namespace].collections[collection]
        return list(access.writes.keys() | access.metadata_writes.keys())

    def _namespace(self, name: str) -> _NamespaceAccess:
        access = self._namespaces.get(name)
        if access is None:
            access = self._namespaces[name] = _NamespaceAccess()
        return access

    def _collection(self, namespace: str, name: str) -> _CollectionAccess:
        collections = self._namespace(namespace).collections
        access = collections.get(name)
        if access is None:
            access = collections[name] = _CollectionAccess()
        return access


def _collections(
    collections: Mapping[str, _CollectionAccess],
) -> tuple[list[CollectionHashedReadWriteSet], list[CollectionPvtReadWriteSet]]:
    hashed, plain = [], []
    for name in sorted(collections):
        access = collections[name]
        private_set = access.private_set()
        if private_set:
            plain.append(CollectionPvtReadWriteSet(collection_name=name, rwset=private_set))
        hashed.append(
            CollectionHashedReadWriteSet(
                collection_name=name,
                hashed_rwset=access.hashed_set(),
                pvt_rwset_hash=sha256(private_set) if private_set else b"",
            )
        )
    return hashed, plain


def _distinct_ranges(ranges: Sequence[RecordedRange]) -> list[RangeQueryInfo]:
    distinct: dict[tuple[str, str, bool], RecordedRange] = {}
    for recorded in ranges:
        distinct.setdefault((recorded.start_key, recorded.end_key, recorded.exhausted), recorded)
    return [recorded.info() for recorded in distinct.values()]


def _wire_version(version: Version | None) -> WireVersion | None:
    if version is None:
        return None
    return WireVersion(block_num=version.block_number, tx_num=version.transaction_index)


def _write(key: str, value: bytes) -> KVWrite:
    return KVWrite(key=key, is_delete=not value, value=value)


def _entries(metadata: Metadata) -> list[KVMetadataEntry]:
    return [KVMetadataEntry(name=name, value=metadata[name]) for name in sorted(metadata)]
