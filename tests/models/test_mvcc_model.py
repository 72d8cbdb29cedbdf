"""Conflict detection against a plain dict.

Transactions are simulated on states of different ages, then judged one after the other. The model
repeats everything that a transaction read, on a dict that holds what is committed and what the
block did before, and compares what it sees with what the transaction saw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.ledger import range_query
from tallystick.node.ledger.history import HistoryView
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.range_query import RowsRecord, range_is_unchanged
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, VersionedValue, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.validation.mvcc import find_conflict
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import RangeQueryInfo
from tallystick.protos.peer.transaction_pb2 import (
    MVCC_READ_CONFLICT,
    PHANTOM_READ_CONFLICT,
    VALID,
)

NAMESPACES = ("a", "b")
KEYS = ("k1", "k2", "k3", "k4", "k5")
BATCH_SIZE = 2
"""So small that ranges of a few keys are abandoned half-way, as large ones are otherwise."""

State = dict[tuple[str, str], tuple[bytes, Version]]


@dataclass(frozen=True)
class Operation:
    """``kind`` is get, put, delete or range; a range is read for ``batches`` batches."""

    kind: str
    namespace: str
    key: str
    end: str = ""
    batches: int = 1


@dataclass
class Transaction:
    """What to do, and how many blocks old the state is that it is done on."""

    operations: Sequence[Operation]
    age: int


@dataclass
class Seen:
    """What the model says that a transaction saw; the versions tell rewritten keys apart."""

    reads: dict[tuple[str, str], Version | None] = field(default_factory=dict)
    ranges: list[tuple[str, str, str, list[tuple[str, Version]]]] = field(default_factory=list)


class NoHistory(HistoryView):
    def modifications(self, namespace: str, key: str) -> Iterator[KeyModification]:
        raise AssertionError((namespace, key))


def rows(state: State, namespace: str, start: str, end: str) -> list[tuple[str, Version]]:
    return sorted(
        (key, version)
        for (owner, key), (_, version) in state.items()
        if owner == namespace and start <= key and (not end or key < end)
    )


def seen_in(state: State, transaction: Transaction) -> Seen:
    """Return what the transaction reads in ``state``, ranges with the bounds they vouch for."""
    seen = Seen()
    for one in transaction.operations:
        if one.kind == "get":
            place = (one.namespace, one.key)
            seen.reads[place] = state[place][1] if place in state else None
        elif one.kind == "range":
            found = rows(state, one.namespace, one.key, one.end)
            read_count = one.batches * BATCH_SIZE + 1  # one row is read ahead
            end = one.end
            if len(found) >= read_count:
                found = found[:read_count]
                end = found[-1][0] + "\0"
            seen.ranges.append((one.namespace, one.key, end, found))
    return seen


def expected_code(state: State, touched: set[tuple[str, str]], seen: Seen) -> int:
    """Return the code by §12: namespaces in order, in each the reads before the ranges."""
    for namespace in NAMESPACES:
        for place, version in seen.reads.items():
            current = state[place][1] if place in state else None
            if place[0] == namespace and (place in touched or current != version):
                return MVCC_READ_CONFLICT
        for owner, start, end, found in seen.ranges:
            if owner == namespace and rows(state, owner, start, end) != found:
                return PHANTOM_READ_CONFLICT
    return VALID


def simulated(view: LedgerState, transaction: Transaction, value: bytes) -> bytes:
    simulator = Simulator(view, NoHistory(), "tx")
    for one in transaction.operations:
        match one.kind:
            case "get":
                simulator.get_state(one.namespace, one.key)
            case "put":
                simulator.put_state(one.namespace, one.key, value)
            case "delete":
                simulator.delete_state(one.namespace, one.key)
            case _:
                query = simulator.range(one.namespace, one.key, one.end)
                for _ in range(one.batches):
                    query.next_batch()
    return simulator.done().public


def write_into(
    state: State, touched: set[tuple[str, str]], transaction: Transaction, new: VersionedValue
) -> None:
    for one in transaction.operations:
        place = (one.namespace, one.key)
        if one.kind in {"put", "delete"}:
            touched.add(place)
        if one.kind == "put":
            state[place] = (new.value, new.version)
        elif one.kind == "delete":
            state.pop(place, None)


def ledger_state(state: State) -> LedgerState:
    batch, store = UpdateBatch(), MemoryStore()
    for (namespace, key), (value, version) in state.items():
        batch.put(namespace, key, value, version)
    store.write(state_entries(batch))
    return LedgerState(store)


OPERATIONS = st.builds(
    Operation,
    kind=st.sampled_from(["get", "get", "put", "put", "delete", "range"]),
    namespace=st.sampled_from(NAMESPACES),
    key=st.sampled_from(KEYS),
    end=st.sampled_from(["", *KEYS]),
    batches=st.integers(1, 2),
)
TRANSACTIONS = st.builds(
    Transaction, operations=st.lists(OPERATIONS, max_size=5), age=st.integers(0, 2)
)
BLOCKS = st.lists(st.lists(TRANSACTIONS, max_size=4), max_size=5)


@pytest.fixture(autouse=True, scope="module")
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(range_query, "BATCH_SIZE", BATCH_SIZE)
        yield


@given(blocks=BLOCKS)
@settings(deadline=None, max_examples=150)
def test_a_transaction_is_valid_exactly_if_it_would_read_the_same_again(
    blocks: list[list[Transaction]],
) -> None:
    history: list[State] = [{}]
    for number, block in enumerate(blocks, start=1):
        state, touched = dict(history[-1]), set[tuple[str, str]]()
        view, batch = ledger_state(state), UpdateBatch()
        for index, transaction in enumerate(block):
            old = history[max(0, len(history) - 1 - transaction.age)]
            version = Version(number, index)
            value = VersionedValue(f"{version}".encode(), version)
            rwset = parse_results(simulated(ledger_state(old), transaction, value.value))
            conflict = find_conflict(rwset, batch, view)
            expected = expected_code(state, touched, seen_in(old, transaction))
            assert (conflict.code if conflict else VALID) == expected, "§12, MVCC"
            if conflict is None:
                rwset.apply_to(batch, version, view)
                write_into(state, touched, transaction, value)
        history.append(state)
        committed = {place: found for place, found in state.items() if place[0] == "a"}
        assert dict(batch.merged_range(view, "a", "", "")) == {
            key: VersionedValue(value, version) for (_, key), (value, version) in committed.items()
        }


VERSIONS = st.builds(Version, st.integers(0, 2), st.integers(0, 1))
RANGES = st.dictionaries(st.integers(0, 40).map("{:02}".format), VERSIONS, max_size=30)


def record(found: dict[str, Version], *, max_degree: int, exhausted: bool) -> RangeQueryInfo:
    rows_record = RowsRecord(max_degree)
    for key in sorted(found):
        rows_record.add(key, found[key])
    end = "" if exhausted or not found else max(found)
    info = RangeQueryInfo(start_key="", end_key=end, itr_exhausted=exhausted)
    rows_record.write_to(info)
    return info


@given(before=RANGES, change=RANGES, max_degree=st.integers(2, 4), exhausted=st.booleans())
@settings(deadline=None, max_examples=150)
def test_a_range_is_unchanged_exactly_if_its_rows_are_whatever_the_form_of_the_record(
    before: dict[str, Version],
    change: dict[str, Version],
    max_degree: int,
    *,
    exhausted: bool,
) -> None:
    info = record(before, max_degree=max_degree, exhausted=exhausted)
    for after in (before, before | change, change):

        def scan(
            start: str, end: str, after: dict[str, Version] = after
        ) -> Iterator[tuple[str, VersionedValue]]:
            for key in sorted(after):
                if start <= key and (not end or key < end):
                    yield key, VersionedValue(b"", after[key])

        last = max(before, default="")
        in_range = {
            key: version for key, version in after.items() if exhausted or not before or key <= last
        }
        assert range_is_unchanged(info, scan) == (in_range == before)
