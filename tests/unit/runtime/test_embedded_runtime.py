"""Chaincode in the peer's process, on the ledger's own simulator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tallystick.chaincode.events import unpack
from tallystick.chaincode.testing import make_client
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.rwset import NamespaceReadWriteSet, parse_results
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.embedded import EmbeddedRuntime
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.packages import PackageStore, build_package
from tallystick.node.runtime.runtime import Invocation, InvocationResult, UnknownChannelError
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.peer.proposal_pb2 import ChaincodeProposalPayload, SignedProposal
from tallystick.wire.messages import timestamp_from_ns

ALICE = make_client("BrokerMSP", "alice", attributes={"role": "trader"})
NOW_NS = 1_704_186_000_123_456_789
COMMITTED = Version(3, 1)

SOURCE = """
from tallystick.chaincode import CalleeRefusal, Context, Contract, DomainEvent, Refusal
from tallystick.chaincode import query, transaction

class Moved(DomainEvent):
    kind = "test.Moved"
    by: str

class Ledger(Contract):
    name = "ledger"

    @transaction
    def move(self, ctx: Context, key: str, value: str) -> str:
        before = ctx.state.get(key)
        ctx.state.put(key, value.encode())
        ctx.emit(Moved(by=ctx.entry_chaincode))
        return (ctx.state.get(key) + (before or b"")).decode()

    @transaction
    def refuse(self, ctx: Context) -> None:
        ctx.state.put("k", b"1")
        ctx.emit(Moved(by="nobody"))
        raise Refusal("NO", "not today", 403)

    @transaction
    def scan_and_delete(self, ctx: Context) -> list[str]:
        keys = [key for key, value in ctx.state.range("", "")]
        ctx.state.delete(keys[0])
        return keys

    @transaction
    def touch_first(self, ctx: Context) -> str:
        return next(iter(ctx.state.range("", "")))[0]

    @query
    def pages(self, ctx: Context) -> list[str]:
        page = ctx.state.page("", "", 2)
        return [key for key, value in page.rows] + [page.bookmark]

    @query
    def past(self, ctx: Context, key: str) -> list[str]:
        return [
            f"{change.transaction_id}@{change.timestamp_ns}={change.value.decode()}"
            for change in ctx.state.history(key)
        ]

    @query
    def about(self, ctx: Context) -> list[str]:
        return [
            ctx.channel_id, ctx.transaction_id, ctx.timestamp.isoformat(), ctx.client.common_name,
            ctx.client.attributes["role"], ctx.entry_chaincode, ctx.transient["t"].decode(),
        ]

    @query
    def absent(self, ctx: Context) -> bytes:
        return ctx.transient["absent"]

    @transaction
    def private(self, ctx: Context) -> str:
        ctx.stub.put_private_data("vault", "k", b"secret")
        ctx.stub.del_private_data("vault", "old")
        ctx.stub.put_state_metadata("k", "VALIDATION_PARAMETER", b"policy")
        return str(ctx.stub.get_private_data_hash("vault", "absent"))

    @transaction
    def write_below(self, ctx: Context, what: str) -> None:
        match what:
            case "text":
                ctx.stub.put_state("k", "text")
            case "private text":
                ctx.stub.put_private_data("vault", "k", "text")
            case "metadata as text":
                ctx.stub.put_state_metadata("k", "VALIDATION_PARAMETER", "text")
            case "no key":
                ctx.stub.put_state("", b"1")
            case "a lone surrogate":
                ctx.stub.del_state("\\ud800")

class Caller(Contract):
    name = "caller"

    @transaction
    def call(self, ctx: Context, chaincode: str, function: str, times: int) -> str:
        ctx.emit(Moved(by="caller"))
        for number in range(times):
            answer = ctx.invoke(chaincode, function, *(["k", "v"] if function == "move" else []))
        return answer.decode()

    @transaction
    def forgive(self, ctx: Context) -> str:
        try:
            ctx.invoke("ledger", "refuse")
        except CalleeRefusal as refusal:
            return f"{refusal.status} {refusal.code}"
        return ""
