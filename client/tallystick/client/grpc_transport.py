"""The port over gRPC with TLS. Source: wire.md §1, §5.3."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from tallystick.client.errors import ConnectError, FailureDetail, RpcFailure
from tallystick.client.options import ClientOptions
from tallystick.client.tracing import trace_headers
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway import gateway_pb2, gateway_pb2_grpc
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.protos.peer.events_pb2_grpc import DeliverStub
from tallystick.wire.hashing import sha256

_STATUS_DETAILS_TRAILER: Final = "grpc-status-details-bin"
_RETRY_PUSHBACK: Final = "grpc-retry-pushback-ms"
_LONGEST_PUSHBACK_S: Final = 3_600.0
_MAX_MESSAGE_BYTES: Final = 100 * 1024 * 1024
_LONGEST_RECONNECT_DELAY_MS: Final = 1_000
# Chance makes a delay up to a fifth longer, and then the connection has to be made.
_RECONNECT_TIMEOUT_S: Final = 1.5 * _LONGEST_RECONNECT_DELAY_MS / 1_000
_RECONNECT_POLL_S: Final = 0.05
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Otherwise gRPC lets all channels to one address share a connection, and the server's limit of
    # calls on one connection would count the calls of all gateways of a process together.
    ("grpc.use_local_subchannel_pool", 1),
    # By default the wait grows to two minutes: a peer that is back would be found late.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", _LONGEST_RECONNECT_DELAY_MS),
)


class GrpcTransport:
    """A peer at the other end of a channel. Satisfies `GatewayTransport`.

    Between two attempts to connect, gRPC fails calls at once, even if the peer is back. Here they
    wait for the next attempt.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take over ``channel``: closing the transport closes it."""
        self._channel = channel
        self._gateway = gateway_pb2_grpc.GatewayStub(channel)
        self._blocks = DeliverStub(channel)

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        """Call ``Evaluate``."""
        async with _calling(self._channel):
            return await self._gateway.Evaluate(request, metadata=trace_headers())

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        """Call ``Endorse``."""
        async with _calling(self._channel):
            return await self._gateway.Endorse(request, metadata=trace_headers())

    async def submit(self, request: gateway_pb2.SubmitRequest) -> gateway_pb2.SubmitResponse:
        """Call ``Submit``."""
        async with _calling(self._channel):
            return await self._gateway.Submit(request, metadata=trace_headers())

    async def commit_status(
        self, request: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        """Call ``CommitStatus``."""
        async with _calling(self._channel):
            return await self._gateway.CommitStatus(request, metadata=trace_headers())

    async def chaincode_events(
        self, request: gateway_pb2.SignedChaincodeEventsRequest
    ) -> AsyncGenerator[gateway_pb2.ChaincodeEventsResponse, None]:
        """Call ``ChaincodeEvents``."""
        async with _calling(self._channel):
            call = self._gateway.ChaincodeEvents(request)
            try:
                async for response in call:
                    yield response
            finally:
                call.cancel()

    def deliver(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream whole blocks."""
        return _delivered(self._channel, self._blocks.Deliver, request)

    def deliver_filtered(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream filtered blocks."""
        return _delivered(self._channel, self._blocks.DeliverFiltered, request)

    def deliver_with_private_data(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream whole blocks, each with the private values that the caller may see."""
        return _delivered(self._channel, self._blocks.DeliverWithPrivateData, request)

    async def close(self) -> None:
        """End every call and stream."""
        await self._channel.close()


async def open_transport(
    address: str, tls_root_certificates: bytes, options: ClientOptions
) -> GrpcTransport:
    """Return a transport to ``address`` whose connection stands.

    Raises:
        ConnectError: The first attempt to connect failed, or took too long.
    """
    pair = options.client_certificate
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls_root_certificates,
        private_key=pair.private_key if pair else None,
        certificate_chain=pair.certificate if pair else None,
    )
    name = options.server_name
    naming = (("grpc.ssl_target_name_override", name),) if name else ()
    channel = grpc.aio.secure_channel(address, credentials, options=(*_OPTIONS, *naming))
    try:
        async with asyncio.timeout(options.connect_s):
            await _connected(channel, address)
    except TimeoutError as error:
        await channel.close()
        raise ConnectError(address, f"no answer within {options.connect_s:g} s") from error
    except BaseException:
        await channel.close()
        raise
    return GrpcTransport(channel)


