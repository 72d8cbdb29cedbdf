"""The doors of a network, used as a stranger would: any bytes in, the refusal out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from tests.scenarios.refusals.network import RefusalNetwork

from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.gateway.gateway_pb2 import ErrorDetail
from tallystick.protos.orderer import ab_pb2
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.protos.peer import events_pb2
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

ORDERER_DELIVER: Final = "/orderer.AtomicBroadcast/Deliver"
PEER_DELIVER: Final = "/protos.Deliver/Deliver"
PEER_DELIVER_FILTERED: Final = "/protos.Deliver/DeliverFiltered"
PEER_DELIVER_PRIVATE: Final = "/protos.Deliver/DeliverWithPrivateData"
CHAINCODE_EVENTS: Final = "/gateway.Gateway/ChaincodeEvents"

SEEN: Final[list[str]] = []
"""Every refusal that came through a door since the test began, in its words."""

_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True)
class Failure:
    """A call that failed.

    Attributes:
        code: The status.
        text: Its words.
        details: What each node involved said.
    """

    code: grpc.StatusCode
    text: str
    details: tuple[str, ...] = ()


async def process_proposal(
    network: RefusalNetwork, request: Message | bytes
) -> ProposalResponse | Failure:
    """Return what ``protos.Endorser/ProcessProposal`` answers."""
    answer = await _call(network.peer_channel, "/protos.Endorser/ProcessProposal", request)
    if isinstance(answer, Failure):
        return answer
    response = ProposalResponse.FromString(answer)
    if response.response.message:
        SEEN.append(f"{response.response.status}: {response.response.message}")
    return response


async def gateway(
    network: RefusalNetwork, method: str, request: Message | bytes
) -> bytes | Failure:
    """Return what a method of ``gateway.Gateway`` answers."""
    return await _call(network.peer_channel, f"/gateway.Gateway/{method}", request)


async def chaincode_events(network: RefusalNetwork, request: Message | bytes) -> bytes | Failure:
    """Return the first thing that ``ChaincodeEvents`` answers."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
    method = network.peer_channel.unary_stream(CHAINCODE_EVENTS)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            answer = await method(_encoded(request)).read()
    except grpc.aio.AioRpcError as error:
        return _failure(error)
    assert isinstance(answer, bytes)
    return answer


async def broadcast(network: RefusalNetwork, *envelopes: Message | bytes) -> list[tuple[int, str]]:
    """Return status and info of each answer to ``envelopes``, sent on one stream."""
    path = "/orderer.AtomicBroadcast/Broadcast"
    answers = [answer async for answer in _stream(network.orderer_channel, path, *envelopes)]
    responses = [BroadcastResponse.FromString(answer) for answer in answers]
    SEEN.extend(f"{Status.Name(each.status)}: {each.info}" for each in responses if each.info)
    return [(response.status, response.info) for response in responses]


async def deliver(network: RefusalNetwork, path: str, request: Message | bytes) -> list[int]:
    """Return the statuses that a stream of blocks carries, 0 for each block."""
    if path == ORDERER_DELIVER:
        answers = [one async for one in _stream(network.orderer_channel, path, request)]
        statuses = [int(ab_pb2.DeliverResponse.FromString(one).status) for one in answers]
    else:
        answers = [one async for one in _stream(network.peer_channel, path, request)]
        statuses = [int(events_pb2.DeliverResponse.FromString(one).status) for one in answers]
    SEEN.extend(
        Status.Name(Status.ValueType(each)) for each in statuses if each not in (0, Status.SUCCESS)
    )
    return statuses


async def too_large_for_a_stream(network: RefusalNetwork, path: str, size: int) -> Failure:
    """Return how a stream ends on which a message of ``size`` bytes is sent."""
    on_orderer = path.startswith("/orderer.")
    channel = network.orderer_channel if on_orderer else network.peer_channel
    try:
        answers = [one async for one in _stream(channel, path, bytes(size))]
    except grpc.aio.AioRpcError as error:
        return _failure(error)
    raise AssertionError(f"the message was taken: {answers}")


async def _call(channel: grpc.aio.Channel, path: str, request: Message | bytes) -> bytes | Failure:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await method(_encoded(request))
    except grpc.aio.AioRpcError as error:
        return _failure(error)


async def _stream(
    channel: grpc.aio.Channel, path: str, *requests: Message | bytes
) -> AsyncIterator[bytes]:
    """Yield the answers to ``requests``, after which the client half-closes."""

    async def sent() -> AsyncIterator[bytes]:
        for request in requests:
            yield _encoded(request)

    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
    async with asyncio.timeout(_TIMEOUT_S):
        async for answer in method(sent()):
            yield answer


def _encoded(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


def _failure(error: grpc.aio.AioRpcError) -> Failure:
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    details = [ErrorDetail.FromString(detail.value).message for detail in status.details]
    SEEN.append(": ".join((error.code().name, error.details() or "", *details)))
    return Failure(error.code(), error.details() or "", tuple(details))
