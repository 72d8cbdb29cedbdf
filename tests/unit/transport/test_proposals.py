"""Proposals to another peer on one stream, against servers that know such streams and others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from unittest.mock import MagicMock
from weakref import WeakSet

import grpc
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from tests.traces import collecting

from tallystick.node.transport import proposals
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.node.transport.ports import LOCAL_CALLER, Caller
from tallystick.node.transport.proposals import METHOD, SERVICE, StreamingEndorser
from tallystick.node.transport.remote import ENDED_EARLY
from tallystick.node.transport.server import (
    ServicerContext,
    add_stream_services,
    new_server,
    serving,
)
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered, ProposalAsked, Refusal

REFUSED = Refusal(code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], details="too many")


def proposal(word: bytes) -> SignedProposal:
    return SignedProposal(proposal_bytes=word)


@dataclass
class FakePeer(peer_pb2_grpc.EndorserServicer):
    """Repeats the word of a proposal; what a call of Fabric's answers is in capitals.

    Attributes:
        later: Whether an answer comes only behind the next one.
        ends_before: Whether the stream ends instead of an answer.
        says: What it says besides, or instead; None for the answer alone.
    """

    later: Callable[[bytes], bool] = lambda _: False
    ends_before: Callable[[bytes], bool] = lambda _: False
    says: Callable[[ProposalAsked], bytes | None] = lambda _: None
    received: list[bytes] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    streams: int = 0

    async def endorse(
        self,
        requests: AsyncIterator[bytes],
        caller: Caller,  # noqa: ARG002
    ) -> AsyncIterator[bytes]:
        self.streams += 1
        held: list[bytes] = []
        async for request in requests:
            asked = ProposalAsked.FromString(request)
            word = asked.proposal.proposal_bytes
            if asked.given_up:
                self.given_up.append(asked.number)
                continue
            self.received.append(word)
            if self.ends_before(word):
                return
            answer = self.says(asked)
            if answer is None:
                response = ProposalResponse(payload=word)
                answer = ProposalAnswered(
                    number=asked.number, response=response
                ).SerializeToString()
            if self.later(word):
                held.append(answer)
                continue
            yield answer
            while held:
                yield held.pop()

    async def ProcessProposal(  # noqa: N802
        self,
        request: SignedProposal,
        context: object,  # noqa: ARG002
    ) -> ProposalResponse:
        return ProposalResponse(payload=request.proposal_bytes.upper())


class UpgradedPeer(grpc.GenericRpcHandler):
    """The streams of a peer that learns them while its connection stands."""

    def __init__(self, peer: FakePeer, ends_with: grpc.StatusCode | None = None) -> None:
        self.peer = peer
        self.knows_streams = ends_with is not None
        self.ends_with = ends_with

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        if not self.knows_streams or handler_call_details.method != f"/{SERVICE}/{METHOD}":
            return None
        return cast(
            "grpc.RpcMethodHandler[bytes, bytes]",
            grpc.stream_stream_rpc_method_handler(self._endorse),
        )

    async def _endorse(
        self, requests: AsyncIterator[bytes], context: ServicerContext
    ) -> AsyncIterator[bytes]:
        async for answer in self.peer.endorse(requests, LOCAL_CALLER):
            yield answer
        if self.ends_with is not None:
            await context.abort(self.ends_with, "a minute is over")


@asynccontextmanager
async def connected(
    peer: FakePeer, *, knows_streams: bool | UpgradedPeer = True
) -> AsyncIterator[StreamingEndorser]:
    server = new_server()
    peer_pb2_grpc.add_EndorserServicer_to_server(peer, server)
    if isinstance(knows_streams, UpgradedPeer):
        server.add_generic_rpc_handlers((knows_streams,))
    elif knows_streams:
        add_stream_services(server, SERVICE, {METHOD: peer.endorse})
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(server, "127.0.0.1:0", tls=None, grace_s=0))
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        endorser = StreamingEndorser(pool.channel(f"127.0.0.1:{port}", None), tasks)
        stack.callback(endorser.close)
        yield endorser


async def answers(endorser: StreamingEndorser, *words: bytes) -> list[bytes]:
    calls = [endorser.process_proposal(proposal(word)) for word in words]
    return [response.payload for response in await asyncio.gather(*calls)]


async def failure(endorser: StreamingEndorser, word: bytes) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await endorser.process_proposal(proposal(word))
    return caught.value.code(), caught.value.details()


async def test_proposals_share_one_stream_and_each_gets_its_own_answer_in_whatever_order() -> None:
    peer = FakePeer(later=lambda word: word in {b"a", b"b"})
    async with connected(peer) as endorser:
        assert await answers(endorser, b"a", b"b", b"c") == [b"a", b"b", b"c"]
        assert await answers(endorser, b"d") == [b"d"]
    assert peer.streams == 1


async def test_a_refusal_is_raised_as_that_of_a_call_is() -> None:
    def refuse(asked: ProposalAsked) -> bytes | None:
        if asked.proposal.proposal_bytes != b"bad":
            return None
        return ProposalAnswered(number=asked.number, refusal=REFUSED).SerializeToString()

    async with connected(FakePeer(says=refuse)) as endorser:
        refused = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many")
        assert await failure(endorser, b"bad") == refused
        assert await answers(endorser, b"good") == [b"good"]


async def test_a_peer_that_knows_no_streams_is_called() -> None:
    async with connected(FakePeer(), knows_streams=False) as endorser:
        assert await answers(endorser, b"a", b"b") == [b"A", b"B"]
        assert await answers(endorser, b"c") == [b"C"]


@pytest.mark.parametrize(
    ("asked_again_after_s", "second", "third"),
    [
        pytest.param(0, b"b", b"c", id="some minutes later"),
        pytest.param(300, b"B", b"C", id="within minutes"),
    ],
)
async def test_a_peer_that_has_learned_streams_is_asked_for_one_again_after_some_minutes(
    asked_again_after_s: float, second: bytes, third: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "ASKED_AGAIN_AFTER_S", asked_again_after_s)
    upgraded = UpgradedPeer(FakePeer())
    async with connected(upgraded.peer, knows_streams=upgraded) as endorser:
        assert await answers(endorser, b"a") == [b"A"]
        upgraded.knows_streams = True
        assert await answers(endorser, b"b") == [second]
        assert await answers(endorser, b"c") == [third]


async def test_a_traced_proposal_is_sent_in_a_call_of_its_own() -> None:
    peer = FakePeer()
    with collecting(ALWAYS_ON) as collected:
        async with connected(peer) as endorser:
            with collected.tracer.start_as_current_span("root"):
                assert await answers(endorser, b"traced") == [b"TRACED"]
            assert await answers(endorser, b"not") == [b"not"]
    assert peer.received == [b"not"]


async def test_a_proposal_that_no_message_may_hold_is_called_and_costs_no_other_its_answer() -> (
    None
):
    peer = FakePeer(later=lambda word: word == b"a")
    async with connected(peer) as endorser, asyncio.TaskGroup() as tasks:
        small = tasks.create_task(answers(endorser, b"a", b"b"))
        code, details = await failure(endorser, b"." * MAX_MESSAGE_BYTES)
        assert await small == [b"a", b"b"]
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in str(details)
    assert peer.received == [b"a", b"b"]


async def test_a_stream_that_ends_fails_who_waits_and_the_next_proposal_opens_another() -> None:
    peer = FakePeer(ends_before=lambda word: word == b"last")
    async with connected(peer) as endorser:
        assert await failure(endorser, b"last") == (grpc.StatusCode.UNAVAILABLE, ENDED_EARLY)
        assert await answers(endorser, b"a") == [b"a"]
    assert peer.streams == 2


async def test_who_waits_on_a_stream_closed_before_its_first_step_fails_and_another_opens() -> None:
    peer = FakePeer()
    async with connected(peer) as endorser, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(failure(endorser, b"first"))
        await asyncio.sleep(0)  # the proposal waits, and its stream has not taken a step
        endorser.close()
        assert await answers(endorser, b"a") == [b"a"]
        assert await waiting == (grpc.StatusCode.UNAVAILABLE, ENDED_EARLY)
    assert peer.streams == 1


async def test_a_peer_that_cannot_be_reached_is_unavailable() -> None:
    async with ChannelPool() as pool, supervised_tasks() as tasks:
        endorser = StreamingEndorser(pool.channel("127.0.0.1:1", None), tasks)
        code, _ = await failure(endorser, b"a")
    assert code is grpc.StatusCode.UNAVAILABLE


async def test_what_is_no_answer_ends_the_stream_and_the_proposal_is_called() -> None:
    peer = FakePeer(says=lambda _: b"\xff")
    async with connected(peer) as endorser:
        assert await answers(endorser, b"a") == [b"A"]
        assert await answers(endorser, b"b") == [b"B"]
    assert peer.streams == 2


async def test_a_proposal_on_a_stream_that_a_peer_ends_for_being_refused_is_called() -> None:
    peer = FakePeer(ends_before=lambda word: word == b"late")
    ending = UpgradedPeer(peer, ends_with=grpc.StatusCode.DEADLINE_EXCEEDED)
    async with connected(peer, knows_streams=ending) as endorser:
        assert await answers(endorser, b"in time", b"late") == [b"in time", b"LATE"]
        assert await answers(endorser, b"next") == [b"next"]
    assert peer.streams == 2


async def test_a_peer_learns_who_waits_no_more_and_an_answer_to_it_is_dropped() -> None:
    peer = FakePeer(later=lambda word: word == b"late")
    async with connected(peer) as endorser:
        assert await answers(endorser, b"first") == [b"first"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await endorser.process_proposal(proposal(b"late"))
        assert await answers(endorser, b"a", b"b") == [b"a", b"b"]
    assert peer.received == [b"first", b"late", b"a", b"b"]
    assert peer.given_up == [1]


async def test_a_proposal_that_nobody_waits_for_is_not_held_until_its_stream_flows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Asked:
        """In the place of a message, which does not say how long it lives."""

        def __init__(self, *, number: int, proposal: SignedProposal) -> None:
            self.number = number
            self.proposal = proposal
            held.add(self)

    async def take_nothing(_: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        held_while_waiting.append(len(held))
        await asyncio.Event().wait()
        yield b""

    held: WeakSet[Asked] = WeakSet()
    held_while_waiting: list[int] = []
    monkeypatch.setattr(proposals, "ProposalAsked", Asked)
    channel = MagicMock(stream_stream=lambda _: take_nothing)
    async with supervised_tasks() as tasks:
        endorser = StreamingEndorser(channel, tasks)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await endorser.process_proposal(proposal(b"a"))
        assert (held_while_waiting, len(held)) == ([1], 0)
        endorser.close()


async def test_who_waits_when_the_connection_is_closed_has_no_answer() -> None:
    arrived = asyncio.Event()

    def hold(_: bytes) -> bool:
        arrived.set()
        return True

    async with connected(FakePeer(later=hold)) as endorser, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(failure(endorser, b"late"))
        await arrived.wait()
        endorser.close()
        assert await waiting == (grpc.StatusCode.UNAVAILABLE, ENDED_EARLY)
