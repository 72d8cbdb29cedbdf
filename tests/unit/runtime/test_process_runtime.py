"""Contracts in processes of their own: what they can do, and what hostile ones cannot."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tallystick.chaincode.package import build_package, package_id
from tallystick.chaincode.testing import make_client
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.confinement import Limits
from tallystick.node.runtime.connection import CallRules
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.process import ProcessRules
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.runtime.runtime import Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import (
    ExecutionTimeoutError,
    LaunchError,
    ShimError,
    StreamTerminatedError,
)
from tallystick.protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeSpec,
)
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from tallystick.wire.messages import timestamp_from_ns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification

pytestmark = pytest.mark.slow

ALICE = make_client("BrokerMSP", "alice")
TIMEOUT_S = 3.0
MEMORY_BYTES = 1024**3

# The check at installation would refuse much of this: isolation must not rest on it.
SOURCE = """
import importlib
from tallystick.chaincode import Context, Contract, query, transaction

def module(name):
    return importlib.import_module(name)

class Wild(Contract):
    name = "wild"

    @transaction
    def move(self, ctx: Context, key: str, value: str) -> str:
        before = ctx.state.get(key) or b""
        ctx.state.put(key, value.encode())
        return before.decode()

    @query
    def keys(self, ctx: Context) -> list[str]:
        return [key for key, value in ctx.state.range("", "")]

    @transaction
    def loop(self, ctx: Context) -> str:
        while True:
            pass

    @transaction
    def allocate(self, ctx: Context) -> str:
        hoard = []
        while True:
            hoard.append(bytearray(1 << 26))

    @transaction
    def crash(self, ctx: Context) -> str:
        module("os")._exit(3)

    @transaction
    def flood(self, ctx: Context) -> str:
        for number in range(10**9):
            ctx.stub.get_state(f"absent-{number}")

    @transaction
    def attempt(self, ctx: Context, what: str, where: str) -> str:
        os, socket = module("os"), module("socket")
        attempts = {
            "read": lambda: open(where).read(),
            "list": lambda: os.listdir(where),
            "write": lambda: open(where, "w"),
            "fork": os.fork,
            "run": lambda: module("subprocess").run(["/bin/true"]),
            "connect": lambda: socket.create_connection(("127.0.0.1", 1)),
            "listen": lambda: socket.create_server(("127.0.0.1", 0)),
            "datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "local": lambda: socket.socket(socket.AF_UNIX).connect(where),
            "kill": lambda: os.kill(int(where), 0),
            "environment": lambda: sorted(os.environ),
        }
        try:
            return repr(attempts[what]())
        except OSError as error:
            return type(error).__name__

class Caller(Contract):
    name = "caller"

    @transaction
    def call(self, ctx: Context, chaincode: str) -> str:
        ctx.state.put("mine", b"1")
        return ctx.invoke(chaincode, "move", "k", "v").decode()
