from __future__ import annotations

import asyncio
import errno
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.private_data import (
    NotKeptError,
    PrivateChanges,
    TransientLimits,
    TransientStore,
)
from tallystick.node.ledger.simulator import PrivateDataUnavailableError
from tallystick.node.ledger.state import (
    LedgerState,
    PrivateSetId,
    UpdateBatch,
    VersionedValue,
    private_entries,
)
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVMetadataWrite, KVRWSet, KVWrite
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
)
from tallystick.wire.hashing import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.ledger.conftest import Chain

MVCC_READ_CONFLICT = 11
V1, V2 = Version(5, 1), Version(5, 2)
HASH = sha256(b"key")


def private_set(*writes: KVWrite, metadata: bool = False) -> bytes:
    changes = [KVMetadataWrite(key="key")] if metadata else []
    return KVRWSet(writes=writes, metadata_writes=changes).SerializeToString()


def value(content: bytes) -> bytes:
    return private_set(KVWrite(key="key", value=content))


def results(rwset: bytes) -> bytes:
    collection = CollectionPvtReadWriteSet(collection_name="coll", rwset=rwset)
    namespace = NsPvtReadWriteSet(namespace="ns", collection_pvt_rwset=[collection])
    return TxPvtReadWriteSet(ns_pvt_rwset=[namespace]).SerializeToString()


DELETION = private_set(KVWrite(key="key", is_delete=True))
METADATA = private_set(metadata=True)


@pytest.mark.parametrize(
    ("hashed", "private", "expected"),
    [
        pytest.param((V1, b"new"), [(V1, value(b"new"))], (V1, b"new"), id="hash confirms"),
        pytest.param((V1, b"new"), [(V1, value(b"forged"))], (V1, b"old"), id="hash differs"),
        pytest.param(None, [(V1, value(b"new"))], (V1, b"old"), id="block changes no such key"),
        pytest.param(
            (V2, b"new"),
            [(V1, value(b"new"))],
            (V1, b"old"),
            id="value of a transaction that was overtaken in the block",
        ),
        pytest.param(
            (V2, b"last"),
            [(V1, value(b"first")), (V2, value(b"last"))],
            (V2, b"last"),
            id="the last of two values in one block",
        ),
        pytest.param((V1, None), [(V1, DELETION)], None, id="deletion"),
        pytest.param((V1, b"old"), [(V1, METADATA)], (V1, b"old"), id="version follows metadata"),
        pytest.param(
            (V2, b"new"),
            [(V1, value(b"new")), (V2, METADATA)],
            (V2, b"new"),
            id="metadata of a value from the same block",
        ),
        pytest.param((V2, b"?"), [(V2, METADATA)], (V1, b"old"), id="metadata of a lacking value"),
    ],
)
def test_private_values_must_match_their_hashes(
    hashed: tuple[Version, bytes | None] | None,
    private: list[tuple[Version, bytes]],
    expected: tuple[Version, bytes] | None,
) -> None:
    """§13. The state before holds "old"; where it stays, its version is the old one."""
    store = MemoryStore()
    state = LedgerState(store)
    old = VersionedValue(b"old", Version(1, 0))
    store.write(private_entries("ns", "coll", {"key": old}))
    batch = UpdateBatch()
    if hashed is not None:
        version, new = hashed
        if new is None:
            batch.delete_hash("ns", "coll", HASH, version)
        else:
            batch.put_hash("ns", "coll", HASH, sha256(new), version)

    changes = PrivateChanges(batch, state)
    for version, rwset in private:
        changes.add(PrivateSetId(version, "ns", "coll"), rwset)
    entries = changes.entries()
    store.write(entries)

    held = state.get_private("ns", "coll", "key")
    if expected is None:
        assert held is None
    else:
        version, content = expected
        assert held == (VersionedValue(content, version) if entries else old)
        assert held.value == content


RWSET = value(b"secret")


def waits(transient: TransientStore, transaction_id: str, rwset: bytes = RWSET) -> bool:
    return transient.get(transaction_id, "ns", "coll", sha256(rwset)) == rwset


def test_results_wait_in_the_transient_store_across_restarts() -> None:
    """§13."""
    store = MemoryStore()
    TransientStore(store).save("t1", results(RWSET), height=300)
    assert waits(TransientStore(store), "t1")
    assert not waits(TransientStore(store), "t2")


def test_made_up_results_do_not_take_the_place_of_real_ones() -> None:
    transient = TransientStore(MemoryStore())
    transient.save("t1", results(RWSET), height=0)
    transient.save("t1", results(value(b"made up")), height=0)
    assert waits(transient, "t1")


