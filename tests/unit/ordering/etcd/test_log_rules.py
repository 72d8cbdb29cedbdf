"""The rules of the log that need neither etcd nor a clock."""

import zlib

import pytest

from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.pace import Pace
from tallystick.node.ordering.etcd.records import (
    MAX_CONTENT_BYTES,
    MAX_VALUE_BYTES,
    MIN_VALUE_BYTES,
    UntrustedBatchError,
    compressed,
    decode_record,
    in_parts,
    join,
    whole,
)
from tallystick.node.ordering.etcd.retention import Retention, first_kept
from tallystick.node.ordering.etcd.versions import UnsupportedEtcdError, check_version
from tallystick.protos.tallystick.ordered_log_pb2 import LogRecord, OrderedBatch, Parts
from tallystick.wire.hashing import sha256

KEYS = LogKeys("tallystick", "securities", b"\x01" * 32)
BATCH = OrderedBatch(previous_hash=b"hash", envelopes=[b"a" * 60, b"b" * 60])
CONTENT = b"".join(compressed(BATCH))
PARTS = [CONTENT[:10], CONTENT[10:20], CONTENT[20:]]


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
    parts = KEYS.parts(5, 7, 2, 13)
    assert parts.start <= KEYS.part(5, 7, 12) < parts.end
    others = [KEYS.part(5, 7, 1), KEYS.part(5, 7, 13), KEYS.part(5, 8, 3), KEYS.part(6, 7, 3)]
    assert not any(parts.start <= key < parts.end for key in others)


def test_a_channel_begun_anew_has_other_keys() -> None:
    other = LogKeys("tallystick", "securities", b"\x02" * 32)
    assert other.block(1) != KEYS.block(1)


def test_a_small_batch_is_one_value() -> None:
    assert decode_record(whole(CONTENT), 1) == BATCH


def test_a_large_batch_is_cut_into_parts_that_make_it_again() -> None:
    note = decode_record(in_parts(CONTENT, 7, 3), 1)
    assert isinstance(note, Parts)
    assert (note.term, note.count) == (7, 3)
    assert join(note, PARTS, 1) == BATCH


def test_the_certificates_that_envelopes_repeat_take_the_room_of_one() -> None:
    certificates = bytes(range(256)) * 4
    batch = OrderedBatch(envelopes=[b"%d" % number + certificates for number in range(40)])
    content = b"".join(compressed(batch))
    assert len(content) < len(batch.SerializeToString()) / 8
    assert decode_record(whole(content), 1) == batch


def test_what_an_earlier_release_wrote_uncompressed_is_read() -> None:
    content = BATCH.SerializeToString()
    assert decode_record(LogRecord(batch=content).SerializeToString(), 1) == BATCH
    cut = Parts(term=7, count=2, digest=sha256(content))
    note = decode_record(LogRecord(parts=cut).SerializeToString(), 1)
    assert isinstance(note, Parts)
    assert join(note, [content[:50], content[50:]], 1) == BATCH


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(lambda parts: parts[:-1], id="one is missing"),
        pytest.param(lambda parts: parts[::-1], id="another order"),
        pytest.param(lambda parts: [*parts[:-1], b"x" * 30], id="one is another"),
    ],
)
def test_parts_that_are_not_those_that_were_written_are_not_believed(parts: object) -> None:
    note = decode_record(in_parts(CONTENT, 7, 3), 3)
    assert isinstance(note, Parts)
    assert callable(parts)
    with pytest.raises(UntrustedBatchError, match="block 3 is not to be trusted"):
        join(note, parts(list(PARTS)), 3)


def bomb() -> bytes:
    """Return what is small, and larger than any batch when it is decompressed."""
    zeros, writer = bytes(1024 * 1024), zlib.compressobj()
    pieces = [writer.compress(zeros) for _ in range(MAX_CONTENT_BYTES // len(zeros))]
    return b"".join([*pieces, writer.compress(b"\0"), writer.flush()])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param(b"", "the record is empty", id="nothing"),
        pytest.param(b"\xff", "LogRecord", id="garbage"),
        pytest.param(LogRecord(batch=b"\xff"), "OrderedBatch", id="a batch that is none"),
        pytest.param(
            LogRecord(compressed_batch=b"plain"), "at most .*: Error", id="not compressed"
        ),
        pytest.param(
            LogRecord(compressed_batch=zlib.compress(b"\xff")), "OrderedBatch", id="no batch in it"
        ),
        pytest.param(
            LogRecord(compressed_batch=CONTENT[:-1]), "is not one compressed", id="cut short"
        ),
        pytest.param(
            LogRecord(compressed_batch=CONTENT * 2), "is not one compressed", id="two of them"
        ),
        pytest.param(
            LogRecord(compressed_batch=bomb()), f"at most {MAX_CONTENT_BYTES} bytes", id="a bomb"
        ),
    ],
)
def test_a_value_that_is_no_record_is_not_believed(value: bytes | LogRecord, problem: str) -> None:
    encoded = value if isinstance(value, bytes) else value.SerializeToString()
    with pytest.raises(UntrustedBatchError, match=problem):
        decode_record(encoded, 1)


def test_parts_that_cannot_be_decompressed_are_not_believed() -> None:
    note = Parts(term=7, count=1, digest=sha256(b"plain"), is_compressed=True)
    with pytest.raises(UntrustedBatchError, match="block 3 is not to be trusted: it is not one"):
        join(note, [b"plain"], 3)


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


def test_a_line_that_carries_all_at_once_is_soon_given_the_largest_values() -> None:
    pace = Pace(MIN_VALUE_BYTES, MAX_VALUE_BYTES)
    for _ in range(4):
        pace.took(pace.size, 0.005)
    assert pace.size == MAX_VALUE_BYTES


@pytest.mark.parametrize(
    ("mbit_per_s", "size"),
    [
        pytest.param(2, 64 * 1024, id="the slowest"),
        pytest.param(10, 256 * 1024, id="a slow one"),
        pytest.param(1_000, 1024 * 1024, id="a fast one"),
    ],
)
def test_what_is_under_way_never_fills_a_line_for_longer_than_a_lease_bears(
    mbit_per_s: int, size: int
) -> None:
    far_s = 0.4
    pace = Pace(MIN_VALUE_BYTES, MAX_VALUE_BYTES)
    pace.took(10, far_s)
    longest_s = 0.0
    for _ in range(20):
        line_s = pace.size * 8 / (mbit_per_s * 1e6)
        longest_s = max(longest_s, line_s)
        pace.took(pace.size, far_s + line_s)
    assert pace.size == size
    assert longest_s < 0.3


def test_small_writes_say_nothing_of_large_ones() -> None:
    pace = Pace(MIN_VALUE_BYTES, MAX_VALUE_BYTES)
    for _ in range(9):
        pace.took(100, 0.001)
    assert pace.size == MIN_VALUE_BYTES


def test_a_line_that_has_become_slow_is_given_less_and_after_a_failure_the_least() -> None:
    pace = Pace(MIN_VALUE_BYTES, MAX_VALUE_BYTES)
    for _ in range(4):
        pace.took(pace.size, 0.005)
    pace.took(pace.size, 0.9)
    assert pace.size == MAX_VALUE_BYTES // 2
    pace.failed()
    assert pace.size == MIN_VALUE_BYTES
