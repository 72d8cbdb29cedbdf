"""What a contract that means harm does before it serves a call, as it is imported (§9.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.unit.runtime.conftest import Peer

from tallystick.chaincode.package import build_package
from tallystick.node.runtime.shim_errors import ShimError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

STEADY = """
from tallystick.chaincode import Context, Contract, transaction

class Steady(Contract):
    name = "steady"

    @transaction
    def move(self, ctx: Context, key: str, value: str) -> str:
        ctx.state.put(key, value.encode())
        return value
"""
EARLY = """
import importlib
from tallystick.chaincode import Context, Contract, transaction
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
os, sys = importlib.import_module("os"), importlib.import_module("sys")

def say(**fields):
    content = ChaincodeMessage(**fields).SerializeToString()
    link = int(sys.argv[sys.argv.index("--descriptor") + 1])
    os.write(link, len(content).to_bytes(4, "big") + content)

def spin():
    while True:
        pass

{deed}

class Early(Contract):
    name = "early"

    @transaction
    def go(self, ctx: Context) -> str:
        return "went"
"""
START_TIMEOUT_S = 4.0
NOT_REGISTERED = f"it has not registered within {START_TIMEOUT_S:g} s"


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        pytest.param("spin()", NOT_REGISTERED, id="it loops"),
        pytest.param("importlib.import_module('time').sleep(60)", NOT_REGISTERED, id="it waits"),
        pytest.param("os._exit(3)", "its process ended with status 3", id="it ends"),
        pytest.param("os.fork()", "Operation not permitted", id="it forks"),
        pytest.param(
            "importlib.import_module('threading').Thread(target=spin).start()",
            "can't start new thread",
            id="it starts a thread",
        ),
        pytest.param(
            "say(type=1, payload=b'\\x12\\x08steady:1')",
            "chaincode registers as 'steady:1'",
            id="it registers as another one",
        ),
        pytest.param(
            "say(type=6, txid='t1', channel_id='securities')",
            "the chaincode must register first",
            id="it answers before it was asked",
        ),
        pytest.param(
            "print('well\\n2026-01-01 ERROR all is lost', flush=True); os._exit(1)",
            ": well\n  | 2026-01-01 ERROR all is lost",
            id="it writes what looks like its peer's log",
        ),
    ],
)
async def test_who_does_harm_at_its_start_is_not_started_again_before_the_next_call(
    tmp_path: Path, deed: str, told: str
) -> None:
    peer = Peer(tmp_path, STEADY, {"steady": "acme:Steady"}, start_timeout_s=START_TIMEOUT_S)
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "early.py").write_text(EARLY.replace("{deed}", deed))
    peer.install("early", build_package("early", "early:Early", tmp_path / "early"))
    async with peer.runtime:
        await peer.answer("steady", "move", "k", "v")
        steady = [child.pid for child in psutil.Process().children()]

        async with asyncio.TaskGroup() as tasks:
            calling = tasks.create_task(failure_of(peer))
            while not calling.done():
                assert await peer.answer("steady", "move", "k", "v") == "v"

        assert told in calling.result(), calling.result()
        async with asyncio.timeout(10):
            while [child.pid for child in psutil.Process().children()] != steady:
                await peer.answer("steady", "move", "k", "v")
        assert told in await failure_of(peer), "at the next call it is tried again"


async def failure_of(peer: Peer) -> str:
    with pytest.raises(ShimError) as raised:
        await peer.run("early", "go")
    return str(raised.value)
