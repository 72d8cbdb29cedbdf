"""What a contract that means harm does to others, and what it leaves behind: nothing."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.unit.runtime.conftest import TIMEOUT_S, Peer

from tallystick.node.runtime.shim_errors import ShimError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.slow

SOURCE = """
import importlib
from tallystick.chaincode import Context, Contract, transaction
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

def module(name):
    return importlib.import_module(name)

def link():
    "Return the descriptor of the socket to the peer."
    os, stat = module("os"), module("stat")
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            pass

def push(content):
    view = memoryview(content)
    while view:
        view = view[module("os").write(link(), view):]

def frame(message):
    content = message.SerializeToString()
    return len(content).to_bytes(4, "big") + content

def deep(number):
    return deep(number + 1) + 1

def hoard():
    kept = []
    while True:
        kept.append(bytearray(1 << 26))

def threads():
    threading = module("threading")
    while True:
        threading.Thread(target=threading.Event().wait, daemon=True).start()

def stray(ctx, kind, count):
    one = frame(ChaincodeMessage(type=kind, txid="other", channel_id=ctx.stub.channel_id))
    push(one * count)
    while True:
        pass

def requests(ctx):
    one = frame(ChaincodeMessage(
        type=8, txid=ctx.stub.transaction_id, channel_id=ctx.stub.channel_id))
    while True:
        push(one * 1000)

def iterators(ctx):
    kept = []
    while True:
        kept.append(iter(ctx.state.range("", "")))
        next(kept[-1])

def callees(ctx):
    while True:
        ctx.stub.invoke_chaincode("steady", [b"move", b"k", b"v"])

def raised(error):
    raise error

class Hostile(Contract):
    name = "hostile"

    @transaction
    def move(self, ctx: Context, key: str, value: str) -> str:
        ctx.state.put(key, value.encode())
        return (ctx.stub.get_state(key) or b"").decode()

    @transaction
    def take(self, ctx: Context, seconds: int) -> str:
        module("time").sleep(seconds)
        ctx.stub.get_state("k")
        return "slow"

    @transaction
    def do(self, ctx: Context, deed: str) -> str:
        os, sys = module("os"), module("sys")
        deeds = {
            "loop": lambda: [None for _ in iter(int, 1)],
            "hoard": hoard,
            "threads": threads,
            "exit": lambda: os._exit(3),
            "abort": os.abort,
            "segfault": lambda: module("ctypes").string_at(0),
            "leave": lambda: sys.exit(0),
            "overflow": lambda: deep(0),
            "native overflow": lambda: (sys.setrecursionlimit(10**9), deep(0)),
            "interrupt": lambda: raised(KeyboardInterrupt()),
            "base exception": lambda: raised(BaseException("x")),
            "close": lambda: (os.close(link()), deeds["loop"]()),
            "garbage": lambda: (push(b"\\\\0\\\\0\\\\0\\\\5hello" * 100), deeds["loop"]()),
            "oversized": lambda: (push(b"\\\\xff" * 100_000), deeds["loop"]()),
            "half a message": lambda: (push(b"\\\\0\\\\1\\\\0\\\\0abc"), deeds["loop"]()),
            "strays": lambda: stray(ctx, 8, 5000),
            "ends": lambda: stray(ctx, 6, 5000),
            "keepalives": lambda: stray(ctx, 18, 5000),
            "registers": lambda: stray(ctx, 1, 1),
            "unknown": lambda: stray(ctx, 99, 1),
            "requests": lambda: requests(ctx),
            "iterators": lambda: iterators(ctx),
            "callees": lambda: callees(ctx),
            "large result": lambda: "x" * 200_000_000,
            "large event": lambda: ctx.stub.set_event("e", bytes(200_000_000)),
            "large write": lambda: ctx.stub.put_state("k", bytes(200_000_000)),
            "log": lambda: [print("x" * 1000) for _ in range(10_000)],
            "shared memory": lambda: shared(1 << 20),
            "mode": lambda: os.chmod(module("acme").__file__, 0),
            "child": os.fork,
            "network": lambda: module("socket").socket(),
            "raw": lambda: module("socket").socket(17, 3),
            "file": lambda: open("/dev/shm/tally-left", "w"),
            "own folder": lambda: open(os.path.join(os.getcwd(), "left"), "w"),
            "temporary": lambda: open("/tmp/tally-left", "w"),
            "ledger": lambda: os.listdir("/root"),
            "outlive": lambda: checked(module("ctypes").CDLL(None).prctl(1, 0, 0, 0, 0)),
        }
        return str(deeds[deed]())[:100]

