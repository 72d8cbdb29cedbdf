"""An orderer as a program: real clock, randomness and sockets around the node."""

import logging
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from typing import Final

from tallystick.node.channel.config import ChannelConfig, client_authorities
from tallystick.node.fellow_orderers import FellowOrderers, OrdererLinks
from tallystick.node.key_files import check_key_files
from tallystick.node.ledger.disk import MachineDisk
from tallystick.node.membership.signer import signer_of
from tallystick.node.memory import settled_memory
from tallystick.node.observability.logs import configure_logging
from tallystick.node.observability.program import observed
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment, Sharing
from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.node.ordering.etcd.session import Session
from tallystick.node.ordering.etcd.shared import Candidate, SharedOrdering
from tallystick.node.ordering.participation import ChannelParticipation
from tallystick.node.ordering.participation_http import serving_participation
from tallystick.node.process import load_block, stop_signal
from tallystick.node.settings import EtcdSettings, OrdererSettings, TlsSettings
from tallystick.node.telemetry.tracing import tracing
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls, ServerTls
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.wire.signing import Signer
from tallystick.wire.txid import NONCE_SIZE

_WRITE_BUFFER_BYTES: Final = 512 * 1024
"""Of the index of blocks: one row of some 150 bytes for each, which no later one replaces."""

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
    check_key_files(settings)
    blocks = [load_block(path) for path in settings.genesis_blocks]
    clock = time.time_ns  # noqa: TID251 - the composition root makes the clock
    async with AsyncExitStack() as lifetime:
        await lifetime.enter_async_context(tracing(settings, "tallystick-orderer", clock))
        signer = await lifetime.enter_async_context(signer_of(settings.msp))
        environment = OrdererEnvironment(
            clock=clock,
            new_nonce=lambda: secrets.token_bytes(NONCE_SIZE),
            sharing=await _sharing(settings, signer, lifetime),
            disk=MachineDisk(settings.store_mapped_bytes, _WRITE_BUFFER_BYTES),
        )
        node = await lifetime.enter_async_context(
            OrdererNode(settings, signer, blocks, environment)
        )
        calls = OpenCalls(settings.connections.max_concurrent_calls)
        port = await lifetime.enter_async_context(serving_orderer(node, settings, calls))
        await lifetime.enter_async_context(
            observed(settings, node.health_checks, node.metrics, clock, calls.problem)
        )
        await lifetime.enter_async_context(_administration(node, settings))
        _log.info("orderer of %s listens on port %d", settings.msp.id, port)
        async with settled_memory():
            if on_ready is not None:
                on_ready(port)
            await stop_signal()
        _log.info("shutting down")
        await node.drain()


async def _sharing(
    settings: OrdererSettings, signer: Signer, lifetime: AsyncExitStack
) -> Sharing | None:
    """Return how this orderer orders together with others; None if it does so alone.

    Raises:
        TlsMaterialError: A file cannot be read.
        UnsupportedEtcdError: A member of the cluster is of a release that is refused.
    """
    if settings.etcd is None:
        return None
    etcd = await lifetime.enter_async_context(
        EtcdClient(settings.etcd.endpoints, _etcd_tls(settings.etcd))
    )
    await etcd.check_versions()
    tasks = await lifetime.enter_async_context(supervised_tasks())
    links = OrdererLinks(
        own_address=settings.advertised_address or settings.listen_address,
        tls=None if settings.tls is None else ClientTls.load(settings.tls),
        pool=await lifetime.enter_async_context(ChannelPool()),
        tasks=tasks,
        signer=signer,
        clock=time.time_ns,  # noqa: TID251 - the composition root makes the clock
        random=random.Random(),  # noqa: S311 - spreads reconnects, keeps no secret
    )
    retention = Retention(settings.etcd.max_log_blocks, settings.etcd.max_log_bytes)
    shared = SharedOrdering(
        etcd=etcd,
        session=Session(etcd, settings.etcd.lease_ttl_s),
        candidate=Candidate(
            links.own_address,
            settings.msp.id,
            secrets.token_bytes(NONCE_SIZE),
            settings.etcd.begin_at,
            settings.etcd.ignore_heights_of,
        ),
        prefix=settings.etcd.prefix,
        retention=retention,
    )

    def fellows(config: Callable[[], ChannelConfig]) -> FellowOrderers:
        orderers = FellowOrderers(links, config)
        lifetime.callback(orderers.close)
        return orderers

    return Sharing(shared, fellows)


def _etcd_tls(settings: EtcdSettings) -> ClientTls:
    keys = TlsSettings(
        certificate=settings.certificate,
        private_key=settings.private_key,
        root_certificates=settings.root_certificates,
    )
    return ClientTls.load(keys)


@asynccontextmanager
async def serving_orderer(
    node: OrdererNode, settings: OrdererSettings, calls: OpenCalls
) -> AsyncIterator[int]:
    """Serve ``node`` on its listen address for the length of the block; yield the bound port."""
    connections = settings.connections
    server = new_server(max_concurrent_streams=connections.max_concurrent_streams, calls=calls)
    node.metrics.show_open(lambda: calls.open, lambda: calls.silent)
    add_stream_services(
        server,
        "orderer.AtomicBroadcast",
        {"Broadcast": node.broadcast, "Deliver": node.deliver},
        calls,
    )
    if settings.etcd is not None:
        add_stream_services(server, "tallystick.Ordering", {"Forward": node.forwarded}, calls)
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