def test_results_expire_when_their_transaction_never_commits() -> None:
    """§13."""
    store = MemoryStore()
    transient = TransientStore(store, TransientLimits(retention_blocks=5))
    transient.save("early", results(RWSET), height=10)
    transient.save("late", results(RWSET), height=11)
    store.write(transient.expiries(14))
    assert waits(transient, "early")
    store.write(transient.expiries(15))
    assert not waits(transient, "early")
    assert waits(transient, "late")


class SlowStore(MemoryStore):
    """A store whose disk takes its time.

    Attributes:
        goes_on: Set once it may end a sync.
        syncs: How many rows there were when each of them began.
    """

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()
        self.syncs: list[int] = []

    def sync(self) -> None:
        self.syncs.append(len(list(self.range(b"", b""))))
        assert self.goes_on.wait(20), "nothing lets it go on"


async def test_who_has_results_to_keep_while_the_disk_is_busy_shares_one_sync() -> None:
    """And the block that is committed meanwhile waits for two syncs at most, not for twenty."""
    store = SlowStore()
    transient = TransientStore(store)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(transient.keep("t0", results(RWSET), height=7))
        while not store.syncs:  # noqa: ASYNC110 - a thread adds to it
            await asyncio.sleep(0)
        for number in range(1, 20):
            tasks.create_task(transient.keep(f"t{number}", results(RWSET), height=7))
        await asyncio.sleep(0)
        assert len(list(store.range(b"", b""))) == 20
        store.goes_on.set()
    assert store.syncs == [1, 20], "the second has what came after the first had begun"


async def test_values_that_a_full_disk_cannot_keep_are_refused(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = MemoryStore()
    transient = TransientStore(store)
    outcome.fault = "private values come to a peer whose disk is full"
    monkeypatch.setattr(store, "write", fail)
    nothing = State("nobody relies on what is not there", lambda: list(store.range(b"", b"")))
    with outcome.refuses(NotKeptError, leaves=nothing, match="private values of transaction t1"):
        await transient.keep("t1", results(RWSET), height=7)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path, MemoryStore())) as opened:
        yield opened


async def test_waiting_values_are_stored_when_their_transaction_commits(
    ledger: Ledger, chain: Chain
) -> None:
    transaction = chain.transaction("t1", private={"p": b"secret"})
    ledger.transient.save("t1", transaction.private_results(), height=0)
    await ledger.commit(replace(chain.committable(ledger, transaction), private={}))
    held = VersionedValue(b"secret", Version(0, 0))
    assert ledger.state.get_private("basic", "coll", "p") == held
    hashed = ledger.state.get_hash("basic", "coll", sha256(b"p"))
    assert hashed == VersionedValue(sha256(b"secret"), Version(0, 0))
    digest = sha256(transaction.private_set())
    assert ledger.transient.get("t1", "basic", "coll", digest) is None


async def test_values_may_come_with_the_block(ledger: Ledger, chain: Chain) -> None:
    transaction = chain.transaction("t1", private={"p": b"secret"})
    await ledger.commit(chain.committable(ledger, transaction))
    await ledger.commit(
        chain.committable(ledger, chain.transaction("t2", private={"p": None, "q": b"other"}))
    )
    assert [key for key, _ in ledger.state.range_private("basic", "coll", "", "")] == ["q"]


async def test_a_value_that_this_node_lacks_is_absent_and_its_hash_is_not(
    ledger: Ledger, chain: Chain
) -> None:
    transaction = chain.transaction("t1", private={"p": b"secret"})
    await ledger.commit(replace(chain.committable(ledger, transaction), private={}))
    assert ledger.state.get_private("basic", "coll", "p") is None
    assert ledger.state.get_hash("basic", "coll", sha256(b"p")) is not None


async def test_a_range_is_not_told_while_a_set_of_its_collection_is_missing(
    ledger: Ledger, chain: Chain
) -> None:
    """What it says would else depend on who is asked: a sum of it would be too small."""
    held = chain.transaction("t1", private={"p": b"secret"})
    await ledger.commit(chain.committable(ledger, held))
    late = chain.transaction("t2", private={"q": b"late"})
    await ledger.commit(replace(chain.committable(ledger, late), private={}))
    simulator = ledger.simulator("t3")

    with pytest.raises(PrivateDataUnavailableError) as unavailable:
        simulator.range_private("basic", "coll", "", "")
    assert unavailable.value.hash_version == Version(1, 0)
    assert simulator.missed_private_value
    assert not ledger.simulator("t4").range_private("basic", "other", "", "").rest()

    del simulator
    set_id = PrivateSetId(Version(1, 0), "basic", "coll")
    assert ledger.commit_missing(set_id, late.private_set())
    rows = ledger.simulator("t5").range_private("basic", "coll", "", "").rest()
    assert [key for key, _ in rows] == ["p", "q"]