"""


class NoHistory:
    def modifications(self, _namespace: str, _key: str) -> Iterator[KeyModification]:
        return iter(())


@dataclass
class Peer:
    """The runtimes of a peer, on a state with a few rows."""

    directory: Path
    package_ids: dict[str, str] = field(default_factory=dict)
    calls: int = 0

    def __post_init__(self) -> None:
        store, updates = MemoryStore(), UpdateBatch()
        for number in range(250):
            updates.put("wild", f"{number:03}", b"old", Version(1, 0))
        store.write(state_entries(updates))
        self.state = LedgerState(store)
        (self.directory / "acme.py").write_text(SOURCE)
        packages = self.directory / "installed"
        packages.mkdir()
        self.packages = PackageStore(packages)
        for name, entry in (("wild", "acme:Wild"), ("caller", "acme:Caller")):
            self.install(name, build_package(name, entry, self.directory))
        rules = RuntimeRules(
            python="process",
            calls=CallRules(timeout_s=TIMEOUT_S, start_timeout_s=20.0),
            processes=ProcessRules(Limits(MEMORY_BYTES, 60, 128, 100_000)),
        )
        self.runtime = RuntimeRegistry(self.packages, rules, Random(1))

    def install(self, name: str, package: bytes) -> None:
        """Install a package without the check that would refuse a hostile one."""
        self.package_ids[name] = package_id(package)
        self.packages._path(self.package_ids[name]).write_bytes(package)

    def resolve(self, name: str) -> ResolvedChaincode | None:
        if name not in self.package_ids:
            return None
        return ResolvedChaincode(
            name=name,
            sequence=1,
            version="1.0",
            package_id=self.package_ids[name],
            init_required=False,
            endorsement_plugin="escc",
            validation_parameter=b"",
            collections=None,
        )

    async def run(self, chaincode: str, *args: str) -> tuple[InvocationResult, Simulator]:
        self.calls += 1
        transaction_id = f"t{self.calls}"
        simulator = Simulator(self.state, NoHistory(), transaction_id)
        arguments = [arg.encode() for arg in args]
        invocation = Invocation(
            channel_id="securities",
            transaction_id=transaction_id,
            chaincode=chaincode,
            args=arguments,
            is_init=False,
            transient={},
            creator=ALICE.creator,
            timestamp_ns=7,
            entry_chaincode=chaincode,
            signed_proposal=proposal(transaction_id, chaincode, arguments),
            simulator=simulator,
            resolve=self.resolve,
        )
        return await self.runtime.execute(self.package_ids[chaincode], invocation), simulator

    async def answer(self, chaincode: str, *args: str) -> str:
        result, _ = await self.run(chaincode, *args)
        assert result.response.status == 200, result.response.message
        return result.response.payload.decode()


def proposal(transaction_id: str, chaincode: str, args: list[bytes]) -> SignedProposal:
    channel = ChannelHeader(
        type=3, channel_id="securities", tx_id=transaction_id, timestamp=timestamp_from_ns(7)
    )
    header = Header(
        channel_header=channel.SerializeToString(),
        signature_header=SignatureHeader(creator=ALICE.creator, nonce=b"n").SerializeToString(),
    )
    spec = ChaincodeSpec(chaincode_id=ChaincodeID(name=chaincode), input=ChaincodeInput(args=args))
    payload = ChaincodeProposalPayload(
        input=ChaincodeInvocationSpec(chaincode_spec=spec).SerializeToString()
    )
    content = Proposal(
        header=header.SerializeToString(), payload=payload.SerializeToString()
    ).SerializeToString()
    return SignedProposal(proposal_bytes=content)


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer(tmp_path)
    async with peer.runtime:
        yield peer


async def test_a_call_reads_and_writes_through_the_stream(peer: Peer) -> None:
    """§9.2, §9.3."""
    result, simulator = await peer.run("wild", "move", "001", "new")
    assert (result.response.status, result.response.payload) == (200, b"old")
    [namespace] = parse_results(simulator.done().public).namespaces
    assert [read.key for read in namespace.reads] == ["001"]
    assert [(write.key, write.value) for write in namespace.writes] == [("001", b"new")]


async def test_a_scan_beyond_one_batch_yields_every_row(peer: Peer) -> None:
    """§9.3."""
    assert (await peer.answer("wild", "keys")).count(",") == 249


async def test_a_callee_runs_in_its_own_process_on_the_same_simulator(peer: Peer) -> None:
    """§9.3."""
    result, simulator = await peer.run("caller", "call", "wild")
    assert result.response.status == 200, result.response.message
    writes = {
        namespace.namespace: [write.key for write in namespace.writes]
        for namespace in parse_results(simulator.done().public).namespaces
    }
    assert writes == {"caller": ["mine"], "wild": ["k"]}


async def test_an_unknown_callee_is_named(peer: Peer) -> None:
    """§9.3."""
    result, _ = await peer.run("caller", "call", "absent")
    assert result.response.status == 500
    assert "execute failed: invalid invocation" in result.response.message


@pytest.mark.parametrize("deed", ["loop", "flood"])
async def test_a_call_without_end_is_stopped_and_the_next_one_runs(peer: Peer, deed: str) -> None:
    """§9.2."""
    await peer.answer("caller", "call", "wild")  # both are up
    overrun = asyncio.create_task(peer.run("wild", deed))  # noqa: TID251
    for _ in range(3):
        result, _ = await peer.run("caller", "call", "absent")
        assert result.response.status == 500, "another chaincode answers meanwhile"
    with pytest.raises(ExecutionTimeoutError, match="timeout expired while executing transaction"):
        await overrun
    assert await peer.answer("wild", "move", "001", "x") == "old"


async def test_a_crash_fails_its_own_call_and_the_next_one_runs(peer: Peer) -> None:
    """§9.2."""
    with pytest.raises(StreamTerminatedError, match="chaincode stream terminated"):
        await peer.run("wild", "crash")
    assert await peer.answer("wild", "move", "001", "x") == "old"


async def test_memory_without_end_is_refused(peer: Peer) -> None:
    await peer.answer("caller", "call", "wild")
    result: InvocationResult | None = None
    with suppress(ShimError):  # or the process does not survive it
        result, _ = await peer.run("wild", "allocate")
    assert result is None or result.response.status == 500
    assert await peer.answer("wild", "move", "001", "x") == "old"


@pytest.mark.parametrize(
    "what", ["read", "list", "write", "fork", "run", "connect", "listen", "datagram", "local"]
)
async def test_a_contract_reaches_nothing_outside(peer: Peer, what: str) -> None:
    secret = peer.directory / "key.pem"
    secret.write_text("secret")
    where = {"list": peer.directory, "write": peer.directory / "new"}.get(what, secret)
    assert await peer.answer("wild", "attempt", what, str(where)) == "PermissionError"
    assert not (peer.directory / "new").exists()


async def test_a_contract_can_neither_signal_the_peer_nor_see_its_environment(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PEER", "1")
    pid = str(os.getpid())
    assert await peer.answer("wild", "attempt", "kill", pid) == "PermissionError"
    assert await peer.answer("wild", "attempt", "read", f"/proc/{pid}/environ") == "PermissionError"
    assert "SECRET" not in await peer.answer("wild", "attempt", "environment", "")


async def test_a_contract_that_cannot_be_imported_is_reported(peer: Peer) -> None:
    (peer.directory / "broken.py").write_text("class C:\n    pass\n")
    peer.install("broken", build_package("broken", "broken:C", peer.directory))
    with pytest.raises(LaunchError, match="not a Contract class"):
        await peer.run("broken", "f")
