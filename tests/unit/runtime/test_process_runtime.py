"""Contracts in processes of their own: what they can do, and what hostile ones cannot."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.runtime.conftest import Peer

from tallystick.chaincode.package import build_package
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.runtime.shim_errors import (
    ExecutionTimeoutError,
    LaunchError,
    ShimError,
    StreamTerminatedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tallystick.node.runtime.runtime import InvocationResult

pytestmark = pytest.mark.slow

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

    @query
    def fail(self, ctx: Context, problem: str) -> str:
        raise ValueError(problem)

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


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer(tmp_path, SOURCE, {"wild": "acme:Wild", "caller": "acme:Caller"})
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
async def test_a_contract_that_never_ends_is_stopped(
    outcome: Outcome, peer: Peer, deed: str
) -> None:
    """§9.2."""
    await peer.answer("caller", "call", "wild")  # both are up
    overrun = asyncio.create_task(peer.run("wild", deed))  # noqa: TID251
    for _ in range(3):
        result, _ = await peer.run("caller", "call", "absent")
        assert result.response.status == 500, "another chaincode answers meanwhile"
    with outcome.refuses(
        ExecutionTimeoutError,
        leaves=State("what is committed is as it was", peer.committed),
        match="timeout expired while executing transaction",
    ):
        await overrun
    assert await peer.answer("wild", "move", "001", "x") == "old"


async def test_a_contract_that_crashes_fails_its_own_call(outcome: Outcome, peer: Peer) -> None:
    """§9.2."""
    with outcome.refuses(
        StreamTerminatedError,
        leaves=State("what is committed is as it was", peer.committed),
        match="chaincode stream terminated",
    ):
        await peer.run("wild", "crash")
    assert await peer.answer("wild", "move", "001", "x") == "old"


async def test_the_traceback_of_a_defect_gets_into_the_peers_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer(tmp_path, SOURCE, {"wild": "acme:Wild"})
    async with peer.runtime:
        result, _ = await peer.run("wild", "fail", "no such\nWARNING all is well")
    assert result.response.status == 500
    assert "acme.py" in caplog.text, "it says where"
    assert "\n  | WARNING all is well" in caplog.text, "no line passes for one of the peer's"


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


async def test_a_contract_that_cannot_be_imported_is_reported(outcome: Outcome, peer: Peer) -> None:
    (peer.directory / "broken.py").write_text("class C:\n    pass\n")
    peer.install("broken", build_package("broken", "broken:C", peer.directory))
    with outcome.refuses(
        LaunchError,
        leaves=State("what is committed is as it was", peer.committed),
        match="not a Contract class",
    ):
        await peer.run("broken", "f")
