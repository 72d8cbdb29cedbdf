"""An orderer as a program: real clock, randomness and sockets around the node."""

import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from tallystick.node.channel.config import client_authorities
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.observability.logs import configure_logging
from tallystick.node.observability.program import observed
from tallystick.node.orderer import OrdererEnvironment, OrdererNode
from tallystick.node.ordering.participation import ChannelParticipation
from tallystick.node.ordering.participation_http import serving_participation
from tallystick.node.process import load_block, settle_memory, stop_signal
from tallystick.node.settings import OrdererSettings
from tallystick.node.transport.credentials import ServerTls
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.wire.txid import NONCE_SIZE

_log = logging.getLogger(__name__)


async def run_orderer(
    settings: OrdererSettings, *, on_ready: Callable[[int], object] | None = None
) -> None:
    """Run an orderer with real clock, randomness and sockets until SIGTERM or SIGINT.

    Args:
        settings: What to run.
        on_ready: Told the bound port once clients can connect.

    Raises:
        LedgerError: It cannot start; the message says what to do.
    """
    configure_logging(settings.log.format, settings.log.level)
    signer = SigningIdentity.from_directory(settings.msp.directory, settings.msp.id)
    environment = OrdererEnvironment(
        clock=time.time_ns,  # noqa: TID251 - the composition root makes the clock
        new_nonce=lambda: secrets.token_bytes(NONCE_SIZE),
    )
    blocks = [load_block(path) for path in settings.genesis_blocks]
    async with (
        OrdererNode(settings, signer, blocks, environment) as node,
        serving_orderer(node, settings) as port,
        observed(settings, node.health_checks, node.metrics, environment.clock),
        _administration(node, settings),
    ):
        _log.info("orderer of %s listens on port %d", settings.msp.id, port)
        settle_memory()
        if on_ready is not None:
            on_ready(port)
        await stop_signal()
        _log.info("shutting down")
        await node.drain()


@asynccontextmanager
async def serving_orderer(node: OrdererNode, settings: OrdererSettings) -> AsyncIterator[int]:
    """Serve ``node`` on its listen address for the length of the block; yield the bound port."""
    connections = settings.connections
    server = new_server(
        max_concurrent_streams=connections.max_concurrent_streams,
        max_concurrent_calls=connections.max_concurrent_calls,
    )
    add_stream_services(
        server,
        "orderer.AtomicBroadcast",
        {"Broadcast": node.broadcast, "Deliver": node.deliver},
    )
    clients = client_authorities(node.channels)
    tls = None if settings.tls is None else ServerTls.load(settings.tls, clients)
    async with serving(
        server, settings.listen_address, tls=tls, grace_s=connections.shutdown_grace_s
    ) as port:
        yield port


def _administration(
    node: OrdererNode, settings: OrdererSettings
) -> AbstractAsyncContextManager[object]:
    if settings.admin is None:
        return nullcontext()
    return serving_participation(settings.admin, ChannelParticipation(node))
