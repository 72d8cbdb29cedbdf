"""What a simulation answers, and what it leaves in the read/write set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.ledger.range_query import BATCH_SIZE
from tallystick.node.ledger.rwset import (
    VALIDATION_PARAMETER,
    NamespaceReadWriteSet,
    parse_results,
)
from tallystick.node.ledger.simulator import (
    PrivateDataUnavailableError,
    SimulationResult,
    Simulator,
    UnsupportedMixError,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, RangeQueryInfo
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.wire.hashing import sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.ledger_simulation.conftest import Committed

NS, COLL = "basic", "coll"


def only_namespace(result: SimulationResult) -> NamespaceReadWriteSet:
    (namespace,) = parse_results(result.public).namespaces
    return namespace


def private_part(result: SimulationResult) -> KVRWSet:
    private = TxPvtReadWriteSet.FromString(result.private)
    return KVRWSet.FromString(private.ns_pvt_rwset[0].collection_pvt_rwset[0].rwset)


def only_range(result: SimulationResult) -> RangeQueryInfo:
    (info,) = only_namespace(result).range_queries
    return info


def keys(count: int) -> list[str]:
    return [f"k{index:04}" for index in range(count)]


def test_a_simulation_that_touches_nothing_has_empty_sets(committed: Committed) -> None:
    result = committed.simulator().done()
    assert (result.public, result.private, result.touched) == (b"", b"", ()), "§10, B6"


def test_a_read_after_a_write_returns_the_committed_value(committed: Committed) -> None:
    committed.put("k", value=b"old")
    simulator = committed.simulator()
    simulator.put_state(NS, "k", b"new")
    assert simulator.get_state(NS, "k") == b"old", "§9.3, §19 item 14"
    assert [key for key, _ in simulator.range(NS, "k", "l").next_batch().rows] == ["k"]


def test_a_key_read_twice_is_one_read_with_one_answer(committed: Committed) -> None:
    committed.put("k", value=b"first")
    simulator = committed.simulator()
    assert simulator.get_state(NS, "k") == b"first"
    committed.put("k", value=b"second")
    assert simulator.get_state(NS, "k") == b"first"
    (read,) = only_namespace(simulator.done()).reads
    assert (read.version.block_num, read.version.tx_num) == (1, 0), "§10"


def test_an_absent_key_is_read_without_a_version(committed: Committed) -> None:
    simulator = committed.simulator()
    assert simulator.get_state(NS, "k") is None
    (read,) = only_namespace(simulator.done()).reads
    assert not read.HasField("version"), "§10"


def test_the_last_write_wins_and_an_empty_value_deletes(committed: Committed) -> None:
    simulator = committed.simulator()
    simulator.put_state(NS, "b", b"1")
    simulator.put_state(NS, "b", b"2")
    simulator.put_state(NS, "a", b"1")
    simulator.put_state(NS, "a", b"")
    writes = only_namespace(simulator.done()).writes
    assert [(one.key, one.is_delete, one.value) for one in writes] == [
        ("a", True, b""),
        ("b", False, b"2"),
    ], "§10"


def test_keys_are_sorted_by_the_bytes_of_their_utf8(committed: Committed) -> None:
    # U+10000 precedes U+FF5E in UTF-16, but not in UTF-8.
    simulator = committed.simulator()
    for key in ("\U00010000", "\uff5e", "é", "z", "\x00a\x00"):
        simulator.put_state(NS, key, b"1")
    written = [write.key for write in only_namespace(simulator.done()).writes]
    assert written == sorted(written, key=str.encode), "§10"


def test_namespaces_that_were_only_read_appear_in_order(committed: Committed) -> None:
    simulator = committed.simulator()
    simulator.put_state("zebra", "k", b"1")
    simulator.get_state("_lifecycle", "namespaces/fields/zebra/Sequence")
    names = [one.namespace for one in parse_results(simulator.done().public).namespaces]
    assert names == ["_lifecycle", "zebra"], "§10"


def test_metadata_reads_are_reads_and_metadata_writes_are_not(committed: Committed) -> None:
    committed.put("a", metadata={"x": b"1"})
    simulator = committed.simulator()
    assert simulator.get_state_metadata(NS, "a") == {"x": b"1"}
    assert simulator.get_state_metadata(NS, "absent") == {}
    simulator.put_state_metadata(NS, "b", {"z": b"3", "y": b"2"})
    simulator.put_state_metadata(NS, "c", {})
    namespace = only_namespace(simulator.done())
    assert [read.key for read in namespace.reads] == ["a", "absent"], "§10"
    assert [
        (write.key, [entry.name for entry in write.entries]) for write in namespace.metadata_writes
    ] == [("b", ["y", "z"]), ("c", [])], "§10"


@pytest.mark.parametrize(
    ("row_count", "batches", "recorded", "end_key"),
    [
        pytest.param(0, [0], 0, "l", id="§9.3, an empty range"),
        pytest.param(100, [100], 100, "l", id="§9.3, exactly one batch"),
        pytest.param(101, [100, 1], 101, "l", id="§9.3, one row more than a batch"),
        pytest.param(250, [100, 100, 50], 250, "l", id="§9.3, three batches"),
        pytest.param(250, [100], 101, "k0100", id="§10, §19 item 11, abandoned early"),
        pytest.param(250, [100, 100], 201, "k0200", id="§10, abandoned after two"),
    ],
)
def test_a_range_is_handed_out_in_batches_and_read_one_row_ahead(
    committed: Committed, row_count: int, batches: list[int], recorded: int, end_key: str
) -> None:
    committed.put(*keys(row_count))
    simulator = committed.simulator()
    query = simulator.range(NS, "k", "l")
    found = [query.next_batch() for _ in batches]
    assert [len(batch.rows) for batch in found] == batches
    dry = end_key == "l"
    assert [batch.has_more for batch in found] == [True] * (len(batches) - 1) + [not dry]
    info = only_range(simulator.done())
    assert (info.start_key, info.end_key, info.itr_exhausted) == ("k", end_key, dry)
    expected = "raw_reads" if 0 < recorded <= 50 else "reads_merkle_hashes" if recorded else None
    assert info.WhichOneof("reads_info") == expected
    if recorded:
        full_leaves, rest = divmod(recorded, 51)
        assert len(info.reads_merkle_hashes.max_level_hashes) == full_leaves + bool(rest)


def test_a_finished_range_stays_finished(committed: Committed) -> None:
    committed.put("k")
    query = committed.simulator().range(NS, "", "")
    assert [len(query.next_batch().rows) for _ in range(3)] == [1, 0, 0]


def test_equal_ranges_are_recorded_once_and_others_in_order_of_creation(
    committed: Committed,
) -> None:
    committed.put("k1", "k2")
    simulator = committed.simulator()
    queries = [simulator.range(NS, *bounds) for bounds in (("k2", ""), ("k", "l"), ("k2", ""))]
    for query in reversed(queries):
        query.next_batch()
    ranges = only_namespace(simulator.done()).range_queries
    assert [(one.start_key, one.end_key) for one in ranges] == [("k2", ""), ("k", "l")], "§10"


def test_an_empty_start_includes_composite_keys(committed: Committed) -> None:
    committed.put("\x00color\x00red\x00", "k")
    rows = committed.simulator().range(NS, "", "").next_batch().rows
    assert [key for key, _ in rows] == ["\x00color\x00red\x00", "k"], "§19 item 22"


@pytest.mark.parametrize(
    ("page_size", "pages", "exhausted"),
    [
        pytest.param(2, [["k0000", "k0001"], ["k0002", "k0003"], ["k0004"]], True, id="§9.3"),
        pytest.param(5, [["k0000", "k0001", "k0002", "k0003", "k0004"]], False, id="just full"),
        pytest.param(9, [["k0000", "k0001", "k0002", "k0003", "k0004"]], True, id="not full"),
        pytest.param(0, [["k0000", "k0001", "k0002", "k0003", "k0004"]], True, id="no page size"),
    ],
)
def test_pages_follow_each_other_by_bookmark(
    committed: Committed, page_size: int, pages: list[list[str]], *, exhausted: bool
) -> None:
    committed.put(*keys(5))
    simulator, bookmark = committed.simulator(), ""
    for page in pages:
        found = simulator.range_page(NS, "k", "l", page_size, bookmark)
        assert [key for key, _ in found.rows] == page
        bookmark = found.bookmark
    assert bookmark == ""
    ranges = only_namespace(simulator.done()).range_queries
    assert [one.start_key for one in ranges] == ["k", *(page[0] for page in pages[1:])]
    assert ranges[-1].itr_exhausted == exhausted
    assert ranges[-1].end_key == ("l" if exhausted else pages[-1][-1]), "§10"


PUT: Callable[[Simulator], object] = lambda one: one.put_state(NS, "k", b"1")  # noqa: E731
PAGE: Callable[[Simulator], object] = lambda one: one.range_page(NS, "", "", 1)  # noqa: E731
PRIVATE_RANGE: Callable[[Simulator], object] = lambda one: one.range_private(NS, COLL, "", "")  # noqa: E731


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        pytest.param(
            PUT,
            PAGE,
            "Paginated queries are supported only in a read-only transaction",
            id="§9.3, page after write",
        ),
        pytest.param(
            PAGE,
            PUT,
            "Transaction has already performed a paginated query. Writes are not allowed",
            id="§9.3, write after page",
        ),
        pytest.param(
            PUT,
            PRIVATE_RANGE,
            "Queries on pvt data is supported only in a read-only transaction",
            id="§9.3, private range after write",
        ),
        pytest.param(
            PRIVATE_RANGE,
            PUT,
            "Transaction has already performed queries on pvt data. Writes are not allowed",
            id="§9.3, write after private range",
        ),
    ],
)
def test_queries_that_validation_could_not_repeat_exclude_writes(
    committed: Committed,
    first: Callable[[Simulator], object],
    second: Callable[[Simulator], object],
    text: str,
) -> None:
    simulator = committed.simulator()
    first(simulator)
    with pytest.raises(UnsupportedMixError) as caught:
        second(simulator)
    assert str(caught.value) == f"txid [tx1]: unsuppored transaction. {text}"


def unchanged(committed: Committed) -> State:
    return State("what is committed is as it was", lambda: dict(committed.store.range(b"", b"")))


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda one: one.delete_state(NS, "k"), id="delete"),
        pytest.param(lambda one: one.put_state_metadata(NS, "k", {}), id="metadata"),
        pytest.param(lambda one: one.put_private(NS, COLL, "k", b"1"), id="private"),
        pytest.param(lambda one: one.delete_private(NS, COLL, "k"), id="private delete"),
        pytest.param(lambda one: one.purge_private(NS, COLL, "k"), id="purge"),
        pytest.param(
            lambda one: one.put_private_metadata(NS, COLL, "k", {}), id="private metadata"
        ),
    ],
)
def test_a_contract_writes_and_reads_pages(
    outcome: Outcome, committed: Committed, write: Callable[[Simulator], object]
) -> None:
    simulator = committed.simulator()
    write(simulator)
    with outcome.refuses(UnsupportedMixError, leaves=unchanged(committed)):
        PAGE(simulator)


def test_a_private_value_and_its_hash_are_read_alike(committed: Committed) -> None:
    committed.put_private("p", b"secret")
    values, hashes = committed.simulator(), committed.simulator()
    assert values.get_private(NS, COLL, "p") == b"secret"
    assert hashes.get_private_hash(NS, COLL, "p") == sha256(b"secret")
    assert hashes.get_private_metadata(NS, COLL, "p") == {}
    of_values, of_hashes = values.done(), hashes.done()
    assert of_values.public == of_hashes.public, "§10"
    (collection,) = only_namespace(of_values).collections
    assert [read.key_hash for read in collection.reads] == [sha256(b"p")]
    assert collection.private_hash == b"", "§10, the collection was only read"


def test_an_absent_private_key_is_read_without_a_version(committed: Committed) -> None:
    simulator = committed.simulator()
    assert simulator.get_private(NS, COLL, "p") is None
    assert simulator.get_private_hash(NS, COLL, "q") is None
    (collection,) = only_namespace(simulator.done()).collections
    assert not any(read.HasField("version") for read in collection.reads)


def test_a_contract_reads_a_private_value_that_this_peer_lacks(
    outcome: Outcome, committed: Committed
) -> None:
    committed.put_private("p", known=False)
    with outcome.refuses(PrivateDataUnavailableError, leaves=unchanged(committed)) as caught:
        committed.simulator().get_private(NS, COLL, "p")
    assert str(caught.value) == (
        "private data matching public hash version is not available."
        " Public hash version = {BlockNum: 1, TxNum: 0}, Private data version = <nil>"
    ), "§10"


def test_hashed_entries_are_sorted_by_plaintext_key(committed: Committed) -> None:
    simulator = committed.simulator()
    for key in ("p3", "p1", "p2"):
        simulator.put_private(NS, COLL, key, b"secret")
        simulator.get_private_hash(NS, COLL, key)
        simulator.put_private_metadata(NS, COLL, key, {"x": b"1"})
    result = simulator.done()
    (collection,) = only_namespace(result).collections
    expected = [sha256(key) for key in (b"p1", b"p2", b"p3")]
    assert expected != sorted(expected)
    assert [one.key_hash for one in collection.writes] == expected, "§10, §19 item 12"
    assert [one.key_hash for one in collection.reads] == expected
    assert [one.key_hash for one in collection.metadata_writes] == expected
    private = private_part(result)
    assert [(one.key, len(one.entries)) for one in private.metadata_writes] == [
        ("p1", 0),
        ("p2", 0),
        ("p3", 0),
    ], "§10, metadata writes with key only"


def test_a_write_after_a_purge_is_a_plain_write(committed: Committed) -> None:
    simulator = committed.simulator()
    simulator.purge_private(NS, COLL, "p")
    simulator.put_private(NS, COLL, "p", b"secret")
    simulator.purge_private(NS, COLL, "q")
    simulator.delete_private(NS, COLL, "r")
    (collection,) = only_namespace(simulator.done()).collections
    assert [(one.is_delete, one.is_purge) for one in collection.writes] == [
        (False, False),
        (True, True),
        (True, False),
    ]


def test_private_ranges_and_history_leave_no_trace(committed: Committed) -> None:
    committed.put_private("p1")
    committed.put_private("p2")
    simulator = committed.simulator()
    rows = simulator.range_private(NS, COLL, "p", "q").next_batch().rows
    assert [key for key, _ in rows] == ["p1", "p2"]
    assert [one.tx_id for one in simulator.history(NS, "k")] == ["basic/k"]
    assert simulator.done().public == b"", "§10"


def test_the_result_names_the_policies_that_the_writes_call_for(committed: Committed) -> None:
    committed.put("guarded", metadata={VALIDATION_PARAMETER: b"policy"})
    committed.put("plain")
    committed.put_private("p")
    simulator = committed.simulator()
    simulator.put_state(NS, "guarded", b"1")
    simulator.get_private(NS, COLL, "p")
    simulator.get_state("other", "k")
    only_guarded = simulator.done().touched
    assert [(one.namespace, one.collection) for one in only_guarded] == [
        (NS, ""),
        (NS, COLL),
        ("other", ""),
    ]
    public, collection, _ = only_guarded
    assert (public.writes, public.key_policies, public.needs_own_policy) == (
        True,
        (b"policy",),
        False,
    )
    assert (collection.writes, collection.reads_private_values) == (False, True)
    simulator = committed.simulator()
    simulator.put_state(NS, "guarded", b"1")
    simulator.put_state_metadata(NS, "plain", {})
    assert simulator.done().touched[0].needs_own_policy


def test_the_batch_size_is_fabrics() -> None:
    assert BATCH_SIZE == 100, "§9.3"
