"""Calls to a peer that was away, between two attempts of gRPC to connect."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from tests.unit.client.conftest import Authorities, FakePeer, serving

from tallystick.client import ClientOptions
from tallystick.client.errors import RpcFailure
from tallystick.client.grpc_transport import GrpcTransport, open_transport
from tallystick.protos.common.common_pb2 import Envelope, Status
from tallystick.protos.gateway.gateway_pb2 import (
    ChaincodeEventsResponse,
    EndorseRequest,
    EvaluateRequest,
    SignedChaincodeEventsRequest,
    SignedCommitStatusRequest,
    SubmitRequest,
)
from tallystick.protos.peer.events_pb2 import DeliverResponse

Call = Callable[[GrpcTransport], Awaitable[object]]

CALLS: dict[str, Call] = {
    "Evaluate": lambda transport: transport.evaluate(EvaluateRequest()),
    "Endorse": lambda transport: transport.endorse(EndorseRequest()),
    "Submit": lambda transport: transport.submit(SubmitRequest()),
    "CommitStatus": lambda transport: transport.commit_status(SignedCommitStatusRequest()),
    "ChaincodeEvents": lambda transport: anext(
        transport.chaincode_events(SignedChaincodeEventsRequest())
    ),
    "Deliver": lambda transport: anext(transport.deliver(Envelope())),
    "DeliverFiltered": lambda transport: anext(transport.deliver_filtered(Envelope())),
    "DeliverWithPrivateData": lambda transport: anext(
        transport.deliver_with_private_data(Envelope())
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_a_call_reaches_a_peer_that_is_back_since_the_last_attempt(
    call: Call, peer: FakePeer, authorities: Authorities
) -> None:
    peer.events = [ChaincodeEventsResponse(block_number=7)]
    peer.blocks = [DeliverResponse(status=Status.SUCCESS)]
    async with (
        lost_connection(peer, authorities) as (transport, address),
        serving(peer, authorities, address=address),
    ):
        assert await call(transport) is not None

    assert peer.requests


@pytest.mark.slow
async def test_a_call_to_a_peer_that_stays_away_fails_after_the_next_attempt(
    peer: FakePeer, authorities: Authorities
) -> None:
    async with lost_connection(peer, authorities) as (transport, _):
        with pytest.raises(RpcFailure, match="Connection refused") as caught:
            await transport.evaluate(EvaluateRequest())

    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


async def test_closing_a_transport_fails_calls_that_wait_for_the_connection(
    peer: FakePeer, authorities: Authorities
) -> None:
    async with lost_connection(peer, authorities) as (transport, _), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(failure_of(transport))
        await asyncio.sleep(0)
        await transport.close()

    assert waiting.result() == "the gateway was closed"


async def test_calls_that_are_given_up_while_the_peer_is_away_leave_nothing_behind(
    peer: FakePeer, authorities: Authorities
) -> None:
    async with lost_connection(peer, authorities) as (transport, _):
        before = given_up()
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await transport.evaluate(EvaluateRequest())
        assert given_up() < before + 20


def given_up() -> int:
    """Return how many futures are kept that nobody waits for any more."""
    gc.collect()
    futures = (each for each in gc.get_objects() if isinstance(each, asyncio.Future))
    return sum(each.cancelled() for each in futures)


@asynccontextmanager
async def lost_connection(
    peer: FakePeer, authorities: Authorities
) -> AsyncIterator[tuple[GrpcTransport, str]]:
    """Yield a transport whose peer is gone, which a call has found out, and the peer's address."""
    async with serving(peer, authorities) as address:
        transport = await open_transport(address, authorities.root_pem, ClientOptions())
    try:
        # The first call may still go out on the old connection.
        while "Connection refused" not in await failure_of(transport):
            pass
        yield transport, address
    finally:
        await transport.close()


async def failure_of(transport: GrpcTransport) -> str:
    with pytest.raises(RpcFailure) as caught:
        await transport.evaluate(EvaluateRequest())
    return caught.value.message
