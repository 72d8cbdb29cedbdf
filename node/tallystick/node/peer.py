"""The peer: where clock, randomness, stores and sockets are made and everything is joined."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Self

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.connector import GrpcConnector, NodeConnector
from tallystick.node.deliver.height import WatchClosedError
from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.deliver.responses import policy_of_readers
from tallystick.node.deliver.service import DeliverRules, DeliverService
from tallystick.node.endorsement.endorser import Endorser, EndorserLimits, EndorserNode
from tallystick.node.endorsement.grpc_adapter import EndorserServicer
from tallystick.node.gateway.endorsers import EndorsingPeer, PeerDirectory
from tallystick.node.gateway.grpc_adapter import GatewayServicer
from tallystick.node.gateway.planner import Planner
from tallystick.node.gateway.service import GatewayChannel, GatewayLimits, GatewayService
from tallystick.node.gateway.watch import Watcher, watch_peers
from tallystick.node.joining import AlreadyJoinedError, JoinedChannels, begun_by, first_blocks
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.observability.health import HealthChecks, serving_health
from tallystick.node.observability.logs import configure_logging
from tallystick.node.privacy.connections import PrivateDataServicer
from tallystick.node.privacy.node import PrivacyNode
from tallystick.node.privacy.privacy import Privacy, PrivacyPeers
from tallystick.node.privacy.reconciliation import ReconciliationPace
from tallystick.node.process import load_block, settle_memory, stop_signal
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.settings import PeerSettings
from tallystick.node.system.access import AccessControl
from tallystick.node.system.registry import system_chaincodes
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ServerTls
from tallystick.node.transport.local import LocalEndorser
from tallystick.node.transport.ports import OrdererConnection
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.gateway import gateway_pb2_grpc
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.tallystick.private_data_pb2_grpc import (
    add_PrivateDataServicer_to_server,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeerEnvironment:
    """What a peer takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        random: Spreads the attempts to reconnect.
        connector: Reaches other nodes.
    """

    clock: Callable[[], int]
    random: random.Random
    connector: NodeConnector


class PeerNode:
    """A peer without sockets, to be entered as a context.

    ``gateway``, ``endorser``, ``deliver`` and ``privacy.service`` are its services, for a server or
    for callers in this process. If following a channel fails, say because the disk is full, the
    context is cancelled: a peer that cannot commit must not go on answering.
    """

    def __init__(
        self,
        settings: PeerSettings,
        signer: SigningIdentity,
        genesis_blocks: Sequence[Block],
        environment: PeerEnvironment,
    ) -> None:
        local_msp = Msp.from_config(
            msp_config_from_directory(settings.msp.directory, settings.msp.id)
        )
        self.msp_id = settings.msp.id
        self._settings = settings
        self._signer = signer
        self._genesis_blocks = genesis_blocks
        self._environment = environment
        self._checker = SignatureChecker()
        self._channels: dict[str, PeerChannel] = {}
        self._gateway_channels: dict[str, GatewayChannel] = {}
        self._joined = JoinedChannels(settings.data_directory / "channels")
        self._joining = asyncio.Lock()
        self._following: dict[str, list[asyncio.Task[None]]] = {}
        self._health: dict[str, Callable[[], str]] = {}
        self._stores = AsyncExitStack()
        self._lifetime = AsyncExitStack()
        self.privacy = self._new_privacy()
        self._packages = PackageStore(settings.data_directory / "chaincode")
        self._runtime = RuntimeRegistry(
            self._packages, RuntimeRules.from_settings(settings.chaincode), environment.random
        )
        self.endorser = self._new_endorser(local_msp)
        self.gateway = GatewayService(
            self._gateway_channels,
            GatewayLimits.from_settings(settings.gateway),
        )
        interval_s = settings.gateway.peer_check_interval_s
        self._watcher = Watcher(signer, environment.clock, environment.random, interval_s)
        self.deliver = DeliverService(
            self._channels.get,
            DeliverRules(
                policy=policy_of_readers,
                clock=environment.clock,
                time_window_s=settings.connections.deliver_time_window_s,
                binds_to_tls=settings.tls is not None and settings.tls.client_certificate_required,
            ),
            self.privacy.readers.readable,
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._stores = await stack.enter_async_context(AsyncExitStack())
            blocks = first_blocks(self._genesis_blocks, self._joined.genesis_blocks())
            for genesis in blocks.values():
                self._add(await self._open_channel(genesis, self._stores))
            await stack.enter_async_context(self._runtime)
            self._tasks = await stack.enter_async_context(supervised_tasks())
            stack.callback(self._stop_following)
            for channel in self._channels.values():
                self._follow(channel)
            self._lifetime = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._lifetime.__aexit__(exception_type, exception, traceback)

    @property
    def channels(self) -> Mapping[str, PeerChannel]:
        """The channels that this peer has joined, by id."""
        return self._channels

    @property
    def address(self) -> str:
        """Where others reach this peer."""
        return self._settings.advertised_address or self._settings.listen_address

    @property
    def health_checks(self) -> HealthChecks:
        """What ``/healthz`` asks; it grows with the channels."""
        return self._health

    async def join(self, genesis: Block) -> None:
        """Take part in the channel that begins with ``genesis``, now and after every restart.

        Its blocks then come from its orderers, as those of every other channel do.

        Raises:
            ChannelConfigError: The block holds no configuration that this peer can use.
            NotFirstBlockError: It does not begin a channel.
            AlreadyJoinedError: The peer is on the channel.
            LedgerError: What an earlier membership left behind is damaged, or began otherwise.
        """
        channel_id = begun_by(genesis)
        async with self._joining:
            if channel_id in self._channels:
                raise AlreadyJoinedError(channel_id)
            async with AsyncExitStack() as stack:
                channel = await self._open_channel(genesis, stack)
                self._joined.remember(channel_id, genesis)
                await self._stores.enter_async_context(stack.pop_all())
            self._add(channel)
            self._follow(channel)
        _log.info("joined channel %s", channel_id)

    def drain(self) -> None:
        """End what waits: streams of blocks and events, and waits for commits."""
        for channel in self._channels.values():
            channel.close()

    def _new_privacy(self) -> Privacy:
        settings, environment = self._settings.private_data, self._environment
        return Privacy(
            self._channels,
            PrivacyNode(
                msp_id=self._settings.msp.id,
                signer=self._signer,
                checker=self._checker,
                clock=environment.clock,
            ),
            PrivacyPeers(
                find=lambda channel: environment.connector.member_peers(channel.config),
                random=environment.random,
                push_timeout_s=settings.push_timeout_s,
                pace=ReconciliationPace(
                    interval_s=settings.reconcile_interval_s, timeout_s=settings.fetch_timeout_s
                ),
            ),
        )

    def _new_endorser(self, local_msp: Msp) -> Endorser:
        settings = self._settings
        packages = self._packages
        access = AccessControl(MspRegistry([local_msp]), settings.msp.id)
        return Endorser(
            self._channels,
            EndorserNode(
                runtime=self._runtime,
                packages=packages,
                system=system_chaincodes(packages, access, self._channels, self.join),
                access=access,
                signer=self._signer,
                checker=self._checker,
                private_data=self.privacy.dissemination,
                clock=self._environment.clock,
            ),
            EndorserLimits(
                concurrency=settings.endorser.max_concurrent_proposals,
                max_clock_skew_s=settings.endorser.clock_skew_s,
            ),
        )

    async def _open_channel(self, genesis: Block, lifetime: AsyncExitStack) -> PeerChannel:
        channel_id = ChannelConfig.from_block(genesis).channel_id
        directory = self._settings.data_directory / "channels" / channel_id
        store = lifetime.enter_context(open_store(self._settings.store, directory / "store"))
        channel = await open_channel(
            genesis,
            ChannelStorage(directory / "blocks", store),
            msp_id=self._settings.msp.id,
            checker=self._checker,
        )
        lifetime.callback(channel.ledger.close)
        _log.info("channel %s: %d blocks in %s", channel_id, channel.ledger.height, directory)
        return channel

    def _add(self, channel: PeerChannel) -> None:
        channel_id = channel.config.channel_id
        self._gateway_channels[channel_id] = self._gateway_channel(channel)
        self._channels[channel_id] = channel
        self._health[channel_id] = lambda: channel.fault

    def _follow(self, channel: PeerChannel) -> None:
        channel_id = channel.config.channel_id
        peers = self._gateway_channels[channel_id].peers
        following = (
            ("follow", channel.follow(self._puller(channel))),
            ("reconcile", self._reconcile(channel)),
            ("watch peers of", watch_peers(channel_id, peers, self._watcher)),
        )
        self._following[channel_id] = [
            self._tasks.create_task(work, name=f"{name} {channel_id}") for name, work in following
        ]

    async def _reconcile(self, channel: PeerChannel) -> None:
        with suppress(WatchClosedError):  # the peer stops
            await self.privacy.reconciler(channel).run(channel.watch)

    def _stop_following(self) -> None:
        self.drain()
        for task in chain.from_iterable(self._following.values()):
            task.cancel()

    def _puller(self, channel: PeerChannel) -> BlockPuller:
        environment = self._environment
        return BlockPuller(
            lambda: environment.connector.orderers(channel.config),
            signer=self._signer,
            config=lambda: channel.config,
            environment=PullerEnvironment(
                clock=environment.clock,
                backoff=Backoff(environment.random),
                sleep=asyncio.sleep,
            ),
            tls_certificate_hash=environment.connector.tls_certificate_hash,
        )

    def _gateway_channel(self, channel: PeerChannel) -> GatewayChannel:
        connector = self._environment.connector
        own = EndorsingPeer(
            self._settings.msp.id, self.address, LocalEndorser(self.endorser.process), local=True
        )
        peers = PeerDirectory(
            [], local_msp_id=self._settings.msp.id, local_height=lambda: channel.watch.height
        )
        orderers: list[OrdererConnection] = []

        def meet(config: ChannelConfig) -> None:
            peers.replace([own, *connector.peers(config)])
            orderers[:] = connector.orderers(config)

        meet(channel.config)
        channel.config_listeners.append(meet)
        return GatewayChannel(
            current=lambda: channel.config,
            ledger=channel.ledger,
            definitions=channel.definitions,
            height=channel.watch,
            notifier=channel.notifier,
            peers=peers,
            orderers=orderers,
            planner=Planner(lambda: channel.config, channel.definitions),
        )


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
    signer = SigningIdentity.from_directory(settings.msp.directory, settings.msp.id)
    blocks = [load_block(path) for path in settings.genesis_blocks]
    async with ChannelPool() as pool, supervised_tasks() as tasks:
        connector = GrpcConnector(settings, pool, tasks)
        environment = PeerEnvironment(
            clock=time.time_ns,  # noqa: TID251 - the composition root makes the clock
            random=random.Random(),  # noqa: S311 - spreads reconnects, keeps no secret
            connector=connector,
        )
        async with (
            PeerNode(settings, signer, blocks, environment) as node,
            serving_peer(node, settings) as port,
            _health(node, settings),
        ):
            _log.info("peer of %s listens on port %d", settings.msp.id, port)
            settle_memory()
            if on_ready is not None:
                on_ready(port)
            await stop_signal()
            _log.info("shutting down")
            node.drain()
        connector.close()


@asynccontextmanager
async def serving_peer(node: PeerNode, settings: PeerSettings) -> AsyncIterator[int]:
    """Serve ``node`` on its listen address for the length of the block; yield the bound port."""
    connections = settings.connections
    server = new_server(
        max_concurrent_streams=connections.max_concurrent_streams,
        max_concurrent_calls=connections.max_concurrent_calls,
    )
    peer_pb2_grpc.add_EndorserServicer_to_server(EndorserServicer(node.endorser.process), server)
    add_PrivateDataServicer_to_server(PrivateDataServicer(node.privacy.service), server)
    if settings.gateway.enabled:
        gateway_pb2_grpc.add_GatewayServicer_to_server(GatewayServicer(node.gateway), server)
    add_stream_services(
        server,
        "protos.Deliver",
        {
            "Deliver": node.deliver.deliver,
            "DeliverFiltered": node.deliver.deliver_filtered,
            "DeliverWithPrivateData": node.deliver.deliver_with_private_data,
        },
    )
    tls = None if settings.tls is None else ServerTls.load(settings.tls)
    async with serving(
        server, settings.listen_address, tls=tls, grace_s=connections.shutdown_grace_s
    ) as port:
        yield port


def _health(node: PeerNode, settings: PeerSettings) -> AbstractAsyncContextManager[object]:
    where = settings.operations.listen_address
    return nullcontext() if where is None else serving_health(where, node.health_checks)
