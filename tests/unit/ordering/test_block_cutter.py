"""How envelopes become blocks: wire.md §7.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.channel.config import BatchParameters
from tallystick.node.ordering.admission import Admitted
from tallystick.node.ordering.block_cutter import MAX_BATCH_BYTES, BlockCutter

LIMITS = BatchParameters(max_message_count=3, preferred_max_bytes=100)


def names(batch: list[Admitted]) -> list[bytes]:
    return [admitted.envelope for admitted in batch]


def envelope(name: str, size_bytes: int = 10) -> Admitted:
    return Admitted(name.encode(), size_bytes)


@pytest.mark.parametrize(
    ("before", "added", "batches", "pending"),
    [
        pytest.param([], envelope("a"), [], [b"a"], id="§7.2 the first opens a batch"),
        pytest.param(
            [envelope("a"), envelope("b")],
            envelope("c"),
            [[b"a", b"b", b"c"]],
            [],
            id="§7.2 MaxMessageCount closes it",
        ),
        pytest.param(
            [envelope("a", 60)],
            envelope("b", 40),
            [],
            [b"a", b"b"],
            id="§7.2 exactly PreferredMaxBytes fits",
        ),
        pytest.param(
            [envelope("a", 60)],
            envelope("b", 41),
            [[b"a"]],
            [b"b"],
            id="§7.2 what would exceed PreferredMaxBytes closes the batch first",
        ),
        pytest.param(
            [envelope("a")],
            envelope("b", 101),
            [[b"a"], [b"b"]],
            [],
            id="§7.2 what alone exceeds PreferredMaxBytes travels alone",
        ),
        pytest.param(
            [], envelope("a", 101), [[b"a"]], [], id="§7.2 an empty batch is not cut before it"
        ),
    ],
)
def test_adding_an_envelope_completes_batches(
    before: list[Admitted], added: Admitted, batches: list[list[bytes]], pending: list[bytes]
) -> None:
    cutter: BlockCutter[Admitted] = BlockCutter(LIMITS)
    for admitted in before:
        assert cutter.add(admitted) == []
    assert [names(batch) for batch in cutter.add(added)] == batches
    assert cutter.has_pending == bool(pending)
    assert names(cutter.cut()) == pending
    assert not cutter.has_pending


@given(
    sizes=st.lists(st.integers(min_value=1, max_value=150)),
    count=st.integers(min_value=1, max_value=5),
)
def test_no_envelope_is_lost_or_reordered_and_the_limits_hold(sizes: list[int], count: int) -> None:
    cutter: BlockCutter[Admitted] = BlockCutter(
        BatchParameters(max_message_count=count, preferred_max_bytes=100)
    )
    envelopes = [envelope(str(index), size) for index, size in enumerate(sizes)]
    batches = [names(batch) for one in envelopes for batch in cutter.add(one)]
    batches.append(names(cutter.cut()))

    assert [entry for batch in batches for entry in batch] == [one.envelope for one in envelopes]
    assert all(batches[:-1]), "an empty batch was cut"
    for batch in batches:
        size = sum(sizes[int(entry)] for entry in batch)
        assert len(batch) <= count
        assert size <= 100 or len(batch) == 1


def test_no_batch_is_larger_than_what_travels_in_one_message_whatever_the_channel_allows() -> None:
    large = MAX_BATCH_BYTES * 2 // 3
    cutter = BlockCutter[Admitted](BatchParameters(preferred_max_bytes=MAX_BATCH_BYTES * 4))
    assert cutter.add(envelope("a", large)) == []
    (first,) = cutter.add(envelope("b", large))
    assert names(first) == [b"a"]
    assert names(cutter.cut()) == [b"b"]
