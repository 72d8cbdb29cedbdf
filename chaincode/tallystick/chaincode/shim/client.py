"""The chaincode dials its peer and stays registered there. Source: wire.md §9."""

import asyncio
import logging
from random import Random
from typing import Final

import grpc

from tallystick.chaincode.shim.errors import PeerGoneError, ShimProtocolError
from tallystick.chaincode.shim.grpc_stream import MESSAGE_LIMITS, GrpcStream
from tallystick.chaincode.shim.session import SessionState
from tallystick.chaincode.shim.settings import PeerSettings
from tallystick.chaincode.shim.stream import Host, PeerStream
from tallystick.protos.peer.chaincode_shim_pb2_grpc import ChaincodeSupportStub

_FIRST_DELAY_S: Final = 0.1
_MAX_DELAY_S: Final = 10.0
_OPTIONS: Final = (
    *MESSAGE_LIMITS,
    # The peer is pinged as Fabric's shim for Go does; peers count more than that as abuse.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 10_000),
)

_log = logging.getLogger(__name__)


async def stay_registered(host: Host, settings: PeerSettings, *, random: Random) -> None:
    """Serve one peer until cancelled; a stream that ends is opened again.

    The delay between two attempts doubles up to 10 s until one of them gets the peer's READY.
    ``random`` shortens it by up to a half, so that many chaincodes do not come back at once.
    """
    delay_s = _FIRST_DELAY_S
    async with _channel(settings) as channel:
        while True:
            call = ChaincodeSupportStub(channel).Register()
            stream = PeerStream(host, GrpcStream(call))
            try:
                await stream.run()
                reason = "the peer ended it"
            except (PeerGoneError, ShimProtocolError) as error:
                reason = str(error)
            finally:
                call.cancel()
            if stream.session.state is SessionState.READY:
                delay_s = _FIRST_DELAY_S
            _log.warning(
                "the stream to %s ended: %s; next attempt within %.1f s",
                settings.address,
                reason,
                delay_s,
            )
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))
            delay_s = min(2 * delay_s, _MAX_DELAY_S)


def _channel(settings: PeerSettings) -> grpc.aio.Channel:
    if settings.tls is None:
        return grpc.aio.insecure_channel(settings.address, options=_OPTIONS)
    tls = settings.tls
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls.roots,
        private_key=tls.private_key or None,
        certificate_chain=tls.certificate or None,
    )
    return grpc.aio.secure_channel(settings.address, credentials, options=_OPTIONS)
