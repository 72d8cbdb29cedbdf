"""What every implementation of the key-value store promises."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

from tallystick.node.ledger.key_value_store import OpenStore, StoreKind, open_store

KINDS: tuple[StoreKind, ...] = get_args(StoreKind)
DURABLE_KINDS: tuple[StoreKind, ...] = ("leveldb", "sqlite")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    with open_store(request.param, tmp_path / "store") as opened:
        yield opened


def test_a_key_that_was_never_written_is_absent(store: OpenStore) -> None:
    assert store.get(b"key") is None


def test_the_last_write_of_a_key_wins(store: OpenStore) -> None:
    store.write({b"key": b"first"})
    store.write({b"key": b"second"})
    assert store.get(b"key") == b"second"


def test_an_empty_value_is_a_value(store: OpenStore) -> None:
    store.write({b"key": b""})
    assert store.get(b"key") == b""
    assert list(store.range(b"", b"")) == [(b"key", b"")]


def test_a_batch_sets_and_deletes(store: OpenStore) -> None:
    store.write({b"a": b"1", b"b": b"2"})
    store.write({b"a": None, b"b": b"3", b"never written": None})
    assert list(store.range(b"", b"")) == [(b"b", b"3")]


def test_any_bytes_can_be_key_and_value(store: OpenStore) -> None:
    pairs = {b"\x00": b"\xff\x00", b"\x00\x00": b"\n", b"\xff\xff": b"'\x80"}
    store.write(pairs)
    assert dict(store.range(b"", b"")) == pairs


def test_a_sync_may_run_in_a_thread_beside_writes(store: OpenStore) -> None:
    with ThreadPoolExecutor() as threads:
        syncs = []
        for number in range(50):
            store.write({b"%02d" % number: b""})
            syncs.append(threads.submit(store.sync))
        assert [sync.result() for sync in syncs] == [None] * 50
    assert len(list(store.range(b"", b""))) == 50


@pytest.mark.parametrize(
    ("start", "end", "keys"),
    [
        pytest.param(b"", b"", [b"a", b"a\x00", b"ab", b"b", b"\xff"], id="everything"),
        pytest.param(b"a", b"b", [b"a", b"a\x00", b"ab"], id="start is included, end is not"),
        pytest.param(b"a\x01", b"c", [b"ab", b"b"], id="bounds need not exist"),
        pytest.param(b"b", b"", [b"b", b"\xff"], id="an empty end is no bound"),
        pytest.param(b"b", b"b", [], id="a range from a key to itself is empty"),
        pytest.param(b"b", b"a", [], id="a range that runs backwards is empty"),
        pytest.param(b"\xff\x00", b"", [], id="a range above all keys is empty"),
    ],
)
def test_ranges(store: OpenStore, start: bytes, end: bytes, keys: list[bytes]) -> None:
    store.write({key: key * 2 for key in (b"b", b"ab", b"\xff", b"a\x00", b"a")})
    assert list(store.range(start, end)) == [(key, key * 2) for key in keys]


def test_a_range_does_not_show_later_writes(store: OpenStore) -> None:
    store.write({b"a": b"1", b"b": b"1", b"c": b"1"})
    untouched = store.range(b"", b"")
    begun = store.range(b"", b"")
    first = next(begun)
    store.write({b"a": b"2", b"b": None, b"bb": b"2"})
    expected = [(b"a", b"1"), (b"b", b"1"), (b"c", b"1")]
    assert [first, *begun] == expected
    assert list(untouched) == expected


def test_ranges_may_be_read_side_by_side_and_left_unfinished(store: OpenStore) -> None:
    store.write({b"a": b"1", b"b": b"2"})
    left, right = store.range(b"", b""), store.range(b"", b"")
    assert next(left) == next(right) == (b"a", b"1")
    del left
    store.write({b"c": b"3"})
    assert list(right) == [(b"b", b"2")]


class FailingBatch(dict[bytes, bytes | None]):
    """A batch that fails when half of it has been read."""

    def items(self) -> Iterator[tuple[bytes, bytes | None]]:  # type: ignore[override]
        yield from list(super().items())[:1]
        raise InterruptedError


@pytest.mark.parametrize("kind", DURABLE_KINDS)
def test_a_batch_that_fails_leaves_nothing(kind: StoreKind, tmp_path: Path) -> None:
    with open_store(kind, tmp_path) as store:
        store.write({b"a": b"1"})
        with pytest.raises(InterruptedError):
            store.write(FailingBatch({b"a": b"2", b"b": b"2"}))
        store.write({b"c": b"3"})
        assert dict(store.range(b"", b"")) == {b"a": b"1", b"c": b"3"}


@pytest.mark.parametrize("kind", DURABLE_KINDS)
def test_content_outlives_the_process(kind: StoreKind, tmp_path: Path) -> None:
    pairs: Mapping[bytes, bytes] = {b"a": b"1", b"b": b"2"}
    with open_store(kind, tmp_path / "new" / "store") as store:
        store.write(pairs)
    with open_store(kind, tmp_path / "new" / "store") as store:
        assert dict(store.range(b"", b"")) == pairs


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_that_was_closed_twice_can_be_opened_again(kind: StoreKind, tmp_path: Path) -> None:
    store = open_store(kind, tmp_path)
    store.close()
    store.close()
    with open_store(kind, tmp_path) as store:
        assert store.get(b"key") is None
