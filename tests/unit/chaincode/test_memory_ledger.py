"""The in-memory channel on which authors test their contracts."""

from datetime import timedelta

import pytest
from pydantic import BaseModel

from tallystick.chaincode import Context, Contract, DomainEvent, Refusal, query, transaction
from tallystick.chaincode.errors import CalleeRefusal
from tallystick.chaincode.testing import MemoryLedger, NonDeterministicError, make_client
from tallystick.chaincode.testing.world import Rows
from tallystick.chaincode.transient import TransientData

ALICE = make_client("BrokerMSP", "alice", attributes={"role": "trader"})


class Receipt(BaseModel):
    key: str
    quantity: int


class Counted(DomainEvent):
    kind = "counter.Counted"

    key: str
    total: int


class CounterContract(Contract):
    """Counts things."""

    name = "counter"

    @transaction
    def add(self, ctx: Context, key: str, quantity: int) -> Receipt:
        """Add a quantity to a counter."""
        total = int(ctx.state.get(key) or 0) + quantity
        ctx.state.put(key, str(total).encode())
        ctx.emit(Counted(key=key, total=total))
        if total < 0:
            raise Refusal("BELOW_ZERO", f"{key} would become {total}", key=key, total=total)
        return Receipt(key=key, quantity=total)

    @query
    def read(self, ctx: Context, key: str) -> int:
        return int(ctx.state.get(key) or 0)

    @query
    def client_role(self, ctx: Context) -> str:
        return f"{ctx.client.msp_id} {ctx.client.common_name} {ctx.client.attributes['role']}"

    @query
    def now(self, ctx: Context) -> str:
        return ctx.timestamp.isoformat()


class CallerContract(Contract):
    name = "caller"

    @transaction
    def add_twice(self, ctx: Context, key: str) -> int:
        ctx.invoke("counter", "add", key, 1)
        return Receipt.model_validate_json(ctx.invoke("counter", "add", key, 1)).quantity

    @transaction
    def add_once(self, ctx: Context, key: str, quantity: int) -> Receipt:
        ctx.emit(Counted(key="before", total=0))
        receipt = Receipt.model_validate_json(ctx.invoke("counter", "add", key, quantity))
        ctx.emit(Counted(key="after", total=0))
        return receipt

    @transaction
    def forgive(self, ctx: Context, key: str) -> str:
        try:
            ctx.invoke("counter", "add", key, -1)
        except CalleeRefusal as refusal:
            return f"{refusal.chaincode} {refusal.code} {refusal.facts['total']}"
        return "added"

    @transaction
    def call_itself(self, ctx: Context) -> None:
        ctx.invoke("caller", "call_itself")


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger({"counter": CounterContract(), "caller": CallerContract()}, client=ALICE)


def test_a_class_in_place_of_a_contract_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^counter is the class CounterContract: give an object, "):
        MemoryLedger({"counter": CounterContract})  # type: ignore[dict-item]


def test_a_successful_transaction_is_committed(ledger: MemoryLedger) -> None:
    outcome = ledger.invoke("counter", "add", "k", 5)
    assert outcome.load(Receipt) == Receipt(key="k", quantity=5)
    assert ledger.invoke("counter", "read", "k").json == 5


def test_a_refused_transaction_leaves_neither_writes_nor_events(ledger: MemoryLedger) -> None:
    with pytest.raises(Refusal, match=r"^BELOW_ZERO: k would become -1$") as caught:
        ledger.invoke("counter", "add", "k", -1)
    assert (caught.value.code, caught.value.status) == ("BELOW_ZERO", 400)
    assert caught.value.facts == {"key": "k", "total": -1}
    assert ledger.invoke("counter", "read", "k").json == 0


def test_a_callees_events_follow_those_emitted_before_the_call(ledger: MemoryLedger) -> None:
    outcome = ledger.invoke("caller", "add_once", "k", 2)
    assert [event.data["key"] for event in outcome.events] == ["before", "k", "after"]
    assert outcome.event_types == ("counter.Counted",) * 3


def test_an_uncaught_callee_refusal_refuses_the_caller_in_the_same_words(
    ledger: MemoryLedger,
) -> None:
    with pytest.raises(Refusal, match=r"^BELOW_ZERO: k would become -3$") as caught:
        ledger.invoke("caller", "add_once", "k", -3)
    assert caught.value.facts == {"key": "k", "total": -3}


def test_a_caught_callee_refusal_leaves_no_writes_of_the_callee(ledger: MemoryLedger) -> None:
    assert ledger.invoke("caller", "forgive", "k").text == "counter BELOW_ZERO -1"
    assert ledger.world.rows_of("counter").values == {}


