"""How the writes of a transaction change the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.ledger.rwset import decode_metadata, parse_results
from tallystick.node.ledger.state import Deleted, UpdateBatch, VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    HashedRWSet,
    KVMetadataEntry,
    KVMetadataWrite,
    KVMetadataWriteHash,
    KVRWSet,
    KVWrite,
    KVWriteHash,
)
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionHashedReadWriteSet,
    NsReadWriteSet,
    TxReadWriteSet,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.hashing import sha256

if TYPE_CHECKING:
    from tests.unit.ledger_simulation.conftest import Committed

NS, COLL = "basic", "coll"
NOW = Version(9, 2)
ENTRIES = [KVMetadataEntry(name="x", value=b"new")]


def results(public: KVRWSet, hashed: HashedRWSet | None = None) -> bytes:
    collections = []
    if hashed is not None:
        collections.append(
            CollectionHashedReadWriteSet(
                collection_name=COLL, hashed_rwset=hashed.SerializeToString()
            )
        )
    namespace = NsReadWriteSet(
        namespace=NS, rwset=public.SerializeToString(), collection_hashed_rwset=collections
    )
    return TxReadWriteSet(ns_rwset=[namespace]).SerializeToString()


def applied(
    committed: Committed,
    public: KVRWSet,
    hashed: HashedRWSet | None = None,
    batch: UpdateBatch | None = None,
) -> UpdateBatch:
    batch = batch or UpdateBatch()
    parse_results(results(public, hashed)).apply_to(batch, NOW, committed.view)
    return batch


def value_of(batch: UpdateBatch, key: str = "k") -> tuple[bytes, dict[str, bytes]]:
    found = batch.get(NS, key)
    assert isinstance(found, VersionedValue)
    assert found.version == NOW
    return found.value, decode_metadata(found.metadata)


WRITE = KVWrite(key="k", value=b"new")
METADATA = KVMetadataWrite(key="k", entries=ENTRIES)


def test_a_write_keeps_the_metadata_of_the_key(committed: Committed) -> None:
    committed.put("k", metadata={"x": b"old"})
    assert value_of(applied(committed, KVRWSet(writes=[WRITE]))) == (b"new", {"x": b"old"})


def test_a_change_of_metadata_keeps_the_value(committed: Committed) -> None:
    committed.put("k", value=b"old")
    batch = applied(committed, KVRWSet(metadata_writes=[METADATA]))
    assert value_of(batch) == (b"old", {"x": b"new"}), "§11, metadata-only change"


def test_a_change_of_metadata_without_entries_clears_it(committed: Committed) -> None:
    committed.put("k", value=b"old", metadata={"x": b"old"})
    batch = applied(committed, KVRWSet(metadata_writes=[KVMetadataWrite(key="k")]))
    assert value_of(batch) == (b"old", {}), "§10"


def test_metadata_of_a_key_that_does_not_exist_changes_nothing(committed: Committed) -> None:
    assert applied(committed, KVRWSet(metadata_writes=[METADATA])).get(NS, "k") is None


def test_value_and_metadata_of_one_transaction_arrive_together(committed: Committed) -> None:
    batch = applied(committed, KVRWSet(writes=[WRITE], metadata_writes=[METADATA]))
    assert value_of(batch) == (b"new", {"x": b"new"})


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(KVWrite(key="k", is_delete=True), id="delete"),
        pytest.param(KVWrite(key="k", is_delete=True, value=b"v"), id="delete with a value"),
        pytest.param(KVWrite(key="k"), id="§10, empty value"),
    ],
)
def test_a_delete_takes_the_metadata_along(committed: Committed, write: KVWrite) -> None:
    committed.put("k")
    batch = applied(committed, KVRWSet(writes=[write], metadata_writes=[METADATA]))
    assert batch.get(NS, "k") == Deleted(NOW)


def test_what_the_block_did_before_counts_as_latest(committed: Committed) -> None:
    committed.put("k", value=b"old", metadata={"x": b"old"})
    batch = applied(committed, KVRWSet(writes=[WRITE], metadata_writes=[METADATA]))
    again = KVWrite(key="k", value=b"newer")
    assert value_of(applied(committed, KVRWSet(writes=[again]), batch=batch)) == (
        b"newer",
        {"x": b"new"},
    )


def test_a_key_that_the_block_has_deleted_has_no_metadata_left(committed: Committed) -> None:
    """§12, §13: or a key-level policy that is gone on Fabric's peers would live on here."""
    committed.put("k", metadata={"x": b"old"})
    batch = applied(committed, KVRWSet(writes=[KVWrite(key="k", is_delete=True)]))
    applied(committed, KVRWSet(writes=[WRITE]), batch=batch)
    assert value_of(batch) == (b"new", {})


