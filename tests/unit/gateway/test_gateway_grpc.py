"""How a refusal of the gateway travels over gRPC (wire.md §5.3)."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from google.rpc import status_pb2
from tests.unit.gateway.conftest import DOWN, Setting, endorsement, refusal, signed_proposal

from tallystick.node.gateway.grpc_adapter import STATUS_DETAILS_TRAILER, GatewayServicer
from tallystick.node.transport.pushback import RETRY_PUSHBACK
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.gateway import gateway_pb2, gateway_pb2_grpc

EVALUATE = gateway_pb2.EvaluateRequest(proposed_transaction=signed_proposal())


@pytest_asyncio.fixture
async def stub(setting: Setting) -> AsyncIterator[gateway_pb2_grpc.GatewayStub]:
    """A client of a gateway with two peers, the first of which is down."""
    setting.add_peer("A", DOWN, local=True)
    setting.add_peer("B", refusal(404, "NO_SUCH: nothing here"))
    server = new_server()
    gateway_pb2_grpc.add_GatewayServicer_to_server(GatewayServicer(setting.service()), server)
    async with (
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield gateway_pb2_grpc.GatewayStub(channel)


async def test_every_detail_is_an_error_detail(stub: gateway_pb2_grpc.GatewayStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Evaluate(EVALUATE)
    trailers = dict(caught.value.trailing_metadata())
    status = status_pb2.Status.FromString(trailers[STATUS_DETAILS_TRAILER])
    assert status.code == grpc.StatusCode.UNKNOWN.value[0]
    assert status.message == caught.value.details()
    assert {detail.type_url for detail in status.details} == {
        "type.googleapis.com/gateway.ErrorDetail"
    }
    details = [gateway_pb2.ErrorDetail.FromString(detail.value) for detail in status.details]
    assert [(detail.address, detail.msp_id, detail.message) for detail in details] == [
        ("peer0.A", "A", "rpc error: code = Unavailable desc = connection refused"),
        ("peer0.B", "B", "chaincode response 404, NO_SUCH: nothing here"),
    ]


async def test_without_details_there_is_no_trailer(
    stub: gateway_pb2_grpc.GatewayStub,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Endorse(gateway_pb2.EndorseRequest())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the proposed transaction must contain a signed proposal"
    assert STATUS_DETAILS_TRAILER not in dict(caught.value.trailing_metadata())


async def test_a_client_that_is_turned_away_is_told_when_to_come_again(setting: Setting) -> None:
    service = setting.tired_service()
    server = new_server()
    gateway_pb2_grpc.add_GatewayServicer_to_server(GatewayServicer(service), server)
    request = gateway_pb2.EvaluateRequest(proposed_transaction=setting.client_proposal())
    async with (
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await gateway_pb2_grpc.GatewayStub(channel).Evaluate(request)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "nothing was done: try again in" in str(caught.value.details())
    wait_ms = int(dict(caught.value.trailing_metadata())[RETRY_PUSHBACK])
    assert 1_000 < wait_ms <= 10_000  # seconds would be 10


async def test_a_stream_ends_with_its_refusal(stub: gateway_pb2_grpc.GatewayStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(stub.ChaincodeEvents(gateway_pb2.SignedChaincodeEventsRequest())))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "a chaincode events request is required"


async def test_answers_pass_through(setting: Setting) -> None:
    setting.add_peer("A", endorsement(b"42"), local=True)
    service = GatewayServicer(setting.service())
    server = new_server()
    gateway_pb2_grpc.add_GatewayServicer_to_server(service, server)
    async with (
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        response = await gateway_pb2_grpc.GatewayStub(channel).Evaluate(EVALUATE)
    assert response.result.payload == b"42"


async def test_a_client_with_too_many_streams_of_events_is_told_to_close_some(
    setting: Setting,
) -> None:
    setting.streams = 1
    server = new_server()
    gateway_pb2_grpc.add_GatewayServicer_to_server(GatewayServicer(setting.service()), server)
    async with (
        asyncio.timeout(10),
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = gateway_pb2_grpc.GatewayStub(channel)
        calls = [stub.ChaincodeEvents(setting.events_request()) for _ in range(2)]
        async with asyncio.TaskGroup() as tasks:
            ends = [tasks.create_task(call.code()) for call in calls]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            refused, waiting = sorted(calls, key=lambda call: not call.done())
            assert not waiting.done()
            waiting.cancel()
        assert await refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "close those that nobody reads" in str(await refused.details())
