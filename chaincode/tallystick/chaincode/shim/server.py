"""The chaincode as a service: peers dial in, each with a stream of its own. Source: wire.md §9."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc

from tallystick.chaincode.shim.errors import PeerGoneError, ShimProtocolError, ShimSettingsError
from tallystick.chaincode.shim.grpc_stream import MESSAGE_LIMITS, GrpcStream
from tallystick.chaincode.shim.settings import ServerSettings
from tallystick.chaincode.shim.stream import Host, PeerStream
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

_SERVICE: Final = "protos.Chaincode"
_OPTIONS: Final = (
    *MESSAGE_LIMITS,
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),  # peers ping once a minute
    ("grpc.so_reuseport", 0),  # two processes on one port would share its peers at random
)
_GRACE_S: Final = 1.0

_Context = grpc.aio.ServicerContext[ChaincodeMessage, ChaincodeMessage]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(host: Host, settings: ServerSettings) -> AsyncIterator[int]:
    """Serve every peer that dials, for the length of the block; yield the bound port.

    Raises:
        ShimSettingsError: The address cannot be bound, or the key and certificate do not serve.
    """

    async def connect(_requests: AsyncIterator[ChaincodeMessage], context: _Context) -> None:
        await _serve(host, context)

    # A coroutine that reads and writes by itself, which the generated base class has no type for.
    handler = grpc.stream_stream_rpc_method_handler(
        connect,
        request_deserializer=ChaincodeMessage.FromString,
        response_serializer=ChaincodeMessage.SerializeToString,
    )
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"Connect": handler}),)
    )
    port = _bind(server, settings)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(_GRACE_S)


async def _serve(host: Host, context: _Context) -> None:
    peer = context.peer()
    _log.info("peer %s has dialled", peer)
    try:
        await PeerStream(host, GrpcStream(context)).run()
    except (PeerGoneError, ShimProtocolError) as error:
        _log.warning("the stream of peer %s ended: %s", peer, error)
    else:
        _log.info("peer %s has ended its stream", peer)


def _bind(server: grpc.aio.Server, settings: ServerSettings) -> int:
    try:
        if settings.tls is None:
            return server.add_insecure_port(settings.address)
        tls = settings.tls
        credentials = grpc.ssl_server_credentials(
            [(tls.private_key, tls.certificate)],
            root_certificates=tls.roots or None,
            require_client_auth=bool(tls.roots),
        )
        return server.add_secure_port(settings.address, credentials)
    except RuntimeError as error:
        raise ShimSettingsError(f"cannot listen on {settings.address}: {error}") from error
