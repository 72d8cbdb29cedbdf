"""Calls that are opened and say nothing: they end, and keep nobody out who speaks."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import grpc
import pytest

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.grpc_adapter import EndorserServicer
from tallystick.node.endorsement.streams import EndorsementStreams
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.node.transport.ports import Caller
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered, ProposalAsked

ECHO: Final = "/test.Stream/Echo"
ENDORSE: Final = "/tallystick.Endorsement/Endorse"
PROPOSAL: Final = "/protos.Endorser/ProcessProposal"
PLACES: Final = 20
SILENT: Final = PLACES // 2
SOON_S: Final = 2.0

Stream = grpc.aio.StreamStreamCall[bytes, bytes]


async def echo(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
    assert caller.address
    async for request in requests:
        yield request


async def process(signed: SignedProposal) -> ProposalResponse:
    """Refuse a stranger, and answer a member; of a channel that is not here, both alike."""
    if signed.proposal_bytes == b"endless":
        await asyncio.Event().wait()
    if signed.proposal_bytes == b"stranger":
        raise ProposalRefusedError("access denied")
    status = 500 if signed.proposal_bytes == b"no channel" else 200
    return ProposalResponse(response=Response(status=status))


@asynccontextmanager
async def channel_to(calls: OpenCalls) -> AsyncIterator[grpc.aio.Channel]:
    server = new_server(calls=calls)
    add_stream_services(server, "test.Stream", {"Echo": echo}, calls)
    streams = EndorsementStreams(process)
    add_stream_services(server, "tallystick.Endorsement", {"Endorse": streams.endorse}, calls)
    peer_pb2_grpc.add_EndorserServicer_to_server(EndorserServicer(process), server)
    async with (
        asyncio.timeout(20),
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


def silent_stream(channel: grpc.aio.Channel) -> Stream:
    return channel.stream_stream(ECHO)()


def silent_proposal(channel: grpc.aio.Channel) -> "grpc.aio.StreamUnaryCall[bytes, bytes]":
    """Call a method with a single request as if it took a stream: the request does not come."""
    return channel.stream_unary(PROPOSAL)()


async def until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - what is counted lets nobody know
        await asyncio.sleep(0.01)


async def says(stream: Stream, word: bytes) -> object:
    await stream.write(word)
    return await stream.read()


@pytest.mark.parametrize("opened", [silent_stream, silent_proposal])
async def test_a_call_that_says_nothing_ends_after_a_while(
    opened: Callable[[grpc.aio.Channel], "grpc.aio.Call"],
) -> None:
    calls = OpenCalls(PLACES, patience_s=SOON_S)
    async with channel_to(calls) as channel:
        call = opened(channel)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await call.details() == (
            "no message that is not refused came within 2 s; nothing was done: open a call when"
            " there is something to send"
        )
        await until(lambda: calls.open == 0)


@pytest.mark.parametrize("opened", [silent_stream, silent_proposal])
async def test_a_flood_of_silent_calls_ends_itself_and_keeps_nobody_out(
    opened: Callable[[grpc.aio.Channel], "grpc.aio.Call"],
) -> None:
    calls = OpenCalls(PLACES)
    async with channel_to(calls) as channel:
        flood = []
        for number in range(3 * PLACES):
            flood.append(opened(channel))
            await until(lambda: calls.silent == min(SILENT, len(flood)))
            if number >= SILENT:  # the oldest goes
                assert await flood[-1 - SILENT].code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await says(silent_stream(channel), b"hello") == b"hello"
        stub = peer_pb2_grpc.EndorserStub(channel)
        assert (await stub.ProcessProposal(SignedProposal())).response.status == 200
        assert not any(call.done() for call in flood[-SILENT + 1 :])
        await asyncio.gather(*map(cancelled, flood))
        await until(lambda: calls.silent == 0)


async def cancelled(call: "grpc.aio.Call") -> None:
    call.cancel()
    await call.code()


async def test_who_has_spoken_may_be_silent_for_as_long_as_it_likes() -> None:
    calls = OpenCalls(PLACES, patience_s=SOON_S)
    async with channel_to(calls) as channel:
        spoke = silent_stream(channel)
        assert await says(spoke, b"first") == b"first"
        later = silent_stream(channel)
        assert await later.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await says(spoke, b"second") == b"second"


async def test_a_call_that_ends_without_its_request_gives_its_place_back() -> None:
    calls = OpenCalls(PLACES)
    async with channel_to(calls) as channel:
        call = silent_proposal(channel)
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.INTERNAL
        assert await call.details() == "the call ended without its request"
        await until(lambda: calls.open == 0)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"proposal": SignedProposal(proposal_bytes=b"stranger")}, id="refused"),
        pytest.param({"proposal": SignedProposal(proposal_bytes=b"no channel")}, id="not here"),
        pytest.param({"given_up": True}, id="given up"),
    ],
)
async def test_a_stream_of_proposals_on_which_nothing_was_done_ends_like_a_silent_one(
    message: dict[str, Any],
) -> None:
    async with channel_to(OpenCalls(PLACES, patience_s=SOON_S)) as channel:
        stream: Stream = channel.stream_stream(ENDORSE)()
        await stream.write(ProposalAsked(**message).SerializeToString())
        with suppress(grpc.aio.AioRpcError):
            while await stream.read() is not grpc.aio.EOF:
                pass
        assert await stream.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_one_good_proposal_lets_a_stream_outlast_those_that_are_refused() -> None:
    calls = OpenCalls(PLACES, patience_s=SOON_S)
    async with channel_to(calls) as channel:
        stream: Stream = channel.stream_stream(ENDORSE)()
        for word in (b"stranger", b"member", b"stranger"):
            asked = ProposalAsked(number=1, proposal=SignedProposal(proposal_bytes=word))
            answered = await says(stream, asked.SerializeToString())
            assert isinstance(answered, bytes)
            assert ProposalAnswered.FromString(answered).HasField("refusal") == (word != b"member")
        assert calls.silent == 0
        silent = silent_stream(channel)
        assert await silent.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert not stream.done()


async def test_a_node_whose_places_are_all_taken_says_so() -> None:
    calls = OpenCalls(SILENT)
    async with channel_to(calls) as channel:
        assert not calls.problem()
        for number in range(SILENT):
            assert await says(silent_stream(channel), b"%d" % number) == b"%d" % number
        assert calls.open == SILENT
        assert "connections.max_concurrent_calls" in calls.problem()


async def test_a_stream_that_is_cut_with_a_proposal_in_work_leaves_nothing_behind() -> None:
    calls = OpenCalls(PLACES)
    asked = ProposalAsked(number=1, proposal=SignedProposal(proposal_bytes=b"endless"))
    async with channel_to(calls) as channel:
        stream: Stream = channel.stream_stream(ENDORSE)()
        await stream.write(asked.SerializeToString())
        await until(lambda: calls.open == 1 and calls.silent == 0)
        stream.cancel()
        await until(lambda: calls.open == 0)
        assert calls.silent == 0


@pytest.fixture
def left_of_calls() -> Iterator[Callable[[], list[object]]]:
    """Keep the garbage collector away; yield a function that returns what calls left in memory."""

    def found() -> list[object]:
        kinds = ("OpenCall", "_ServicerContext")
        return [each for each in gc.get_objects() if type(each).__name__ in kinds]

    gc.collect()
    gc.disable()
    before = found()  # what other tests keep; held, so that nothing else gets an address of theirs
    yield lambda: [each for each in found() if not any(each is other for other in before)]
    gc.enable()


async def test_nothing_of_a_call_that_ended_waits_for_the_garbage_collector(
    left_of_calls: Callable[[], list[object]],
) -> None:
    calls = OpenCalls(PLACES, patience_s=SOON_S)
    async with channel_to(calls) as channel:
        stream = silent_stream(channel)
        assert await says(stream, b"hello") == b"hello"
        await stream.done_writing()
        assert await stream.code() is grpc.StatusCode.OK
        stub = peer_pb2_grpc.EndorserStub(channel)
        assert (await stub.ProcessProposal(SignedProposal())).response.status == 200
        with pytest.raises(grpc.aio.AioRpcError, match="access denied"):
            await stub.ProcessProposal(SignedProposal(proposal_bytes=b"stranger"))
        await cancelled(silent_stream(channel))
        assert await silent_stream(channel).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: calls.open == 0)
        await until(lambda: not left_of_calls())