def checked(result):
    if result < 0:
        raise PermissionError("refused")

def shared(size):
    checked(module("ctypes").CDLL(None).shmget(0, size, 0o1600))

class Steady(Hostile):
    name = "steady"
""".replace("\\\\", "\\")

STOPPED = (
    *("loop", "exit", "abort", "segfault", "native overflow", "close", "garbage"),
    *("oversized", "half a message", "strays", "ends", "keepalives", "registers", "unknown"),
    *("requests", "callees"),
)
"""Deeds that cost the process its life, or the call its answer."""

DENIED = (
    *("shared memory", "mode", "child", "network", "raw", "file", "own folder", "temporary"),
    *("ledger", "outlive", "leave", "overflow", "base exception", "iterators"),
)
"""Deeds that fail within the contract: its call answers 500."""

BOUNDED = (*("hoard", "threads", "interrupt", "large result", "large event", "large write", "log"),)
"""Deeds that may end in any way, but end."""


@dataclass(frozen=True)
class Footprint:
    """What this process holds."""

    descriptors: int
    processes: int
    threads: int
    tasks: int
    folders: int

    @classmethod
    def now(cls) -> Footprint:
        me = psutil.Process()
        return cls(
            descriptors=me.num_fds(),
            processes=len(me.children(recursive=True)),
            threads=me.num_threads(),
            tasks=len(asyncio.all_tasks()),
            folders=len(list(Path(tempfile.gettempdir()).glob("tally-*"))),
        )


@pytest.fixture
async def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Peer]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    peer = Peer(tmp_path, SOURCE, {"hostile": "acme:Hostile", "steady": "acme:Steady"})
    async with peer.runtime:
        await peer.answer("steady", "move", "k", "v")
        await peer.answer("hostile", "move", "k", "v")
        yield peer


async def outcome(peer: Peer, deed: str) -> int:
    """Return the status with which a deed ends; 0 if its call gets no answer."""
    try:
        result, _ = await peer.run("hostile", "do", deed)
    except ShimError:
        return 0
    return result.response.status


async def while_others_answer(peer: Peer, deed: str) -> int:
    """Do a deed while calls of another package run, none of which may fail or wait long."""
    loop, slowest = asyncio.get_running_loop(), 0.0
    async with asyncio.TaskGroup() as tasks:
        doing = tasks.create_task(outcome(peer, deed))
        while not doing.done():
            began = loop.time()
            await peer.answer("steady", "move", "k", "v")
            slowest = max(slowest, loop.time() - began)
    assert slowest < TIMEOUT_S / 2, f"a call of another package took {slowest:.1f} s"
    return doing.result()


@pytest.mark.parametrize("deed", STOPPED + DENIED + BOUNDED)
async def test_a_deed_harms_no_other_package_and_leaves_nothing(peer: Peer, deed: str) -> None:
    """§9.2."""
    before, memory = Footprint.now(), psutil.Process().memory_info().rss
    status = await while_others_answer(peer, deed)
    if deed not in BOUNDED:
        assert status == (0 if deed in STOPPED else 500)
    assert await peer.answer("hostile", "move", "k", "v") == ""
    async with asyncio.timeout(10):
        while Footprint.now() != before:
            await peer.answer("steady", "move", "k", "v")
    assert psutil.Process().memory_info().rss - memory < 300 * 2**20


async def test_a_call_that_overruns_lets_the_other_calls_of_its_package_end(peer: Peer) -> None:
    """§9.2."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        began = loop.time()
        looping = tasks.create_task(outcome(peer, "loop"))
        while loop.time() - began < TIMEOUT_S / 2:
            assert await peer.answer("hostile", "move", "k", "v") == "", "beside the loop"
        slow = tasks.create_task(peer.answer("hostile", "take", "2"))
        assert await looping == 0
        assert not slow.done(), "it was still at work when the other one was stopped"
        assert await peer.answer("hostile", "move", "k", "v") == "", "in a new process"
    assert slow.result() == "slow"


async def test_crashes_do_not_delay_the_calls_between_them(peer: Peer) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(5):
        assert await outcome(peer, "exit") == 0
        began = loop.time()
        assert await peer.answer("hostile", "move", "k", "v") == ""
        assert loop.time() - began < TIMEOUT_S
