"""Calls of one contract process take turns, though they run in one thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.runtime.conftest import Peer

from tallystick.node.ledger.rwset import parse_results

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SOURCE = """
import importlib
from tallystick.chaincode import Context, Contract, query, transaction

class Busy(Contract):
    name = "wild"

    @query
    def read(self, ctx: Context, key: str) -> str:
        return (ctx.state.get(key) or b"").decode()

    @query
    def compute(self, ctx: Context, rounds: int) -> int:
        total = 0
        for number in range(rounds):
            total += number
        return total

    @query
    def sleep(self, ctx: Context, seconds: float) -> str:
        importlib.import_module("time").sleep(seconds)
        return "rested"

    @transaction
    def write_many(self, ctx: Context, count: int) -> str:
        for number in range(count):
            ctx.stub.put_state(f"new-{number:05}", b"1")
        return "written"

    @transaction
    def write_where_nothing_is_defined(self, ctx: Context) -> str:
        ctx.stub.put_private_data("nowhere", "k", b"v")
        return "written"

    @query
    def ask_in_a_thread(self, ctx: Context) -> str:
        problems = []
        def ask():
            try:
                ctx.stub.get_state("001")
            except BaseException as error:
                problems.append(str(error))
        thread = importlib.import_module("threading").Thread(target=ask)
        thread.start()
        thread.join()
        return problems[0]
"""


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer(tmp_path, SOURCE, {"wild": "acme:Busy"})
    async with peer.runtime:
        await peer.answer("wild", "read", "001")  # it is up
        yield peer


async def reads_until_done(peer: Peer, work: asyncio.Task[str]) -> int:
    reads = 0
    while not work.done():
        assert await peer.answer("wild", "read", "001") == "old"
        reads += 1
    return reads


async def test_a_call_that_computes_lets_others_go_on_and_is_not_disturbed(peer: Peer) -> None:
    rounds = 8_000_000
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(peer.answer("wild", "compute", str(rounds)))
        reads = await reads_until_done(peer, work)
    assert work.result() == str(rounds * (rounds - 1) // 2)
    assert reads >= 2, "each of them from its beginning to its end"


async def test_a_call_that_sleeps_lets_others_go_on(peer: Peer) -> None:
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(peer.answer("wild", "sleep", "2"))
        reads = await reads_until_done(peer, work)
    assert work.result() == "rested"
    assert reads >= 2, "each of them from its beginning to its end"


async def test_more_calls_than_run_at_a_time_are_all_answered(peer: Peer) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(peer.answer("wild", "read", "001")) for _ in range(600)]
    assert {call.result() for call in calls} == {"old"}


async def test_writes_that_fill_several_batches_arrive_whole(peer: Peer) -> None:
    result, simulator = await peer.run("wild", "write_many", "2500")
    assert result.response.payload == b"written"
    [namespace] = parse_results(simulator.done().public).namespaces
    assert [write.key for write in namespace.writes] == [f"new-{n:05}" for n in range(2500)]


async def test_a_call_whose_writes_are_refused_fails_and_says_why(peer: Peer) -> None:
    result, _ = await peer.run("wild", "write_where_nothing_is_defined")
    assert result.response.status == 500
    assert "collection securities/wild/nowhere could not be found" in result.response.message
    assert not result.response.payload


async def test_a_thread_of_a_contract_cannot_ask_in_its_place(tmp_path: Path) -> None:
    peer = Peer(tmp_path, SOURCE, {"wild": "acme:Busy"}, confined=False)  # else it gets no thread
    async with peer.runtime:
        assert await peer.answer("wild", "ask_in_a_thread") == (
            "REQUEST_REFUSED: a contract's own threads cannot ask the peer"
        )
