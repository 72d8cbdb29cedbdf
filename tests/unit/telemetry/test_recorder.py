"""What is recorded, and what is not."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeAlias

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, StatusCode
from tests.traces import Collected, collecting

from tallystick.client.tracing import trace_headers
from tallystick.node.observability.context import log_about
from tallystick.node.telemetry import recorder, spans
from tallystick.node.transport.remote import RemoteEndorser
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.gateway.gateway_pb2 import (
    CommitStatusRequest,
    SignedCommitStatusRequest,
    SubmitRequest,
    SubmitResponse,
)
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SAMPLED = ("traceparent", f"00-{TRACE}-{CALLER}-01")
NOT_SAMPLED = ("traceparent", f"00-{TRACE}-{CALLER}-00")
Handlers: TypeAlias = dict[str, "grpc.RpcMethodHandler[Any, Any]"]
Streams: TypeAlias = "grpc.aio.StreamStreamMultiCallable[bytes, bytes]"

PATIENCE_S = 60.0

GATEWAY, ENDORSER = "gateway.Gateway", "protos.Endorser"


async def submit(request: SubmitRequest, _: object) -> SubmitResponse:
    log_about(channel="market", transaction_id=request.transaction_id)
    with spans.span("inside"):
        await asyncio.sleep(0)
    return SubmitResponse()


async def commit_status(_: SignedCommitStatusRequest, __: object) -> SubmitResponse:
    return SubmitResponse()


async def refuse(_: SubmitRequest, context: grpc.aio.ServicerContext[object, object]) -> object:
    await context.abort(grpc.StatusCode.ABORTED, "the price 42 is too high")


async def endorse(_: SignedProposal, __: object) -> ProposalResponse:
    return ProposalResponse()


async def stream(requests: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
    async for request in requests:
        with spans.span("message"):
            yield request


@pytest.fixture
async def address(collected: Collected) -> AsyncIterator[str]:
    """Where a server answers whose calls are recorded."""
    server = new_server()
    unary = grpc.unary_unary_rpc_method_handler
    encode = SubmitResponse.SerializeToString
    gateway: Handlers = {
        "Submit": unary(submit, SubmitRequest.FromString, encode),
        "CommitStatus": unary(commit_status, SignedCommitStatusRequest.FromString, encode),
        "Refuse": unary(refuse, SubmitRequest.FromString, encode),
    }
    endorser: Handlers = {
        "ProcessProposal": unary(
            endorse, SignedProposal.FromString, ProposalResponse.SerializeToString
        ),
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
    }
    for service, methods in ((GATEWAY, gateway), (ENDORSER, endorser)):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    assert not collected.spans
    async with serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port:
        yield f"127.0.0.1:{port}"


async def call(
    address: str, method: str, request: bytes, *metadata: tuple[str, str]
) -> grpc.StatusCode:
    async with grpc.aio.insecure_channel(address) as channel:
        called: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{method}")
        return await called(request, metadata=metadata).code()


def submission(transaction_id: str = "t1") -> bytes:
    return SubmitRequest(transaction_id=transaction_id).SerializeToString()


async def test_a_call_goes_on_with_the_trace_of_its_client(
    address: str, collected: Collected
) -> None:
    await call(address, f"{GATEWAY}/Submit", submission(), SAMPLED)
    (submitted,) = collected.named("gateway.Gateway/Submit")
    (inside,) = collected.named("inside")
    assert submitted.parent is not None
    assert submitted.parent.span_id == int(CALLER, 16)
    assert submitted.context is not None
    assert submitted.context.trace_id == int(TRACE, 16)
    assert submitted.kind is SpanKind.SERVER
    assert inside.parent == submitted.context
    assert submitted.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "gateway.Gateway",
        "rpc.method": "Submit",
        "rpc.grpc.status_code": 0,
        "tallystick.channel": "market",
        "tallystick.transaction_id": "t1",
    }


async def test_calls_of_a_client_without_traces_belong_to_one_by_their_transaction(
    address: str, collected: Collected
) -> None:
    await call(address, f"{GATEWAY}/Submit", submission("t1"))
    await call(address, f"{GATEWAY}/Submit", submission("t1"))
    signed = SignedCommitStatusRequest(
        request=CommitStatusRequest(transaction_id="t1").SerializeToString()
    )
    await call(address, f"{GATEWAY}/CommitStatus", signed.SerializeToString())
    await call(address, f"{GATEWAY}/Submit", submission("t2"))
    assert collected.tree() == [
        "gateway.Gateway/Submit",
        "  gateway.Gateway/CommitStatus",
        "  gateway.Gateway/Submit",
        "    inside",
        "  inside",
        "gateway.Gateway/Submit",
        "  inside",
    ]


async def test_only_a_gateway_begins_a_trace(address: str, collected: Collected) -> None:
    await call(address, f"{ENDORSER}/ProcessProposal", b"")
    assert not collected.spans
    await call(address, f"{ENDORSER}/ProcessProposal", b"", SAMPLED)
    assert collected.tree() == []  # its root is the client's
    assert len(collected.named("protos.Endorser/ProcessProposal")) == 1


async def test_a_failed_call_tells_its_status_and_not_its_message(
    address: str, collected: Collected
) -> None:
    assert await call(address, f"{GATEWAY}/Refuse", submission()) is grpc.StatusCode.ABORTED
    async with asyncio.timeout(PATIENCE_S):
        while not collected.spans:  # noqa: ASYNC110 -- a refusal goes out before its call ends
            await asyncio.sleep(0.01)
    (refused,) = collected.named("gateway.Gateway/Refuse")
    assert refused.status.status_code is StatusCode.ERROR
    assert refused.attributes is not None
    assert refused.attributes["rpc.grpc.status_code"] == grpc.StatusCode.ABORTED.value[0]
    assert "the price" not in refused.to_json()


async def test_messages_of_a_stream_belong_to_the_trace_that_it_was_opened_in(
    address: str, collected: Collected
) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        open_stream: Streams = channel.stream_stream(f"/{ENDORSER}/Stream")
        traced = open_stream(iter([b"1", b"2"]), metadata=(SAMPLED,))
        assert [message async for message in traced] == [b"1", b"2"]
        assert [message async for message in open_stream(iter([b"3"]))] == [b"3"]
    parents = [span.parent for span in collected.named("message")]
    assert [parent.span_id for parent in parents if parent] == [int(CALLER, 16)] * 2
    assert len(parents) == 2


async def test_a_call_to_another_peer_carries_the_trace_on(
    address: str, collected: Collected
) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        with collected.tracer.start_as_current_span("gateway"):
            await RemoteEndorser(channel).process_proposal(SignedProposal())
    assert collected.tree() == ["gateway", "  protos.Endorser/ProcessProposal"]


async def test_what_a_client_leaves_out_no_node_records() -> None:
    with collecting(ParentBased(ALWAYS_ON)) as collected:
        made = recorder.OpenTelemetryRecorder(collected.tracer, lambda: 0)
        made.adopt(dict([NOT_SAMPLED]))
        with made.call("gateway.Gateway/Submit", begins=True, transaction_id="t1"):
            ((_, passed_on),) = made.headers()
            assert passed_on.startswith(f"00-{TRACE}-")
            assert passed_on.endswith("-00")
            assert made.moment() is None
            with made.span("inside", {}):
                made.follow("t1", again=True)
        made.stage_of("t1", "commit", (1, 2), {})
    assert not collected.spans


def test_nothing_is_recorded_of_a_trace_that_is_not_sampled() -> None:
    with (
        collecting(ALWAYS_OFF) as collected,
        collected.tracer.start_as_current_span("root"),
        spans.span("inside"),
    ):
        assert spans.moment() is None
    assert not collected.spans


async def test_a_span_lasts_until_the_answer(collected: Collected) -> None:
    answer = asyncio.get_running_loop().create_future()
    with (
        collected.tracer.start_as_current_span("root"),
        spans.span_until("ordering", channel="market") as until,
    ):
        waiting = spans.moment()
        until(answer)
    assert waiting is not None
    waiting.passed("batch", {})
    assert [span.name for span in collected.spans] == ["root", "batch"]
    answer.set_result(None)
    await asyncio.sleep(0)
    assert collected.tree() == ["root", "  ordering", "    batch"]


def test_stages_of_a_block_belong_to_the_transactions_that_are_followed(
    collected: Collected,
) -> None:
    with collected.tracer.start_as_current_span("endorse"):
        spans.about("market", "t2")
    moments_s = iter([100.0, 100.25, 102.0, 102.5])
    stages = spans.BlockStages("market", lambda: next(moments_s))
    for stage in ("validation", "commit"):
        stages.passed(stage)
    took_s = [stages.took_s("validation"), stages.took_s("commit")]
    assert took_s == [0.25, 1.75]
    stages.tell(7, ["t1", "t2"], bytes([0, 11]))
    assert collected.tree() == ["endorse", "  commit", "  validation"]
    validation, commit = collected.named("validation")[0], collected.named("commit")[0]
    assert validation.end_time == commit.start_time
    assert [duration_s(each) for each in (validation, commit)] == took_s, "one clock for both"
    assert validation.attributes == {
        "tallystick.channel": "market",
        "tallystick.transaction_id": "t2",
        "tallystick.block_number": 7,
        "tallystick.validation_code": "MVCC_READ_CONFLICT",
    }


def test_what_happens_later_belongs_to_the_first_span_unless_another_takes_its_place(
    collected: Collected,
) -> None:
    with collected.tracer.start_as_current_span("endorse"):
        spans.about("market", "t1")
        with spans.span("inside"):
            spans.about("market", "t1")
    tell_of("t1")
    with collected.tracer.start_as_current_span("submit"):
        spans.follow("t1")
    tell_of("t1")
    assert collected.tree() == ["endorse", "  commit", "  inside", "submit", "  commit"]


def duration_s(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def tell_of(transaction_id: str) -> None:
    stages = spans.BlockStages("market", time.monotonic)
    stages.passed("commit")
    stages.tell(7, [transaction_id], bytes([0]))


def test_the_oldest_transaction_is_forgotten_when_there_are_too_many(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_FOLLOWED", 2)
    with collected.tracer.start_as_current_span("root"):
        for transaction_id in ("t1", "t2", "t3"):
            spans.follow(transaction_id)
    for transaction_id in ("t1", "t2", "t3"):
        tell_of(transaction_id)
    assert collected.tree() == ["root", "  commit", "  commit"]


def test_no_id_is_followed_that_is_longer_than_a_transaction_id_can_be(
    collected: Collected,
) -> None:
    whole = "a" * recorder.MAX_ID_LENGTH
    with collected.tracer.start_as_current_span("root"):
        for transaction_id in (whole, whole + "a"):
            spans.follow(transaction_id)
    tell_of(whole + "a")
    assert collected.tree() == ["root"]
    tell_of(whole)
    assert collected.tree() == ["root", "  commit"]


def test_an_application_hands_its_span_to_its_peer(collected: Collected) -> None:
    assert trace_headers() == ()
    with collected.tracer.start_as_current_span("buy") as span:
        ((name, value),) = trace_headers()
    assert name == "traceparent"
    assert value.split("-")[1] == f"{span.get_span_context().trace_id:032x}"


@pytest.fixture
def unrecorded() -> Iterator[None]:
    assert not spans.interceptors()
    yield
    assert not spans.interceptors()


async def test_without_a_recorder_marks_do_nothing(unrecorded: None) -> None:  # noqa: ARG001
    answer = asyncio.get_running_loop().create_future()
    with spans.span("a", channel="market"), spans.span_until("b") as until:
        until(answer)
        spans.about("market", "t1")
        spans.describe(chaincode="token")
        spans.follow("t1")
        assert spans.headers() == ()
        assert spans.moment() is None
    tell_of("t1")
    assert not answer.done()