def certificate_hash(certificate_pem: bytes) -> bytes:
    """Return the SHA-256 by which deliver requests are bound to a TLS client certificate."""
    return sha256(ssl.PEM_cert_to_DER_cert(certificate_pem.decode()))


async def _connected(channel: grpc.aio.Channel, address: str) -> None:
    """Return when the connection stands; fail with its first failure rather than keep trying."""
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise ConnectError(
                address,
                "is a peer listening there, is its TLS certificate still valid, does it name this"
                " host, and does it come from the given root certificates?",
            )
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


async def _delivered(
    channel: grpc.aio.Channel,
    method: "grpc.aio.StreamStreamMultiCallable[Envelope, DeliverResponse]",
    request: Envelope,
) -> AsyncGenerator[DeliverResponse, None]:
    async with _calling(channel):
        call = method()
        try:
            await call.write(request)  # and keep that side open, as Fabric's clients do
            async for response in call:
                yield response
        finally:
            call.cancel()


@asynccontextmanager
async def _calling(channel: grpc.aio.Channel) -> AsyncIterator[None]:
    """Turn the ways in which gRPC says that a call on ``channel`` failed into RpcFailure.

    When its channel closes, gRPC cancels whoever waits for an answer. To the caller that would look
    as if its own task had been cancelled.
    """
    try:
        await _reconnected(channel)
        yield
    except grpc.aio.AioRpcError as error:
        raise _failure(error) from error
    except grpc.aio.UsageError as error:
        raise _closed() from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise _closed() from error


async def _reconnected(channel: grpc.aio.Channel) -> None:
    """Return at once unless the last attempt to connect failed; else after the next, if it helps.

    A peer that is not there then fails the call, which says what is wrong. gRPC's own way to wait
    is not used: it keeps something of each wait that is given up for as long as the peer is away.
    """
    failed, now_s = grpc.ChannelConnectivity.TRANSIENT_FAILURE, asyncio.get_running_loop().time
    deadline_s = now_s() + _RECONNECT_TIMEOUT_S
    while channel.get_state(try_to_connect=True) is failed and now_s() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(_RECONNECT_POLL_S)


def _closed() -> RpcFailure:
    return RpcFailure(grpc.StatusCode.CANCELLED, "the gateway was closed")


def _failure(error: grpc.aio.AioRpcError) -> RpcFailure:
    return RpcFailure(error.code(), error.details() or "", _details(error), _retry_after_s(error))


def _retry_after_s(error: grpc.aio.AioRpcError) -> float | None:
    """Return when the peer wants to be asked again, if it says so in a form that can be read."""
    for key, value in error.trailing_metadata() or ():
        if key == _RETRY_PUSHBACK and isinstance(value, str) and value.isdecimal():
            return min(int(value) / 1_000, _LONGEST_PUSHBACK_S)
    return None


def _details(error: grpc.aio.AioRpcError) -> list[FailureDetail]:
    """Return what the trailer tells; a peer whose trailer cannot be read has told nothing."""
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS_TRAILER and isinstance(value, bytes):
            try:
                return details_of(value)
            except DecodeError:
                return []
    return []


def details_of(trailer: bytes) -> list[FailureDetail]:
    """Return what each node that refused has said, from the bytes of a ``google.rpc.Status``.

    Raises:
        DecodeError: They are none.
    """
    details: list[FailureDetail] = []
    for packed in Status.FromString(trailer).details:
        detail = gateway_pb2.ErrorDetail()
        if packed.Unpack(detail):
            details.append(FailureDetail(detail.address, detail.msp_id, detail.message))
    return details
