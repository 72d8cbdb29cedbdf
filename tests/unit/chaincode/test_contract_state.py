"""The overlay: a call sees its own writes, the ledger sees them only after success."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import BaseModel

from tallystick.chaincode import Refusal, State, Value
from tallystick.chaincode.errors import InvalidKeyError, InvalidPageError, WriteInQueryError
from tallystick.chaincode.keys import FIRST_SIMPLE_KEY
from tallystick.chaincode.testing import MemoryStub, make_client

ALICE = make_client("BrokerMSP", "alice")


class CountingStub(MemoryStub):
    """Notes which keys are read from the ledger."""

    reads: list[str]

    def get_state(self, key: str) -> bytes | None:
        self.reads.append(key)
        return super().get_state(key)


class Holding(BaseModel):
    security: str
    quantity: int


class Balance(Value):
    quantity: int


class Total(Balance):
    """Reads the same rows as another value."""


def committed(**rows: bytes) -> CountingStub:
    stub = CountingStub.alone(ALICE)
    stub.reads = []
    for key, value in rows.items():
        stub.put_state(key, value)
    stub.commit()
    return stub


class OverlayMachine(RuleBasedStateMachine):
    """State against a dict that applies every write at once."""

    keys = st.sampled_from(["a", "b", "ba", "é", "\ue000", "\U00010000", "z"])
    values = st.binary(min_size=1, max_size=2)

    @initialize(rows=st.dictionaries(keys, values))
    def start(self, rows: dict[str, bytes]) -> None:
        self.model = dict(rows)
        self.state = State(committed(**rows))

    @rule(ahead=st.lists(keys))
    def read_ahead(self, ahead: list[str]) -> None:
        self.state.read_ahead(ahead)

    @rule(key=keys, value=values)
    def put(self, key: str, value: bytes) -> None:
        self.state.put(key, value)
        self.model[key] = value

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.state.delete(key)
        self.model.pop(key, None)

    @rule(key=keys)
    def get(self, key: str) -> None:
        assert self.state.get(key) == self.model.get(key)

    @rule(start=st.just("") | keys, end=st.just("") | keys)
    def scan(self, start: str, end: str) -> None:
        assert list(self.state.range(start, end)) == list(self.rows(start, end))

    @rule(start=keys, size=st.integers(1, 3))
    def page_through(self, start: str, size: int) -> None:
        page = self.state.page(start, "", size)
        rows = list(page.rows)
        while page.bookmark:
            page = self.state.page(start, "", size, page.bookmark)
            assert len(page.rows) <= size
            rows.extend(page.rows)
        assert rows == list(self.rows(start, ""))

    @invariant()
    def every_row_can_be_read(self) -> None:
        for key, value in self.model.items():
            assert self.state.get(key) == value

    def rows(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        for key, value in sorted(self.model.items()):
            if key >= (start or FIRST_SIMPLE_KEY) and (not end or key < end):
                yield key, value


TestOverlay = OverlayMachine.TestCase


def test_a_key_is_read_from_the_ledger_once() -> None:
    stub = committed(k=b"1")
    state = State(stub)
    assert [state.get("k"), state.get("k"), state.get("absent"), state.get("absent")] == [
        b"1",
        b"1",
        None,
        None,
    ]
    assert stub.reads == ["k", "absent"]


def test_a_key_that_was_written_is_not_read_from_the_ledger() -> None:
    """W26."""
    stub = committed(k=b"1")
    state = State(stub)
    state.put("k", b"2")
    state.delete("other")
    assert (state.get("k"), state.get("other"), stub.reads) == (b"2", None, [])


def test_nothing_is_written_before_the_call_succeeds() -> None:
    stub = committed()
    state = State(stub)
    state.put("k", b"1")
    state.delete("gone")
    assert stub.writes.values == {}
    state.flush()
    assert stub.writes.values == {"k": b"1", "gone": None}


def test_a_loop_may_write_the_rows_it_scans() -> None:
    """W26."""
    state = State(committed(a=b"1", b=b"2"))
    for key, value in state.range("", ""):
        state.put(key + "x", value)
    assert [key for key, _ in state.range("", "")] == ["a", "ax", "b", "bx"]


def test_a_plain_range_leaves_composite_keys_out() -> None:
    """§9.3."""
    state = State(committed())
    state.put("plain", b"1")
    state.put(state.composite_key("kind", "part"), b"2")
    assert list(state.range("", "")) == [("plain", b"1")]


def test_partial_finds_the_rows_of_a_kind() -> None:
    """§9.3."""
    state = State(committed())
    for parts in (("a", "1"), ("a", "2"), ("ab", "1")):
        state.put(state.composite_key("lot", *parts), "/".join(parts).encode())
    state.put(state.composite_key("lots", "a"), b"another kind")
    assert [value for _, value in state.partial("lot", "a")] == [b"a/1", b"a/2"]
    assert [value for _, value in state.partial("lot")] == [b"a/1", b"a/2", b"ab/1"]


def test_history_shows_committed_changes_newest_first_and_no_own_write() -> None:
    stub = committed(k=b"1")
    stub.del_state("k")
    stub.commit()
    state = State(stub)
    state.put("k", b"3")
    changes = [(change.value, change.is_delete) for change in state.history("k")]
    assert changes == [(b"", True), (b"1", False)]


def test_models_are_stored_as_json_in_the_order_of_their_fields() -> None:
    state = State(committed())
    state.save("h", Holding(security="ACME", quantity=5))
    assert state.get("h") == b'{"security":"ACME","quantity":5}'
    assert state.load("h", Holding) == Holding(security="ACME", quantity=5)
    assert state.load("absent", Holding) is None


def test_a_value_is_read_once_until_its_row_is_written() -> None:
    state = State(committed(h=b'{"quantity":5}'))
    before = state.load("h", Balance)
    assert before == Balance(quantity=5)
    assert state.load("h", Balance) is before
    state.save("h", Balance(quantity=6))
    assert state.load("h", Balance) == Balance(quantity=6)
    state.delete("h")
    assert state.load("h", Balance) is None


def test_a_row_read_as_one_value_is_no_other() -> None:
    state = State(committed(h=b'{"quantity":5}'))
    assert type(state.load("h", Total)) is Total
    assert type(state.load("h", Balance)) is Balance


def test_a_model_that_can_be_changed_is_nobody_elses() -> None:
    state = State(committed(h=b'{"security":"ACME","quantity":5}'))
    first, second = state.load("h", Holding), state.load("h", Holding)
    assert first == second
    assert first is not second


def test_an_empty_value_is_refused_because_the_ledger_takes_it_for_a_deletion() -> None:
    """§9.3."""
    with pytest.raises(InvalidKeyError, match=r"call delete\(\)"):
        State(committed()).put("k", b"")


def test_a_simple_key_cannot_begin_like_a_composite_one() -> None:
    """§9.3."""
    with pytest.raises(InvalidKeyError, match="composite"):
        State(committed()).put("\x00\U0010ffffinitialized", b"1")


@pytest.mark.parametrize(
    ("operation", "write"),
    [
        pytest.param("put", lambda state: state.put("k", b"1"), id="put"),
        pytest.param("delete", lambda state: state.delete("k"), id="delete"),
    ],
)
def test_a_query_cannot_write(operation: str, write: Callable[[State], None]) -> None:
    """SS-50."""
    state = State(committed(), read_only=True)
    with pytest.raises(WriteInQueryError, match=rf"^WRITE_IN_QUERY: {operation}\('k'\)") as caught:
        write(state)
    assert caught.value.status == 500


def test_a_query_pages_through_the_ledger_itself() -> None:
    stub = committed(a=b"1", b=b"2", c=b"3")
    state = State(stub, read_only=True)
    first = state.page("", "", 2)
    second = state.page("", "", 2, first.bookmark)
    assert ([key for key, _ in first.rows], first.bookmark) == (["a", "b"], "c")
    assert ([key for key, _ in second.rows], second.bookmark) == (["c"], "")
    with pytest.raises(Refusal, match="WRITE_AFTER_PAGE"):
        stub.put_state("k", b"1")


@pytest.mark.parametrize("read_only", [False, True])
def test_partial_rows_come_in_pages_too(read_only: bool) -> None:  # noqa: FBT001 -- a parameter
    stub = committed()
    for number in range(5):
        stub.put_state(State.composite_key("lot", "a", str(number)), b"1")
    stub.put_state(State.composite_key("lot", "b", "0"), b"another")
    stub.commit()
    state = State(stub, read_only=read_only)
    sizes: list[int] = []
    bookmark = ""
    while not sizes or bookmark:
        page = state.partial_page("lot", "a", page_size=2, bookmark=bookmark)
        sizes.append(len(page.rows))
        bookmark = page.bookmark
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("page_size", "bookmark"),
    [
        pytest.param(0, "", id="no rows"),
        pytest.param(-1, "", id="less than no rows"),
        pytest.param(5, "a", id="a bookmark before the range"),
        pytest.param(5, "d", id="a bookmark at its end"),
        pytest.param(5, "\x00secret\x00", id="a bookmark among the composite keys"),
    ],
)
def test_a_bookmark_opens_no_row_outside_the_range(
    read_only: bool,  # noqa: FBT001 -- a parameter
    page_size: int,
    bookmark: str,
) -> None:
    state = State(committed(a=b"1", b=b"2", c=b"3", d=b"4"), read_only=read_only)
    with pytest.raises(InvalidPageError, match=r"^INVALID_PAGE: "):
        state.page("b", "d", page_size, bookmark)


class BatchingStub(CountingStub):
    """Notes which keys are asked for together."""

    batches: list[list[str]]

    def get_states(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        self.batches.append(list(keys))
        return super().get_states(keys)


def test_rows_read_ahead_are_asked_for_once_and_together() -> None:
    stub = BatchingStub.alone(ALICE)
    stub.reads, stub.batches = [], []
    state = State(stub)
    state.get("a")

    state.read_ahead(["a", "b", "c", "b"])

    assert (state.get("b"), state.get("c")) == (None, None)
    assert stub.batches == [["b", "c"]]
    assert stub.reads == ["a", "b", "c"]


def test_a_key_that_cannot_be_stored_cannot_be_read_ahead() -> None:
    with pytest.raises(InvalidKeyError):
        State(committed()).read_ahead([""])