async def test_values_of_an_invalid_transaction_are_dropped(ledger: Ledger, chain: Chain) -> None:
    invalid = chain.transaction("t1", private={"p": b"refused"}, code=MVCC_READ_CONFLICT)
    valid = chain.transaction("t2", private={"p": b"secret"})
    await ledger.commit(chain.committable(ledger, invalid, valid))
    held = VersionedValue(b"secret", Version(0, 1))
    assert ledger.state.get_private("basic", "coll", "p") == held
    digest = sha256(invalid.private_set())
    assert ledger.transient.get("t1", "basic", "coll", digest) is None


async def test_expired_results_go_with_a_commit_and_others_survive_a_restart(
    tmp_path: Path, chain: Chain
) -> None:
    """§13: kept until transientstoreMaxBlockRetention."""
    store = MemoryStore()
    with closing(
        Ledger.open(tmp_path, store, waiting=TransientLimits(retention_blocks=3))
    ) as ledger:
        ledger.transient.save("t0", results(RWSET), height=0)
        await ledger.commit(chain.config(ledger))
        await ledger.commit(chain.committable(ledger, chain.transaction("t1")))
        ledger.transient.save("t9", results(RWSET), height=2)
    with closing(
        Ledger.open(tmp_path, store, waiting=TransientLimits(retention_blocks=3))
    ) as ledger:
        assert waits(ledger.transient, "t0")
        await ledger.commit(chain.committable(ledger, chain.transaction("t2")))
        assert not waits(ledger.transient, "t0")
        assert waits(ledger.transient, "t9")


def size_bytes(store: MemoryStore) -> int:
    """Return how much waits, counted anew."""
    return TransientStore(store).waiting_bytes


async def test_no_more_is_taken_than_may_wait_until_some_of_it_is_gone() -> None:
    """Else who has private writes endorsed and never submits them would fill the disks."""
    store = MemoryStore()
    await TransientStore(store).keep("t0", results(RWSET), height=1)
    limits = TransientLimits(retention_blocks=1, max_bytes=3 * size_bytes(store))
    transient = TransientStore(store, limits)
    for name in ("t1", "t2", "t2"):  # what waits already takes no more room
        await transient.keep(name, results(RWSET), height=1)
    with pytest.raises(NotKeptError) as refused:
        await transient.keep("t3", results(RWSET), height=1)
    assert f"take {limits.max_bytes} bytes, and `transient_max_bytes`" in str(refused.value)
    assert "raise it, and propose the transaction again" in str(refused.value)
    assert not waits(transient, "t3")

    store.write(transient.removals(["t1"]))
    transient.dropped()
    await transient.keep("t3", results(RWSET), height=2)
    store.write(transient.expiries(2))
    transient.dropped()
    assert transient.waiting_bytes == size_bytes(store) == limits.max_bytes // 3


def test_what_a_block_both_removes_and_lets_expire_is_counted_once() -> None:
    store = MemoryStore()
    transient = TransientStore(store, TransientLimits(retention_blocks=1))
    for name in ("t1", "t2"):
        transient.save(name, results(RWSET), height=1)
    store.write(transient.removals(["t1"]) | transient.removals(["t1"]))
    assert transient.waiting_bytes > size_bytes(store), "it may not have been written"
    transient.dropped()
    assert transient.waiting_bytes == size_bytes(store)
    store.write(transient.removals(["t2"]) | transient.expiries(2))
    transient.dropped()
    assert transient.waiting_bytes == 0


async def test_a_block_is_committed_with_its_values_however_much_waits(
    tmp_path: Path, chain: Chain
) -> None:
    store = MemoryStore()
    full = TransientLimits(max_bytes=1)
    with closing(Ledger.open(tmp_path, store, waiting=full)) as ledger:
        ledger.transient.save("t0", results(RWSET), height=0)
        waiting_bytes = ledger.transient.waiting_bytes
        assert waiting_bytes > full.max_bytes
        transaction = chain.transaction("t1", private={"p": b"secret"})
        await ledger.commit(chain.committable(ledger, transaction))
        assert ledger.state.get_private("basic", "coll", "p") is not None
        assert ledger.transient.waiting_bytes == waiting_bytes == size_bytes(store)
