"""A process that is to be replaced, and the calls that run in it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import TYPE_CHECKING

from tallystick.chaincode.testing import make_client
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState
from tallystick.node.runtime.connection import (
    CallRules,
    ChaincodeConnection,
    Endpoint,
    Reached,
)
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_link import Link, Take
from tallystick.node.runtime.shim_stream import ShimStream
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import pytest

    from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification

PACKAGE = "cc:00"
MAX_CPU_S = 9.0
PATIENCE_S = 60.0


class Process(Link):
    """Answers its calls when it is told to."""

    answers_writes = True

    def __init__(self) -> None:
        self.used_s = 0.0
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()
        self._calls: list[str] = []
        self._take: Take | None = None

    def send(self, message: ChaincodeMessage) -> None:
        if message.type == ChaincodeMessage.TRANSACTION:
            self._calls.append(message.txid)
            self.asked.set()

    def end(self) -> None:
        self.ended.set()

    async def receive_all(self, take: Take) -> None:
        self._take = take
        name = ChaincodeID(name=PACKAGE).SerializeToString()
        take(ChaincodeMessage(type=ChaincodeMessage.REGISTER, payload=name))
        await self.ended.wait()

    def answer(self) -> None:
        assert self._take is not None
        payload = Response(status=200).SerializeToString()
        done = ChaincodeMessage(type=ChaincodeMessage.COMPLETED, payload=payload, channel_id="ch")
        for done.txid in self._calls:
            self._take(done)


class Machine(Endpoint):
    """Starts processes, one after another."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[Process] = asyncio.Queue()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Reached]:
        process = Process()
        self.started.put_nowait(process)
        yield Reached(process, asyncio.Future, lambda: process.used_s, MAX_CPU_S)


class NoHistory:
    def modifications(self, _namespace: str, _key: str) -> Iterator[KeyModification]:
        return iter(())


class NoCallees(ChaincodeRuntime):
    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        raise AssertionError(f"{invocation.chaincode} calls nobody, nor {package_id}")


def invocation(transaction_id: str) -> Invocation:
    return Invocation(
        channel_id="ch",
        transaction_id=transaction_id,
        chaincode="cc",
        args=[b"f"],
        is_init=False,
        transient={},
        creator=make_client("BrokerMSP", "alice").creator,
        timestamp_ns=7,
        entry_chaincode="cc",
        signed_proposal=SignedProposal(),
        simulator=Simulator(LedgerState(MemoryStore()), NoHistory(), transaction_id),
        resolve=lambda _: None,
    )


async def test_its_calls_end_while_the_next_ones_get_a_new_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallystick.node.runtime.connection._IDLE_CHECK_S", 0.02)
    machine = Machine()
    rules = CallRules(timeout_s=PATIENCE_S, start_timeout_s=PATIENCE_S)
    connection = ChaincodeConnection(
        PACKAGE, machine, rules, callees=NoCallees(), backoff=Backoff(Random(1))
    )
    async with asyncio.timeout(PATIENCE_S), supervised_tasks() as tasks:
        keeping = tasks.create_task(connection.keep())
        earlier = tasks.create_task(connection.execute(invocation("earlier")))
        worn = await machine.started.get()
        await worn.asked.wait()
        worn.used_s = MAX_CPU_S + 1
        fresh = await machine.started.get()
        later = tasks.create_task(connection.execute(invocation("later")))
        await fresh.asked.wait()
        assert not worn.ended.is_set()
        worn.answer()
        fresh.answer()
        assert {(await each).response.status for each in (earlier, later)} == {200}
        await worn.ended.wait()
        assert not fresh.ended.is_set()
        keeping.cancel()


async def test_a_call_that_its_client_gave_up_holds_it_no_longer_than_it_runs() -> None:
    process, ready = Process(), asyncio.Event()
    stream = ShimStream(PACKAGE, process, 10.0, NoCallees(), ends_on_overrun=True)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(stream.converse(ready.set))
        await ready.wait()
        given_up = tasks.create_task(stream.execute(invocation("given up")))
        await process.asked.wait()
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        stream.retire("another call took too long")
        drained = tasks.create_task(stream.drained())
        process.answer()
        await drained
        assert not process.ended.is_set(), "whoever waits for that ends it"
        stream.end()