def test_a_key_that_the_block_has_deleted_does_not_come_back_with_metadata(
    committed: Committed,
) -> None:
    """§13."""
    committed.put("k", value=b"old")
    batch = applied(committed, KVRWSet(writes=[KVWrite(key="k", is_delete=True)]))
    applied(committed, KVRWSet(metadata_writes=[METADATA]), batch=batch)
    assert batch.get(NS, "k") == Deleted(NOW)


def test_a_private_key_that_the_block_has_deleted_has_no_metadata_left(
    committed: Committed,
) -> None:
    """§12, §13."""
    committed.put_private("p", b"secret")
    key_hash = sha256(b"p")
    policy = HashedRWSet(metadata_writes=[KVMetadataWriteHash(key_hash=key_hash, entries=ENTRIES)])
    delete = HashedRWSet(hashed_writes=[KVWriteHash(key_hash=key_hash, is_delete=True)])
    batch = applied(committed, KVRWSet(), policy)
    applied(committed, KVRWSet(), delete, batch=batch)
    applied(committed, KVRWSet(), policy, batch=batch)
    assert batch.get_hash(NS, COLL, key_hash) == Deleted(NOW)
    written = HashedRWSet(hashed_writes=[KVWriteHash(key_hash=key_hash, value_hash=sha256(b"v"))])
    applied(committed, KVRWSet(), written, batch=batch)
    assert batch.get_hash(NS, COLL, key_hash) == VersionedValue(sha256(b"v"), NOW)


@pytest.mark.parametrize(
    ("write", "deletes"),
    [
        pytest.param(KVWriteHash(value_hash=sha256(b"v")), False, id="write"),
        pytest.param(KVWriteHash(is_delete=True), True, id="delete"),
        pytest.param(KVWriteHash(is_delete=True, is_purge=True), True, id="purge"),
        pytest.param(KVWriteHash(), True, id="no hash"),
        pytest.param(KVWriteHash(value_hash=sha256(b"")), True, id="hash of nothing"),
    ],
)
def test_hashed_writes_put_and_delete(
    committed: Committed, write: KVWriteHash, *, deletes: bool
) -> None:
    write.key_hash = sha256(b"p")
    batch = applied(committed, KVRWSet(), HashedRWSet(hashed_writes=[write]))
    found = batch.get_hash(NS, COLL, sha256(b"p"))
    assert found == (Deleted(NOW) if deletes else VersionedValue(sha256(b"v"), NOW))


def test_metadata_of_a_private_key_goes_with_its_hash(committed: Committed) -> None:
    committed.put_private("p", b"secret")
    change = KVMetadataWriteHash(key_hash=sha256(b"p"), entries=ENTRIES)
    absent = KVMetadataWriteHash(key_hash=sha256(b"q"), entries=ENTRIES)
    batch = applied(committed, KVRWSet(), HashedRWSet(metadata_writes=[change, absent]))
    found = batch.get_hash(NS, COLL, sha256(b"p"))
    assert isinstance(found, VersionedValue)
    assert (found.value, found.version) == (sha256(b"secret"), NOW)
    assert decode_metadata(found.metadata) == {"x": b"new"}
    assert batch.get_hash(NS, COLL, sha256(b"q")) is None


@pytest.mark.parametrize(
    "results_bytes",
    [
        pytest.param(b"\xff", id="the set"),
        pytest.param(
            TxReadWriteSet(
                ns_rwset=[NsReadWriteSet(namespace=NS, rwset=b"\xff")]
            ).SerializeToString(),
            id="a namespace",
        ),
        pytest.param(
            TxReadWriteSet(
                ns_rwset=[
                    NsReadWriteSet(
                        collection_hashed_rwset=[CollectionHashedReadWriteSet(hashed_rwset=b"\xff")]
                    )
                ]
            ).SerializeToString(),
            id="a collection",
        ),
    ],
)
def test_a_layer_that_cannot_be_read_is_malformed(results_bytes: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        parse_results(results_bytes)