def test_reading_what_an_earlier_call_of_the_transaction_wrote_is_refused(
    ledger: MemoryLedger,
) -> None:
    with pytest.raises(Refusal, match="READ_AFTER_CALLEE_WRITE") as caught:
        ledger.invoke("caller", "add_twice", "k")
    assert caught.value.status == 500


def test_a_chaincode_cannot_call_itself(ledger: MemoryLedger) -> None:
    with pytest.raises(Refusal, match="RECURSIVE_CALL"):
        ledger.invoke("caller", "call_itself")


def test_the_client_of_a_call_is_its_certificate(ledger: MemoryLedger) -> None:
    assert ledger.invoke("counter", "client_role").text == "BrokerMSP alice trader"


def test_time_stands_still_until_it_is_advanced(ledger: MemoryLedger) -> None:
    before = ledger.invoke("counter", "now").text
    ledger.advance(timedelta(hours=1))
    assert (before, ledger.invoke("counter", "now").text) == (
        "2024-01-02T09:00:00+00:00",
        "2024-01-02T10:00:00+00:00",
    )


def test_a_fork_has_the_same_past_and_goes_on_by_itself(ledger: MemoryLedger) -> None:
    ledger.invoke("counter", "add", "apples", 2)
    fork = ledger.fork()
    fork.invoke("counter", "add", "apples", 3)
    fork.advance(timedelta(days=1))
    counts = [each.invoke("counter", "read", "apples").load(int) for each in (ledger, fork)]
    assert counts == [2, 5]
    assert fork.now - ledger.now == timedelta(days=1)


def test_a_copy_of_rows_has_the_same_and_shares_no_container() -> None:
    place = ("vault", "a")
    rows = Rows({"a": b"1"}, {"a": []}, {"a": {}}, {place: b"2"}, {place: {}})
    copied = rows.copy()
    assert copied == rows
    own = [
        [each, *(inner for inner in each.values() if isinstance(inner, list | dict))]
        for rows in (rows, copied)
        for each in (rows.values, rows.history, rows.metadata, rows.private, rows.private_metadata)
    ]
    containers = {id(container) for each in own for container in each}
    assert len(containers) == 2 * (5 + 3)


@pytest.mark.parametrize(
    ("where", "parting"),
    [
        ("answer", r"its answer was \(200, '', b'1'\), and then \(200, '', b'2'\)"),
        ("event", "its event was "),
        ("writes", "its writes were "),
    ],
)
def test_a_contract_that_remembers_its_last_call_is_found_out(where: str, parting: str) -> None:
    class Remembering(Contract):
        name = "remembering"

        def __init__(self) -> None:
            self.calls = 0

        @transaction
        def call(self, ctx: Context, where: str) -> int:
            self.calls += 1
            if where == "event":
                ctx.emit(Counted(key="calls", total=self.calls))
            if where == "writes":
                ctx.state.put("calls", b"%d" % self.calls)
            return self.calls if where == "answer" else 0

    ledger = MemoryLedger({"remembering": Remembering()}, client=ALICE)
    with pytest.raises(NonDeterministicError, match=f"call did not do the same twice.*{parting}"):
        ledger.invoke("remembering", "call", where)


class PricesContract(Contract):
    name = "prices"

    @transaction
    def agree(self, ctx: Context) -> bytes:
        return ctx.transient["price"]

    @transaction
    def agree_or_not(self, ctx: Context) -> str:
        try:
            return ctx.transient["price"].decode()
        except KeyError:
            return f"{'price' in ctx.transient} {ctx.transient.get('price')!r} {len(ctx.transient)}"

    @transaction
    def forge(self, ctx: Context) -> None:
        ctx.transient["price"] = b"1"  # type: ignore[index]


def test_transient_data_that_the_client_did_not_send_refuses_the_call() -> None:
    ledger = MemoryLedger({"prices": PricesContract()}, client=ALICE)
    with pytest.raises(CalleeRefusal) as caught:
        ledger.invoke("prices", "agree", transient={"prize": b"5"})
    assert (caught.value.code, caught.value.status) == ("TRANSIENT_MISSING", 400)
    assert caught.value.message == (
        "the client sent no transient data 'price'; pass it: `tally invoke … --transient"
        " price=VALUE`, or transient={'price': …} of a client's call"
    )
    assert caught.value.facts == {"name": "price"}
    assert ledger.invoke("prices", "agree_or_not").text == "False None 0"
    assert ledger.invoke("prices", "agree", transient={"price": b""}).payload == b""


def test_transient_data_cannot_be_changed_and_does_not_show_its_values() -> None:
    ledger = MemoryLedger({"prices": PricesContract()}, client=ALICE)
    with pytest.raises(CalleeRefusal, match="does not support item assignment"):
        ledger.invoke("prices", "forge")
    assert repr(TransientData({"price": b"5"})) == "TransientData(price)"
