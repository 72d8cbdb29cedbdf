"""What a contract that means harm does to others, and what it leaves behind: nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.unit.runtime.conftest import TIMEOUT_S, Peer
from tests.unit.runtime.hostile import DENIED, FAILED, SOURCE, STOPPED

from tallystick.node.ledger.range_query import RangeQuery
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.shim_errors import ShimError
from tallystick.node.runtime.shim_handler import StreamTransaction
from tallystick.node.runtime.shim_link import SocketLink
from tallystick.node.runtime.shim_requests import RunningCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.slow

GONE_WITHIN_S = 10.0
HELD_FOR_CALLS = (Simulator, RangeQuery, RunningCall, StreamTransaction, SocketLink)


def footprint() -> Counter[str]:
    """Return how much of everything this process holds that contracts could make it hold."""
    me = psutil.Process()
    return (
        open_descriptors()
        + held_for_calls()
        + Counter(
            processes=len(me.children(recursive=True)),
            threads=me.num_threads(),
            tasks=len(asyncio.all_tasks()),
            files=sum(1 for _ in Path(tempfile.gettempdir()).rglob("*")),
        )
    )


def open_descriptors() -> Counter[str]:
    """Return how many descriptors of each kind are open: sockets, pipes, files by their path."""
    found: Counter[str] = Counter()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one by which the folder is read
            found[str(entry.readlink()).partition(":")[0]] += 1
    return found


def held_for_calls() -> Counter[str]:
    """Return how many simulators, iterators and the like there are."""
    gc.collect()
    return Counter(
        type(one).__name__ for one in gc.get_objects() if isinstance(one, HELD_FOR_CALLS)
    )


async def check_nothing_left(peer: Peer, before: Counter[str]) -> None:
    """Fail unless this process soon holds no more than before; what an earlier test left may go."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GONE_WITHIN_S):
            while footprint() - before:
                await peer.answer("steady", "move", "k", "v")
    assert footprint() - before == Counter()


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
            assert await peer.answer("steady", "move", "k", "v") == "", "its own answer"
            slowest = max(slowest, loop.time() - began)
    assert slowest < TIMEOUT_S / 2, f"a call of another package took {slowest:.1f} s"
    return doing.result()


@pytest.mark.parametrize("deed", STOPPED + FAILED + DENIED)
async def test_a_deed_harms_no_other_package_and_leaves_nothing(peer: Peer, deed: str) -> None:
    """§9.2."""
    before, memory = footprint(), psutil.Process().memory_info().rss

    assert await while_others_answer(peer, deed) == (500 if deed in DENIED else 0)

    assert await peer.answer("hostile", "move", "k", "v") == ""
    await check_nothing_left(peer, before)
    assert psutil.Process().memory_info().rss - memory < 300 * 2**20


async def test_a_call_that_answers_and_goes_on_is_stopped_all_the_same(peer: Peer) -> None:
    def process_of_hostile() -> int:
        found = []
        for one in psutil.Process().children():
            with suppress(psutil.ZombieProcess):  # of an earlier test, about to be reaped
                if "hostile" in one.cmdline()[-1]:
                    found.append(one.pid)
        [busy] = found
        return busy

    before, pid = footprint(), process_of_hostile()

    answer = (await peer.run("hostile", "do", "answers itself"))[0].response.payload

    assert answer == b"forged", "it may answer as it likes"
    async with asyncio.timeout(20):
        while psutil.pid_exists(pid):
            assert await peer.answer("steady", "move", "k", "v") == ""
    assert await peer.answer("hostile", "move", "k", "v") == ""
    await check_nothing_left(peer, before)


async def test_it_reads_nothing_of_its_peer(peer: Peer) -> None:
    keys = peer.directory / "keys"
    keys.mkdir()
    (keys / "server.key").write_text("secret")
    places = (
        *(keys, keys / "server.key", peer.directory, peer.directory / "installed"),
        *(Path(tempfile.gettempdir()), Path("/etc/passwd"), Path("/root"), Path("/home")),
        *(Path(f"/proc/{os.getpid()}") / name for name in ("maps", "cmdline", "status", "cwd")),
        Path("/proc"),
    )
    for place in places:
        result, _ = await peer.run("hostile", "read", str(place))
        assert result.response.status == 500, place
        assert "PermissionError" in result.response.message, place
    assert await peer.answer("hostile", "read", "/dev/urandom") == "", "it can read at all"


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
