"""What is remembered of the state from one block to the next is what a new look-up would find."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.validation.conftest import CHAINCODE, Draft, Setting

from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.state import LedgerState, UpdateBatch, VersionedValue, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.validation import block_view
from tallystick.node.validation.block_view import BlockView

KEYS = ("k1", "k2", "k3", "k4")
WRITES = st.dictionaries(st.sampled_from(KEYS), st.none() | st.binary(max_size=400), max_size=3)
"""Of one block: what it puts, or None for what it deletes."""
COMMITTED = Version(1, 0)
READS = st.lists(st.sampled_from(KEYS), max_size=3)


class CountingState(LedgerState):
    """A state that tells which keys were looked up."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.read: list[str] = []

    def get(self, namespace: str, key: str) -> VersionedValue | None:
        self.read.append(key)
        return super().get(namespace, key)


def block_of(number: int, writes: dict[str, bytes | None]) -> UpdateBatch:
    updates = UpdateBatch()
    for place, (key, value) in enumerate(writes.items()):
        version = Version(number, place)
        if value is None:
            updates.delete("a", key, version)
        else:
            updates.put("a", key, value, version, metadata=value[:3])
    return updates


@given(
    max_held_bytes=st.sampled_from([0, 700, 1_000_000]),
    blocks=st.lists(st.tuples(READS, WRITES), max_size=6),
)
@settings(max_examples=50)
def test_a_view_that_goes_on_from_block_to_block_shows_the_state(
    max_held_bytes: int, blocks: list[tuple[list[str], dict[str, bytes | None]]]
) -> None:
    store = MemoryStore()
    state = LedgerState(store)
    view = BlockView(state)
    with patch.object(block_view, "MAX_HELD_BYTES", max_held_bytes):
        for number, (reads, writes) in enumerate(blocks, 1):
            assert [view.get("a", key) for key in reads] == [state.get("a", key) for key in reads]
            updates = block_of(number, writes)
            store.write(state_entries(updates))
            view.accepted(updates)
    assert [view.get("a", key) for key in KEYS] == [state.get("a", key) for key in KEYS]


def test_what_a_block_has_read_or_written_is_not_looked_up_for_the_next_one() -> None:
    store = MemoryStore()
    state = CountingState(store)
    view = BlockView(state)
    assert view.get("a", "k1") is None
    updates = block_of(1, {"k2": b"value"})
    store.write(state_entries(updates))
    view.accepted(updates)
    assert view.get("a", "k1") is None
    assert view.get("a", "k2") == VersionedValue(b"value", Version(1, 0), b"val")
    assert state.read == ["k1"]


def test_more_than_may_be_held_is_forgotten_between_two_blocks() -> None:
    store = MemoryStore()
    store.write(state_entries(block_of(1, {"k1": bytes(1000)})))
    state = CountingState(store)
    view = BlockView(state)
    with patch.object(block_view, "MAX_HELD_BYTES", 1000):
        for _ in range(2):
            view.get("a", "k1")
            view.get("a", "k1")
            view.accepted(UpdateBatch())
    assert state.read == ["k1", "k1"], "once in each block"


def test_long_keys_count_as_well() -> None:
    state = CountingState(MemoryStore())
    view = BlockView(state)
    with patch.object(block_view, "MAX_HELD_BYTES", 1000):
        for _ in range(2):
            view.get("a", "k" * 1000)
            view.accepted(UpdateBatch())
    assert len(state.read) == 2


def reading(setting: Setting) -> Draft:
    return setting.draft(lambda builder: builder.add_read(CHAINCODE, "key", COMMITTED))


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_validator_goes_on_only_from_a_block_that_was_committed(
    setting: Setting, *, is_told: bool
) -> None:
    state = CountingState(setting.ledger.store)
    setting.ledger.state = state
    setting.ledger.put("key")
    block = setting.block(
        setting.draft(lambda builder: builder.add_read(CHAINCODE, "key", COMMITTED))
    )
    validated = await setting.validator.validate(block)
    assert list(validated.codes) == [0]
    if is_told:
        setting.validator.accepted(validated)
    block = setting.block(
        setting.draft(lambda builder: builder.add_read(CHAINCODE, "key", COMMITTED))
    )
    block.header.number += 1
    assert list((await setting.validator.validate(block)).codes) == [0]
    assert state.read == ["key"] * (1 if is_told else 2)
