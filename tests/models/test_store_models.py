"""Every key-value store against a sorted dict: whatever is done to both, they stay the same."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tallystick.node.ledger.key_value_store import StoreKind, open_store

# Few and short keys: they meet again, and begin with one another.
KEYS = st.lists(st.sampled_from([b"\x00", b"a", b"b", b"\xff"]), max_size=3).map(b"".join)
BATCHES = st.dictionaries(KEYS, st.none() | st.binary(max_size=4), max_size=6)


class StoreMachine(RuleBasedStateMachine):
    """Applies the same operations to a store and to a dict."""

    kind: StoreKind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.store = open_store(self.kind, Path(self.directory.name))
        self.model: dict[bytes, bytes] = {}

    @rule(batch=BATCHES)
    def write(self, batch: dict[bytes, bytes | None]) -> None:
        self.store.write(batch)
        for key, value in batch.items():
            if value is None:
                self.model.pop(key, None)
            else:
                self.model[key] = value

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        assert self.store.get(key) == self.model.get(key)

    @rule(start=KEYS, end=KEYS)
    def range(self, start: bytes, end: bytes) -> None:
        assert list(self.store.range(start, end)) == [
            (key, value)
            for key, value in sorted(self.model.items())
            if start <= key and (not end or key < end)
        ]

    @rule()
    def reopen(self) -> None:
        if self.kind != "memory":
            self.store.close()
            self.store = open_store(self.kind, Path(self.directory.name))

    @invariant()
    def content_is_equal(self) -> None:
        assert list(self.store.range(b"", b"")) == sorted(self.model.items())

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()


class LevelDbMachine(StoreMachine):
    kind = "leveldb"


class SqliteMachine(StoreMachine):
    kind = "sqlite"


LIMITS = settings(max_examples=25, stateful_step_count=20, deadline=None)

TestMemoryStore = StoreMachine.TestCase
TestMemoryStore.settings = LIMITS
TestLevelDbStore = LevelDbMachine.TestCase
TestLevelDbStore.settings = LIMITS
TestSqliteStore = SqliteMachine.TestCase
TestSqliteStore.settings = LIMITS
