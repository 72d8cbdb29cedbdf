"""The rules of the log that need neither etcd nor a clock."""

import pytest

from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.records import UntrustedBatchError, decode_record, encode, join
from tallystick.node.ordering.etcd.retention import Retention, first_kept
from tallystick.node.ordering.etcd.versions import UnsupportedEtcdError, check_version
from tallystick.protos.tallystick.ordered_log_pb2 import LogRecord, OrderedBatch, Parts

KEYS = LogKeys("tallystick", "securities", b"\x01" * 32)
BATCH = OrderedBatch(previous_hash=b"hash", envelopes=[b"a" * 60, b"b" * 60])


def test_keys_sort_as_the_numbers_of_their_blocks_do() -> None:
    numbers = [0, 9, 10, 255, 256, 2**40]
    assert sorted(map(KEYS.block, numbers)) == [KEYS.block(number) for number in numbers]
    assert [KEYS.number_of(KEYS.block(number)) for number in numbers] == numbers


def test_ranges_hold_what_they_should_and_nothing_else() -> None:
    blocks = KEYS.blocks_from(5)
    inside = [KEYS.block(5), KEYS.block(2**63)]
    outside = [KEYS.block(4), KEYS.leader, KEYS.height("a:1"), KEYS.part(5, 1, 0)]
    assert all(blocks.start <= key < blocks.end for key in inside)
    assert not any(blocks.start <= key < blocks.end for key in outside)
    heights = KEYS.heights
    assert heights.start <= KEYS.height("z.example:7050") < heights.end
    assert not heights.start <= KEYS.leader < heights.end
    parts = KEYS.parts(5, 7)
    assert parts.start <= KEYS.part(5, 7, 12) < parts.end
    assert not parts.start <= KEYS.part(5, 8, 0) < parts.end


def test_a_channel_begun_anew_has_other_keys() -> None:
    other = LogKeys("tallystick", "securities", b"\x02" * 32)
    assert other.block(1) != KEYS.block(1)


def test_a_small_batch_is_one_value() -> None:
    encoded = encode(BATCH, term=7)
    assert encoded.parts == ()
    assert decode_record(encoded.record, 1) == BATCH


def test_a_large_batch_is_cut_into_parts_that_make_it_again() -> None:
    encoded = encode(BATCH, term=7, max_value_bytes=50)
    assert [len(part) for part in encoded.parts] == [50, 50, 30]
    note = decode_record(encoded.record, 1)
    assert isinstance(note, Parts)
    assert (note.term, note.count) == (7, 3)
    assert join(note, encoded.parts, 1) == BATCH


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(lambda parts: parts[:-1], id="one is missing"),
        pytest.param(lambda parts: parts[::-1], id="another order"),
        pytest.param(lambda parts: [*parts[:-1], b"x" * 30], id="one is another"),
    ],
)
def test_parts_that_are_not_those_that_were_written_are_not_believed(parts: object) -> None:
    encoded = encode(BATCH, term=7, max_value_bytes=50)
    note = decode_record(encoded.record, 3)
    assert isinstance(note, Parts)
    assert callable(parts)
    with pytest.raises(UntrustedBatchError, match="block 3 is not to be trusted"):
        join(note, parts(list(encoded.parts)), 3)


@pytest.mark.parametrize(
    "value", [b"", b"\xff", LogRecord(batch=b"\xff").SerializeToString()], ids=repr
)
def test_a_value_that_is_no_record_is_not_believed(value: bytes) -> None:
    with pytest.raises(UntrustedBatchError):
        decode_record(value, 1)


@pytest.mark.parametrize(
    ("heights", "first", "height", "kept"),
    [
        pytest.param([20, 20, 20], 5, 20, 19, id="all have all: the newest stays"),
        pytest.param([20, 14, 20], 5, 20, 14, id="one is behind: what it lacks stays"),
        pytest.param([20, 2, 20], 5, 20, 10, id="too far behind: at most ten blocks"),
        pytest.param([], 5, 20, 19, id="nobody has told"),
        pytest.param([25, 25], 5, 20, 19, id="the leader trims nothing that it lacks"),
        pytest.param([20, 3], 18, 20, 18, id="what is gone is gone"),
        pytest.param([1], 0, 1, 0, id="the beginning"),
    ],
)
def test_what_is_kept_for_whom(heights: list[int], first: int, height: int, kept: int) -> None:
    found = first_kept(
        Retention(max_blocks=10), heights, first=first, height=height, size_of=lambda _: 1
    )
    assert found == kept


def test_large_blocks_are_kept_for_fewer() -> None:
    limits = Retention(max_blocks=10, max_bytes=35)
    found = first_kept(limits, [0], first=0, height=20, size_of=lambda _: 10)
    assert found == 17


@pytest.mark.parametrize("version", ["3.4.0", "3.4.23", "3.5.3", "3.6.0", "3.5.21+git", "4.0.1"])
def test_releases_that_may_be_used(version: str) -> None:
    check_version(version, "a member")
    assert version  # nothing was raised


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("3.3.27", "3.4 is the oldest"),
        ("2.3.8", "3.4 is the oldest"),
        ("3.5.0", "can lose data in a crash"),
        ("3.5.1", "can lose data in a crash"),
        ("3.5.2", "can lose data in a crash"),
        ("", "cannot be told"),
        ("unknown", "cannot be told"),
    ],
)
def test_releases_that_are_refused_with_the_reason(version: str, reason: str) -> None:
    with pytest.raises(UnsupportedEtcdError, match=reason):
        check_version(version, "a member")
