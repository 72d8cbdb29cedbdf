"""A client's way to a peer in the same process: no port, no socket, no encryption."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from contextlib import contextmanager, suppress

import grpc
from google.protobuf.message import DecodeError

from tallystick.client.errors import FailureDetail, RpcFailure
from tallystick.node.deliver.height import WatchClosedError
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.peer import PeerNode
from tallystick.node.transport.ports import LOCAL_CALLER, StreamService
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.wire.envelope import channel_header_of


class LocalTransport:
    """The services of a peer in this process. Satisfies the client's `GatewayTransport`.

    In one thing it is kinder than a network: it tells that a transaction is committed when every
    peer has it. What a test does next then never depends on which peer happened to be faster.
    """

    def __init__(self, peer: PeerNode, everybody: Collection[PeerNode]) -> None:
        """Reach ``peer``, and wait for ``everybody`` on the network."""
        self._peer = peer
        self._gateway = peer.gateway
        self._deliver = peer.deliver
        self._everybody = everybody

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        """Call ``Evaluate``."""
        with _failures():
            return await self._gateway.evaluate(request)

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        """Call ``Endorse``."""
        with _failures():
            return await self._gateway.endorse(request)

    async def submit(self, request: gateway_pb2.SubmitRequest) -> gateway_pb2.SubmitResponse:
        """Call ``Submit``."""
        with _failures():
            return await self._gateway.submit(request)

    async def commit_status(
        self, request: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        """Call ``CommitStatus``."""
        with _failures():
            response = await self._gateway.commit_status(request)
        channel_id = gateway_pb2.CommitStatusRequest.FromString(request.request).channel_id
        await self._wait_for_everybody(channel_id, response.block_number)
        return response

    async def chaincode_events(
        self, request: gateway_pb2.SignedChaincodeEventsRequest
    ) -> AsyncGenerator[gateway_pb2.ChaincodeEventsResponse, None]:
        """Call ``ChaincodeEvents``."""
        with _failures():
            async for response in self._gateway.chaincode_events(request):
                yield response

    def deliver(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream whole blocks."""
        return _stream(self._deliver.deliver, request)

    async def deliver_filtered(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream filtered blocks, which tell of commits too."""
        channel_id = channel_header_of(request).channel_id
        async for response in _stream(self._deliver.deliver_filtered, request):
            if response.HasField("filtered_block"):
                await self._wait_for_everybody(channel_id, response.filtered_block.number)
            yield response

    def deliver_with_private_data(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream whole blocks, each with the private values that the caller may see."""
        return _stream(self._deliver.deliver_with_private_data, request)

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def _wait_for_everybody(self, channel_id: str, block_number: int) -> None:
        # Who has left the channel, or was never on it, gets no block of it.
        members = self._peer.channels[channel_id].config.application_msp_ids
        for peer in tuple(self._everybody):
            if channel_id in peer.channels and peer.msp_id in members:
                with suppress(WatchClosedError):  # it stops, so nobody will ask it
                    await peer.channels[channel_id].watch.wait_for(block_number + 1)


async def _stream(
    service: StreamService, request: Envelope
) -> AsyncGenerator[DeliverResponse, None]:
    async for response in service(_only(request.SerializeToString()), LOCAL_CALLER):
        yield DeliverResponse.FromString(response)


async def _only(message: bytes) -> AsyncIterator[bytes]:
    yield message


@contextmanager
def _failures() -> Iterator[None]:
    """Raise what a gateway raises as what a client would see of it across a network."""
    try:
        yield
    except GatewayError as error:
        details = [
            FailureDetail(detail.address, detail.msp_id, detail.message) for detail in error.details
        ]
        raise RpcFailure(error.code, error.message, details) from error
    except DecodeError as error:
        raise RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
