"""Requests that are no message of their method get the status that Fabric's servers give (§1)."""

from collections.abc import AsyncIterator

import grpc
import pytest

from tallystick.node.transport.server import new_server, serving
from tallystick.protos.gateway.gateway_pb2 import SubmitRequest, SubmitResponse

NOT_A_MESSAGE = b"\xff\xff\xff"


async def submit(request: SubmitRequest, _: object) -> SubmitResponse:
    assert request.transaction_id == "t1"
    return SubmitResponse()


async def events(request: SubmitRequest, _: object) -> AsyncIterator[SubmitResponse]:
    assert request.transaction_id == "t1"
    yield SubmitResponse()


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    """A server with both kinds of calls that have a single request."""
    server = new_server()
    coding = (SubmitRequest.FromString, SubmitResponse.SerializeToString)
    handlers = {
        "One": grpc.unary_unary_rpc_method_handler(submit, *coding),
        "Many": grpc.unary_stream_rpc_method_handler(events, *coding),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
    async with (
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def ask(channel: grpc.aio.Channel, method: str, request: bytes) -> list[bytes]:
    if method == "One":
        one: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test/One")
        return [await one(request)]
    many: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream("/test/Many")
    return [response async for response in many(request)]


@pytest.mark.parametrize("method", ["One", "Many"])
async def test_a_request_that_is_no_message_is_an_internal_error(
    channel: grpc.aio.Channel, method: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ask(channel, method, NOT_A_MESSAGE)
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert (raised.value.details() or "").startswith("grpc: error unmarshalling request: ")


@pytest.mark.parametrize("method", ["One", "Many"])
async def test_messages_reach_their_service_every_time(
    channel: grpc.aio.Channel, method: str
) -> None:
    request = SubmitRequest(transaction_id="t1").SerializeToString()
    for _ in range(2):
        assert await ask(channel, method, request) == [b""]