"""


@dataclass
class OnePast:
    """A history in which every key was written once."""

    def modifications(self, namespace: str, key: str) -> Iterator[KeyModification]:
        assert namespace == "ledger"
        yield KeyModification(tx_id="t0", value=key.encode(), timestamp=timestamp_from_ns(7))


@dataclass
class Peer:
    """An embedded runtime on a state with some rows of the chaincode ``ledger``."""

    directory: Path
    rows: tuple[str, ...] = ()
    init_required: frozenset[str] = frozenset()
    package_ids: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store = MemoryStore()
        updates = UpdateBatch()
        for key in self.rows:
            updates.put("ledger", key, b"old", COMMITTED)
        store.write(state_entries(updates))
        self.state = LedgerState(store)
        (self.directory / "acme.py").write_text(SOURCE)
        packages = PackageStore(self.directory / "installed")
        for name, entry in (("ledger", "acme:Ledger"), ("caller", "acme:Caller")):
            package = build_package(name, entry, self.directory)
            self.package_ids.setdefault(name, packages.save(package))
        self.runtime = EmbeddedRuntime(packages)

    def resolve(self, simulator: Simulator, name: str) -> ResolvedChaincode | None:
        simulator.get_state("_lifecycle", name)
        if name not in self.package_ids:
            return None
        return ResolvedChaincode(
            name=name,
            sequence=1,
            version="1.0",
            package_id=self.package_ids[name],
            init_required=name in self.init_required,
            endorsement_plugin="escc",
            validation_parameter=b"",
            collections=None,
        )

    async def run(self, chaincode: str, *args: str) -> tuple[InvocationResult, Simulator]:
        invocation = self.invocation("securities", chaincode, args)
        package_id = self.package_ids[chaincode]
        assert package_id is not None
        return await self.runtime.execute(package_id, invocation), invocation.simulator

    def invocation(self, channel_id: str, chaincode: str, args: Sequence[str]) -> Invocation:
        """Return a call; the same state stands for that of both channels that there are."""

        def elsewhere(other: str) -> Invocation:
            if other != "bonds":
                raise UnknownChannelError(other)
            return self.invocation(other, chaincode, args)

        simulator = Simulator(self.state, OnePast(), "t1")
        return Invocation(
            channel_id=channel_id,
            transaction_id="t1",
            chaincode=chaincode,
            args=[arg.encode() for arg in args],
            is_init=False,
            transient=ChaincodeProposalPayload(TransientMap={"t": b"transient"}).TransientMap,
            creator=ALICE.creator,
            timestamp_ns=NOW_NS,
            entry_chaincode=chaincode,
            signed_proposal=SignedProposal(),
            simulator=simulator,
            resolve=partial(self.resolve, simulator),
            elsewhere=elsewhere,
        )


def namespaces(simulator: Simulator) -> dict[str, NamespaceReadWriteSet]:
    return {each.namespace: each for each in parse_results(simulator.done().public).namespaces}


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    return Peer(tmp_path)


async def test_reads_and_writes_reach_the_read_write_set_once(tmp_path: Path) -> None:
    """§10."""
    result, simulator = await Peer(tmp_path, rows=("k",)).run("ledger", "move", "k", "new")
    assert (result.response.status, result.response.payload) == (200, b"newold")
    rwset = namespaces(simulator)["ledger"]
    assert [read.key for read in rwset.reads] == ["k"]
    assert [(write.key, write.value) for write in rwset.writes] == [("k", b"new")]


async def test_the_event_names_the_invoked_chaincode(peer: Peer) -> None:
    result, _ = await peer.run("ledger", "move", "k", "v")
    assert result.event is not None
    assert (result.event.chaincode_id, result.event.tx_id) == ("ledger", "t1")
    assert [event.data["by"] for event in unpack(result.event.payload)] == ["ledger"]


async def test_a_refusal_leaves_neither_writes_nor_event(peer: Peer) -> None:
    result, simulator = await peer.run("ledger", "refuse")
    assert (result.response.status, result.response.message) == (403, "NO: not today")
    assert result.event is None
    assert namespaces(simulator) == {}


async def test_the_context_is_that_of_the_proposal(peer: Peer) -> None:
    """§9.4."""
    result, _ = await peer.run("ledger", "about")
    assert result.response.payload == (
        b'["securities","t1","2024-01-02T09:00:00.123456+00:00","alice","trader","ledger",'
        b'"transient"]'
    )


async def test_transient_data_that_nobody_sent_is_not_invented(peer: Peer) -> None:
    result, _ = await peer.run("ledger", "absent")
    assert result.response.status == 400
    assert result.response.message.startswith("TRANSIENT_MISSING: the client sent no transient")


async def test_a_range_is_protected_against_phantoms(tmp_path: Path) -> None:
    """§10."""
    result, simulator = await Peer(tmp_path, rows=("a", "b")).run("ledger", "scan_and_delete")
    rwset = namespaces(simulator)["ledger"]
    assert result.response.payload == b'["a","b"]'
    assert [(r.start_key, r.end_key, r.itr_exhausted) for r in rwset.range_queries] == [
        ("\x01", "", True)
    ]
    assert [(write.key, write.is_delete) for write in rwset.writes] == [("a", True)]


async def test_an_abandoned_scan_records_a_batch_and_one_row_ahead(tmp_path: Path) -> None:
    """§9.3."""
    rows = tuple(f"{number:03}" for number in range(250))
    result, simulator = await Peer(tmp_path, rows=rows).run("ledger", "touch_first")
    [query] = namespaces(simulator)["ledger"].range_queries
    assert (result.response.payload, query.end_key, query.itr_exhausted) == (b"000", "100", False)


async def test_a_scan_beyond_one_batch_yields_every_row(tmp_path: Path) -> None:
    """§9.3."""
    rows = tuple(f"{number:03}" for number in range(250))
    result, simulator = await Peer(tmp_path, rows=rows).run("ledger", "scan_and_delete")
    assert result.response.payload.count(b",") == 249
    assert namespaces(simulator)["ledger"].range_queries[0].itr_exhausted


async def test_a_query_reads_pages(tmp_path: Path) -> None:
    """§9.3."""
    result, _ = await Peer(tmp_path, rows=("a", "b", "c")).run("ledger", "pages")
    assert result.response.payload == b'["a","b","c"]'


async def test_history_comes_from_the_ledger(peer: Peer) -> None:
    result, _ = await peer.run("ledger", "past", "k")
    assert result.response.payload == b'["t0@7=k"]'


async def test_private_data_and_key_metadata_pass_through_the_stub(peer: Peer) -> None:
    """§10."""
    result, simulator = await peer.run("ledger", "private")
    assert result.response.payload == b"None"
    touched = namespaces(simulator)
    [collection] = touched["ledger"].collections
    assert collection.name == "vault"
    definition = "namespaces/fields/ledger/"
    fields = {definition + name for name in ("Collections", "EndorsementInfo", "ValidationInfo")}
    hidden = {read.key for read in touched["_lifecycle"].reads}
    assert fields | {"namespaces/metadata/ledger"} <= hidden, "§10, the hidden reads"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("text", "INTERNAL: write_below failed with TypeError"),
        ("private text", "INTERNAL: write_below failed with TypeError"),
        ("metadata as text", "INTERNAL: write_below failed with TypeError"),
        ("no key", "INVALID_KEY: key '' is empty"),
        ("a lone surrogate", "INTERNAL: write_below failed with UnicodeEncodeError"),
    ],
)
async def test_what_cannot_be_encoded_is_a_fault_of_the_chaincode(
    peer: Peer, what: str, message: str
) -> None:
    result, simulator = await peer.run("ledger", "write_below", what)
    assert result.response.message[: len(message)] == message
    assert "ledger" not in namespaces(simulator)


async def test_a_callee_writes_into_its_own_namespace_and_its_events_are_merged(peer: Peer) -> None:
    result, simulator = await peer.run("caller", "call", "ledger", "move", "1")
    assert result.response.payload == b"v"
    assert result.event is not None
    assert result.event.chaincode_id == "caller"
    assert [event.data["by"] for event in unpack(result.event.payload)] == ["caller", "caller"]
    touched = namespaces(simulator)
    assert [write.key for write in touched["ledger"].writes] == ["k"]
    assert [read.key for read in touched["_lifecycle"].reads] == ["ledger"]


async def test_a_caught_refusal_of_a_callee_leaves_no_write_of_it(peer: Peer) -> None:
    result, simulator = await peer.run("caller", "forgive")
    assert result.response.payload == b"403 NO"
    assert namespaces(simulator).keys() == {"_lifecycle"}


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        pytest.param(("ledger", "refuse", "1"), 403, "NO: not today", id="in the callee's words"),
        pytest.param(
            ("ledger", "move", "2"),
            500,
            "READ_AFTER_CALLEE_WRITE: chaincode 'ledger' reads key 'k'",
            id="a second call reads what the first wrote",
        ),
        pytest.param(
            ("caller", "call", "1"), 500, "RECURSIVE_CALL: chaincode 'caller'", id="recursion"
        ),
        pytest.param(
            ("absent", "f", "1"), 404, "UNKNOWN_CHAINCODE: chaincode 'absent' is", id="unknown"
        ),
        pytest.param(
            ("ledger/elsewhere", "f", "1"),
            500,
            "OTHER_CHANNEL: failed to find ledger for channel: elsewhere",
            id="on a channel that is not here",
        ),
        pytest.param(
            ("absent/bonds", "f", "1"), 404, "UNKNOWN_CHAINCODE: ", id="unknown on that channel"
        ),
        pytest.param(
            ("ledger:1.0/securities", "refuse", "1"), 403, "NO", id="named with its channel 9.3"
        ),
        pytest.param(
            ("unapproved", "f", "1"),
            500,
            "CHAINCODE_NOT_AVAILABLE: this organisation approved no package",
            id="not approved",
        ),
        pytest.param(
            ("missing", "f", "1"),
            500,
            "CHAINCODE_NOT_AVAILABLE: chaincode package missing:00 is not installed",
            id="not installed",
        ),
    ],
)
async def test_a_call_that_fails_fails_the_caller(
    peer: Peer, args: tuple[str, ...], status: int, message: str
) -> None:
    peer.package_ids |= {"unapproved": None, "missing": "missing:00"}
    result, _ = await peer.run("caller", "call", *args)
    assert (result.response.status, result.response.message[: len(message)]) == (status, message)
    assert result.event is None


async def test_a_callee_on_another_channel_only_answers(tmp_path: Path) -> None:
    """§9.3: nothing of it is recorded, so that the second call reads what the first one read."""
    peer = Peer(tmp_path, rows=("k",))
    result, simulator = await peer.run("caller", "call", "ledger/bonds", "move", "2")
    assert (result.response.status, result.response.payload) == (200, b"vold")
    assert result.event is not None
    assert [event.data["by"] for event in unpack(result.event.payload)] == ["caller"]
    assert namespaces(simulator) == {}


async def test_a_callee_must_have_been_initialised(tmp_path: Path) -> None:
    """§9.2."""
    peer = Peer(tmp_path, init_required=frozenset({"ledger"}))
    result, _ = await peer.run("caller", "call", "ledger", "move", "1")
    assert result.response.status == 500
    assert "has not been initialized for this version" in result.response.message


async def test_a_package_that_is_not_installed_is_named(peer: Peer) -> None:
    peer.package_ids["ghost"] = "ghost:00"
    result, _ = await peer.run("ghost", "f")
    assert result.response.status == 500
    assert result.response.message == (
        "CHAINCODE_NOT_AVAILABLE: chaincode package ghost:00 is not installed on this peer"
    )
