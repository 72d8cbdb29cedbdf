import pytest

from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.state import (
    Deleted,
    LedgerState,
    UpdateBatch,
    VersionedValue,
    private_entries,
    state_entries,
)
from tallystick.node.ledger.version import Version
from tallystick.wire.hashing import sha256

V1 = Version(1, 0)
V2 = Version(300, 70_000)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def state(store: MemoryStore) -> LedgerState:
    return LedgerState(store)


def committed(store: MemoryStore, *keys: str, namespace: str = "ns") -> None:
    batch = UpdateBatch()
    for key in keys:
        batch.put(namespace, key, key.encode() * 2, V1)
    store.write(state_entries(batch))


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(VersionedValue(b"value", Version(0, 0)), id="version zero"),
        pytest.param(VersionedValue(b"\x00\x80", V2), id="numbers of several bytes"),
        pytest.param(VersionedValue(b"value", V1, b"\x01" * 200), id="metadata of several bytes"),
        pytest.param(VersionedValue(b"", Version(2**64 - 1, 2**32), b"m"), id="extremes"),
    ],
)
def test_what_a_key_holds_comes_back(
    store: MemoryStore, state: LedgerState, held: VersionedValue
) -> None:
    batch = UpdateBatch()
    batch.put("ns", "key", held.value, held.version, held.metadata)
    store.write(state_entries(batch))
    assert state.get("ns", "key") == held


def test_a_deleted_key_is_absent(store: MemoryStore, state: LedgerState) -> None:
    committed(store, "key")
    batch = UpdateBatch()
    batch.delete("ns", "key", V2)
    store.write(state_entries(batch))
    assert state.get("ns", "key") is None


def test_namespaces_do_not_meet(store: MemoryStore, state: LedgerState) -> None:
    committed(store, "b", "\U0010ffff", namespace="a")
    committed(store, "key", namespace="ab")
    committed(store, "", "\x00\x00", namespace="b")
    assert [key for key, _ in state.range("a", "", "")] == ["b", "\U0010ffff"]
    assert [key for key, _ in state.range("ab", "", "")] == ["key"]
    assert state.get("a", "key") is None


@pytest.mark.parametrize(
    ("start", "end", "keys"),
    [
        pytest.param("", "", ["\x00x\x00", "a", "é", "\uffff", "\U00010000"], id="UTF-8 order"),
        pytest.param("a", "\uffff", ["a", "é"], id="the end is not included"),
        pytest.param("é", "", ["é", "\uffff", "\U00010000"], id="an empty end is no bound"),
    ],
)
def test_ranges_follow_the_bytes_of_keys(
    store: MemoryStore, state: LedgerState, start: str, end: str, keys: list[str]
) -> None:
    committed(store, "é", "a", "\U00010000", "\x00x\x00", "\uffff")
    assert [key for key, _ in state.range("ns", start, end)] == keys


def test_private_data_lies_in_namespaces_of_its_own(store: MemoryStore, state: LedgerState) -> None:
    """§13: ``ns$$p<coll>`` holds values, ``ns$$h<coll>`` hashes."""
    batch = UpdateBatch()
    batch.put_hash("ns", "coll", sha256(b"key"), sha256(b"value"), V1, b"meta")
    store.write(state_entries(batch))
    store.write(private_entries("ns", "coll", {"key": VersionedValue(b"value", V1)}))

    assert state.get_private("ns", "coll", "key") == VersionedValue(b"value", V1)
    assert list(state.range_private("ns", "coll", "", "")) == [
        ("key", VersionedValue(b"value", V1))
    ]
    hashed = VersionedValue(sha256(b"value"), V1, b"meta")
    assert state.get_hash("ns", "coll", sha256(b"key")) == hashed
    assert [key for key, _ in store.range(b"", b"")] == [
        b"sns$$hcoll\x00" + sha256(b"key"),
        b"sns$$pcoll\x00key",
    ]


def test_a_batch_shows_the_last_change_of_a_key() -> None:
    batch = UpdateBatch()
    batch.put("ns", "key", b"1", V1)
    batch.delete("ns", "key", V2)
    batch.delete_hash("ns", "coll", b"h", V1)
    batch.put_hash("ns", "coll", b"h", b"hash", V2)
    assert batch.get("ns", "key") == Deleted(V2)
    assert batch.get_hash("ns", "coll", b"h") == VersionedValue(b"hash", V2)
    assert batch.get("ns", "other") is None
    assert batch.get("other", "key") is None
    assert batch.get_hash("ns", "other", b"h") is None
    assert batch.get_hash("other", "coll", b"h") is None


def test_a_batch_remembers_every_write_for_the_history() -> None:
    batch = UpdateBatch()
    batch.put("ns", "key", b"1", V1)
    batch.delete("ns", "key", V2)
    assert batch.writes == [("ns", "key", V1), ("ns", "key", V2)]


@pytest.mark.parametrize(
    ("start", "end", "keys"),
    [
        pytest.param("", "", ["a", "aa", "c", "d", "e"], id="added, deleted and kept keys"),
        pytest.param("aa", "d", ["aa", "c"], id="changes outside the range do not show"),
        pytest.param("x", "", [], id="no change in the range"),
    ],
)
def test_a_merged_range_is_the_range_after_the_block(
    store: MemoryStore, state: LedgerState, start: str, end: str, keys: list[str]
) -> None:
    committed(store, "a", "b", "c", "d")
    batch = UpdateBatch()
    batch.delete("ns", "b", V2)
    batch.delete("ns", "never there", V2)
    for key in ("d", "aa", "e"):
        batch.put("ns", key, b"new", V2)
    batch.put("other", "c", b"new", V2)

    merged = list(batch.merged_range(state, "ns", start, end))

    assert [key for key, _ in merged] == keys
    store.write(state_entries(batch))
    assert merged == list(state.range("ns", start, end))


def test_update_bytes_name_each_namespace_and_collection_once() -> None:
    """§11: names on first entries only, "" left out, metadata never."""
    batch = UpdateBatch()
    batch.put("", "configuration", b"c", V1)
    batch.put_hash("only hashes", "b", b"\x02", b"hash", V1, b"metadata")
    batch.put_hash("only hashes", "b", b"\x01", b"hash", V1)
    batch.delete_hash("only hashes", "a", b"\x03", V1)
    without_names = b"\x32\x03\x01\x01\x00"
    expected = [
        b"\x0a\x0bonly hashes\x12\x01a\x1a\x01\x03\x20\x01" + without_names,
        b"\x12\x01b\x1a\x01\x01\x2a\x04hash" + without_names,
        b"\x1a\x01\x02\x2a\x04hash" + without_names,
    ]
    assert batch.update_bytes() == b"".join(
        b"\x0a" + bytes((len(entry),)) + entry for entry in expected
    )
