"""Read/write sets against bytes that Fabric's own code produced."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from tallystick.node.ledger.history import HistoryView
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.range_query import RowsRecord
from tallystick.node.ledger.rwset import VALIDATION_PARAMETER, parse_results
from tallystick.node.ledger.simulator import SimulationResult, Simulator
from tallystick.node.ledger.state import (
    LedgerState,
    UpdateBatch,
    VersionedValue,
    private_entries,
    state_entries,
)
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import RangeQueryInfo
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.wire.hashing import sha256


class RangeCase(TypedDict):
    """A range of so many rows, and what its record is: rows, or a summary of them."""

    rows: int
    raw_reads: NotRequired[int]
    max_level: NotRequired[int]
    hash_count: NotRequired[int]
    hashes: NotRequired[list[str]]
    summary_sha256: NotRequired[str]


class SetCase(TypedDict):
    """Both halves of one read/write set."""

    public: str
    private: str


class ChangeCase(TypedDict):
    """What a block leaves of one key, public or private: its value, or nothing."""

    namespace: str
    collection: NotRequired[str]
    key: str
    value: NotRequired[str]
    version: tuple[int, int]


class UpdateCase(TypedDict):
    """The net changes of a block, in no order, and the bytes that its commit hash covers."""

    changes: list[ChangeCase]
    update_bytes: str


GROUPS = {
    group["section"]: group["cases"]
    for group in json.loads(Path(__file__).with_name("rwset.json").read_text(encoding="utf-8"))
}
RANGE_CASES: list[RangeCase] = GROUPS["B5"]
SET_CASE: SetCase = GROUPS["B6"][0]
UNTOUCHED: SetCase = GROUPS["B6"][1]
UPDATE_CASES: list[UpdateCase] = GROUPS["B8"]


class NoHistory(HistoryView):
    """For transactions that do not ask."""

    def modifications(self, namespace: str, key: str) -> Iterator[KeyModification]:
        raise AssertionError((namespace, key))


def record_of(row_count: int) -> RangeQueryInfo:
    record = RowsRecord()
    for index in range(row_count):
        record.add(f"key{index:05}", Version(index // 10 + 1, index % 10))
    info = RangeQueryInfo()
    record.write_to(info)
    return info


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"B5, {case['rows']} rows") for case in RANGE_CASES],
)
def test_a_range_is_recorded_as_fabric_records_it(case: RangeCase) -> None:
    info = record_of(case["rows"])
    assert len(info.raw_reads.kv_reads) == case.get("raw_reads", 0)
    summary = info.reads_merkle_hashes
    assert summary.max_level == case.get("max_level", 0)
    assert len(summary.max_level_hashes) == case.get("hash_count", 0)
    if "hashes" in case:
        assert [one.hex() for one in summary.max_level_hashes] == case["hashes"]
    if "summary_sha256" in case:
        assert sha256(summary.SerializeToString()).hex() == case["summary_sha256"]


def simulate_b6() -> SimulationResult:
    """Return the result of the simulation that B6 describes, over the state that it implies."""
    store, batch = MemoryStore(), UpdateBatch()
    batch.put("_lifecycle", "namespaces/fields/basic/Sequence", b"1", Version(4, 0))
    batch.put("basic", "k2", b"v2", Version(5, 1))
    batch.put_hash("basic", "coll", sha256(b"p0"), sha256(b"secret0"), Version(3, 0))
    private = private_entries("basic", "coll", {"p0": VersionedValue(b"secret0", Version(3, 0))})
    store.write(state_entries(batch) | private)
    simulator = Simulator(LedgerState(store), NoHistory(), "tx")
    simulator.put_private("basic", "coll", "p2", b"secret2")
    simulator.put_private("basic", "coll", "p1", b"secret1")
    simulator.get_private("basic", "coll", "p0")
    simulator.purge_private("basic", "coll", "p3")
    simulator.put_state("basic", "k1", b"v1")
    simulator.put_state_metadata("basic", "k1", {VALIDATION_PARAMETER: b"ep"})
    simulator.delete_state("basic", "a")
    simulator.get_state("basic", "k2")
    simulator.get_state("basic", "k1")
    simulator.range("basic", "k", "l").next_batch()
    simulator.get_state("_lifecycle", "namespaces/fields/basic/Sequence")
    return simulator.done()


def test_a_simulation_yields_fabrics_bytes_in_whatever_order_it_ran() -> None:
    result = simulate_b6()
    assert result.public.hex() == SET_CASE["public"], "B6, public"
    assert result.private.hex() == SET_CASE["private"], "B6, private"


def test_the_public_set_has_the_hash_of_the_private_one() -> None:
    public = parse_results(bytes.fromhex(SET_CASE["public"]))
    private = TxPvtReadWriteSet.FromString(bytes.fromhex(SET_CASE["private"]))
    part = private.ns_pvt_rwset[0].collection_pvt_rwset[0].rwset
    assert public.namespaces[1].collections[0].private_hash == sha256(part), "B6"


def test_a_transaction_that_touched_nothing_encodes_to_nothing() -> None:
    """§10, B6."""
    result = Simulator(LedgerState(MemoryStore()), NoHistory(), "tx").done()
    assert (result.public.hex(), result.private.hex()) == (
        UNTOUCHED["public"],
        UNTOUCHED["private"],
    )


def add_change(batch: UpdateBatch, change: ChangeCase) -> None:
    namespace, key, version = change["namespace"], change["key"], Version(*change["version"])
    if "collection" in change:
        hashes = sha256(key.encode()), sha256(change["value"].encode())
        batch.put_hash(namespace, change["collection"], *hashes, version)
    elif "value" in change:
        batch.put(namespace, key, change["value"].encode(), version)
    else:
        batch.delete(namespace, key, version)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"B8, {len(case['changes'])} changes") for case in UPDATE_CASES]
)
def test_the_changes_of_a_block_become_the_bytes_that_its_commit_hash_covers(
    case: UpdateCase,
) -> None:
    """§11, B8: whatever the order in which they were made."""
    batch = UpdateBatch()
    for change in case["changes"]:
        add_change(batch, change)
    assert batch.update_bytes().hex() == case["update_bytes"]
