"""A peer as a program: real clock, randomness and sockets around the node."""

import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tallystick.node.channel.config import client_authorities
from tallystick.node.connector import GrpcConnector
from tallystick.node.endorsement.grpc_adapter import EndorserServicer
from tallystick.node.endorsement.streams import EndorsementStreams
from tallystick.node.gateway.grpc_adapter import GatewayServicer
from tallystick.node.key_files import check_key_files
from tallystick.node.ledger.disk import MachineDisk
from tallystick.node.membership.signer import signer_of
from tallystick.node.memory import settled_memory
from tallystick.node.observability.logs import configure_logging
from tallystick.node.observability.program import observed
from tallystick.node.peer import PeerEnvironment, PeerNode
from tallystick.node.privacy.connections import PrivateDataServicer
from tallystick.node.process import load_block, stop_signal
from tallystick.node.settings import PeerSettings
from tallystick.node.system.snapshots import SnapshotService
from tallystick.node.telemetry.tracing import tracing
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ServerTls
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.node.transport.proposals import METHOD, SERVICE
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.node.validation.ahead.preparation import NO_SERVICE, SignatureService
from tallystick.node.validation.ahead.process import signature_process
from tallystick.protos.gateway import gateway_pb2_grpc
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.peer.snapshot_pb2_grpc import add_SnapshotServicer_to_server
from tallystick.protos.tallystick.private_data_pb2_grpc import (
    add_PrivateDataServicer_to_server,
)

_log = logging.getLogger(__name__)


async def run_peer(
    settings: PeerSettings, *, on_ready: Callable[[int], object] | None = None
) -> None:
    """Run a peer with real clock, randomness and sockets until SIGTERM or SIGINT.

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
    async with (
        tracing(settings, "tallystick-peer", clock),
        signature_service(settings) as checking,
        signer_of(settings.msp) as signer,
        ChannelPool() as pool,
        supervised_tasks() as tasks,
    ):
        connector = GrpcConnector(settings, pool, tasks)
        environment = PeerEnvironment(
            clock=clock,
            random=random.Random(),  # noqa: S311 - spreads reconnects, keeps no secret
            connector=connector,
            signature_service=checking,
            disk=MachineDisk(settings.store_mapped_bytes),
        )
        calls = OpenCalls(settings.connections.max_concurrent_calls)
        async with (
            PeerNode(settings, signer, blocks, environment) as node,
            serving_peer(node, settings, calls) as port,
            node.serving_chaincode(),
            observed(settings, node.health_checks, node.metrics, clock, calls.problem),
        ):
            _log.info("peer of %s listens on port %d", settings.msp.id, port)
            if not node.channels:
                _log.warning(
                    "on no channel yet: tally channel join FILE, or genesis_blocks in the settings"
                )
            async with settled_memory():
                if on_ready is not None:
                    on_ready(port)
                await stop_signal()
            _log.info("shutting down")
            node.drain()
        connector.close()


@asynccontextmanager
async def signature_service(settings: PeerSettings) -> AsyncIterator[SignatureService]:
    """Yield who checks signatures ahead for the length of the block."""
    if settings.checks_signatures_ahead:
        async with signature_process() as process:
            yield process
    else:
        yield NO_SERVICE


@asynccontextmanager
async def serving_peer(
    node: PeerNode, settings: PeerSettings, calls: OpenCalls
) -> AsyncIterator[int]:
    """Serve ``node`` on its listen address for the length of the block; yield the bound port."""
    connections = settings.connections
    server = new_server(max_concurrent_streams=connections.max_concurrent_streams, calls=calls)
    node.metrics.show_open(lambda: calls.open, lambda: calls.silent)
    peer_pb2_grpc.add_EndorserServicer_to_server(EndorserServicer(node.endorser.process), server)
    add_PrivateDataServicer_to_server(PrivateDataServicer(node.privacy.service), server)
    add_SnapshotServicer_to_server(SnapshotService(node.snapshots, node.snapshot_access), server)
    if settings.gateway.enabled:
        gateway_pb2_grpc.add_GatewayServicer_to_server(GatewayServicer(node.gateway), server)
    streams = EndorsementStreams(node.endorser.process)
    add_stream_services(server, SERVICE, {METHOD: streams.endorse}, calls)
    add_stream_services(
        server,
        "protos.Deliver",
        {
            "Deliver": node.deliver.deliver,
            "DeliverFiltered": node.deliver.deliver_filtered,
            "DeliverWithPrivateData": node.deliver.deliver_with_private_data,
        },
        calls,
    )
    clients = client_authorities(node.channels)
    tls = None if settings.tls is None else ServerTls.load(settings.tls, clients)
    async with serving(
        server, settings.listen_address, tls=tls, grace_s=connections.shutdown_grace_s
    ) as port:
        try:
            yield port
        finally:
            streams.close()
