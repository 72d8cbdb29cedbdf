"""The peer: where its stores are opened and everything is joined."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager as ContextManager
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.connector import GatewayLinks, KnownMembers, NodeConnector
from tallystick.node.deliver.height import WatchClosedError
from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.deliver.service import DeliverRules, DeliverService, policy_of_readers
from tallystick.node.endorsement.endorser import Endorser, EndorserLimits, EndorserNode
from tallystick.node.gateway.channel import GatewayChannel
from tallystick.node.gateway.endorsers import EndorsingPeer
from tallystick.node.gateway.planner import Planner
from tallystick.node.gateway.service import GatewayLimits, GatewayService
from tallystick.node.gateway.watch import Watcher, watch_peers
from tallystick.node.joining import AlreadyJoinedError, JoinedChannels, begun_by, first_blocks
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.snapshot_import import BLOCKS
from tallystick.node.ledger.views import open_views
from tallystick.node.limits.rates import ClientRates
from tallystick.node.limits.streams import ClientStreams
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.observability.operations import HealthChecks
from tallystick.node.privacy.node import PrivacyNode
from tallystick.node.privacy.privacy import Privacy, PrivacyPeers
from tallystick.node.privacy.reconciliation import ReconciliationPace
from tallystick.node.runtime.checked_packages import CheckedPackages
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.registration import serving_chaincode
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.runtime.timed import TimedRuntime
from tallystick.node.settings import PeerSettings
from tallystick.node.system.access import AccessControl
from tallystick.node.system.configuration import Membership
from tallystick.node.system.registry import system_chaincodes
from tallystick.node.system.snapshot_joining import JoiningPlace, SnapshotJoining
from tallystick.node.system.snapshot_requests import SnapshotRequests
from tallystick.node.system.snapshots import SnapshotAccess
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.local import LocalEndorser
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.node.validation.ahead.preparation import NO_SERVICE, SignatureService
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.signing import Signer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeerEnvironment:
    """What a peer takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        random: Spreads the attempts to reconnect, and the load over orderers.
        connector: Reaches other nodes.
        disk: Has the ledgers.
        signature_service: Checks signatures of blocks that wait.
    """

    clock: Callable[[], int]
    random: random.Random
    connector: NodeConnector
    disk: Disk = MACHINE_DISK
    signature_service: SignatureService = NO_SERVICE


class PeerNode:
    """A peer without sockets, to be entered as a context.

    ``gateway``, ``endorser``, ``deliver`` and ``privacy.service`` are its services, for a server or
    for callers in this process. If following a channel fails, say because the disk is full, the
    context is cancelled: a peer that cannot commit must not go on answering.
    """

    def __init__(
        self,
        settings: PeerSettings,
        signer: Signer,
        genesis_blocks: Sequence[Block],
        environment: PeerEnvironment,
    ) -> None:
        local_msp = Msp.from_config(
            msp_config_from_directory(settings.msp.directory, settings.msp.id)
        )
        self._settings = settings
        self._signer = signer
        self._genesis_blocks = genesis_blocks
        self._environment = environment
        self._checker = SignatureChecker()
        self.metrics = PeerMetrics()
        self._channels: dict[str, PeerChannel] = {}
        self._gateway_channels: dict[str, GatewayChannel] = {}
        self._joined = JoinedChannels(settings.data_directory / "channels")
        self._joining = asyncio.Lock()
        self._snapshot_joining = SnapshotJoining(
            JoiningPlace(
                self._channels,
                self._folder,
                settings.store,
                lambda name: self._take_part(name, name),
                self._joining,
            )
        )
        self.snapshots: dict[str, SnapshotRequests] = {}
        self._following: dict[str, list[asyncio.Task[None]]] = {}
        self._health: dict[str, Callable[[], str]] = {}
        self._stores = AsyncExitStack()
        self._lifetime = AsyncExitStack()
        self.privacy = self._new_privacy()
        self._packages = PackageStore(
            settings.data_directory / "chaincode", CheckedPackages(settings.checked_packages)
        )
        self._runtime = RuntimeRegistry(
            self._packages, RuntimeRules.from_settings(settings.chaincode), environment.random
        )
        self._rates = ClientRates.on_loop(settings.client_rate)
        self._streams = ClientStreams(settings.connections.max_streams_per_client)
        self.endorser = self._new_endorser(local_msp)
        self.gateway = self._new_gateway()
        self.deliver = self._new_deliver()
        self._show_gauges()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._stores = await stack.enter_async_context(AsyncExitStack())
            blocks = first_blocks(self._genesis_blocks, self._joined.genesis_blocks())
            for channel_id in blocks.keys() | set(self._joined.from_snapshots()):
                beginning = blocks.get(channel_id, channel_id)
                self._add(await self._open_channel(channel_id, beginning, self._stores))
            await stack.enter_async_context(self._runtime)
            self._tasks = await stack.enter_async_context(supervised_tasks())
            stack.callback(self._stop_following)
            self._following[""] = [self._tasks.create_task(self._snapshot_joining.run())]
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
    def msp_id(self) -> str:
        """The organisation that runs this peer."""
        return self._settings.msp.id

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
            await self._take_part(channel_id, genesis)
        _log.info("joined channel %s", channel_id)

    async def _take_part(self, channel_id: str, beginning: Block | str) -> None:
        async with AsyncExitStack() as stack:
            channel = await self._open_channel(channel_id, beginning, stack)
            if isinstance(beginning, Block):
                self._joined.remember(channel_id, beginning)
            await self._stores.enter_async_context(stack.pop_all())
        self._add(channel)
        self._follow(channel)

    def _folder(self, channel_id: str) -> Path:
        return self._settings.data_directory / "channels" / channel_id

    def serving_chaincode(self) -> ContextManager[int | None]:
        """Let chaincode register, if the settings say where."""
        return serving_chaincode(
            self._runtime.registered, self._packages, self._settings, clock=self._environment.clock
        )

    def drain(self) -> None:
        """End what waits: streams of blocks and events, and waits for commits."""
        for channel in self._channels.values():
            channel.close()

    def _show_gauges(self) -> None:
        self.metrics.show_heights(
            lambda: {name: channel.ledger.height for name, channel in self._channels.items()}
        )
        self.metrics.show_in_progress(
            {
                "protos.Endorser": lambda: self.endorser.in_progress,
                "gateway.Gateway": lambda: self.gateway.in_progress,
            }
        )
        self.metrics.show_waiting({"gateway.Gateway": lambda: self.gateway.waiting})
        self.metrics.show_unfinished(lambda: self.gateway.unfinished)

    def _new_privacy(self) -> Privacy:
        settings, environment = self._settings.private_data, self._environment
        members = KnownMembers(environment.connector)
        return Privacy(
            self._channels,
            PrivacyNode(
                msp_id=self._settings.msp.id,
                signer=self._signer,
                checker=self._checker,
                clock=environment.clock,
            ),
            PrivacyPeers(
                find=lambda channel: members.of(channel.config),
                random=environment.random,
                push_timeout_s=settings.push_timeout_s,
                pace=ReconciliationPace(
                    interval_s=settings.reconcile_interval_s, timeout_s=settings.fetch_timeout_s
                ),
            ),
        )

    def _new_gateway(self) -> GatewayService:
        return GatewayService(
            self._gateway_channels,
            self._environment.random,
            self._rates,
            GatewayLimits.from_settings(self._settings.gateway),
            self._streams,
        )

    def _new_deliver(self) -> DeliverService:
        return DeliverService(
            self._channels.get,
            DeliverRules.from_settings(self._settings, policy_of_readers, self._environment.clock),
            self._streams,
            self.privacy.readers.readable,
        )

    def _new_endorser(self, local_msp: Msp) -> Endorser:
        settings = self._settings
        access = AccessControl(MspRegistry([local_msp]), settings.msp.id)
        self.snapshot_access = SnapshotAccess(access, self._checker, self._environment.clock)
        return Endorser(
            self._channels,
            EndorserNode(
                runtime=TimedRuntime(self._runtime, self.metrics),
                packages=self._packages,
                system=system_chaincodes(
                    self._packages,
                    access,
                    self._channels,
                    Membership(self.join, self._snapshot_joining),
                ),
                access=access,
                signer=self._signer,
                checker=self._checker,
                private_data=self.privacy.dissemination,
                rates=self._rates,
                clock=self._environment.clock,
                metrics=self.metrics,
            ),
            EndorserLimits(
                concurrency=settings.endorser.max_concurrent_proposals,
                max_clock_skew_s=settings.endorser.clock_skew_s,
            ),
        )

    async def _open_channel(
        self, channel_id: str, beginning: Block | str, lifetime: AsyncExitStack
    ) -> PeerChannel:
        directory, disk = self._folder(channel_id), self._environment.disk
        store = lifetime.enter_context(open_views("peer", self._settings.store, directory, disk))
        channel = await open_channel(
            beginning,
            ChannelStorage(directory / BLOCKS, store, self._settings.private_data, disk),
            msp_id=self._settings.msp.id,
            checker=self._checker,
            metrics=self.metrics,
        )
        channel.signature_service = self._environment.signature_service
        lifetime.callback(channel.ledger.close)
        folder = self._settings.data_directory / "snapshots" / "completed" / channel_id
        snapshots = SnapshotRequests(channel_id, channel.ledger, store, folder)
        channel.commit_listeners.append(snapshots.block_committed)
        self.snapshots[channel_id] = snapshots
        _log.info("channel %s: %d blocks in %s", channel_id, channel.ledger.height, directory)
        return channel

    def _add(self, channel: PeerChannel) -> None:
        channel_id = channel.config.channel_id
        self._gateway_channels[channel_id] = self._gateway_channel(channel)
        self._channels[channel_id] = channel

    def _follow(self, channel: PeerChannel) -> None:
        channel_id = channel.config.channel_id
        puller = self._puller(channel)
        self._health[channel_id] = puller.fault
        self._health[f"{channel_id} blocks"] = lambda: channel.source.damage
        self._health[f"{channel_id} disk"] = lambda: channel.writes.problem
        following = (
            ("follow", channel.follow(puller)),
            ("reconcile", self._reconcile(channel)),
            ("make snapshots of", self.snapshots[channel_id].run()),
            ("watch peers of", self._watch_peers(channel_id)),
            ("inspect blocks of", channel.source.inspect()),
        )
        self._following[channel_id] = [
            self._tasks.create_task(work, name=f"{name} {channel_id}") for name, work in following
        ]

    async def _reconcile(self, channel: PeerChannel) -> None:
        with suppress(WatchClosedError):  # the peer stops
            await self.privacy.reconciler(channel).run(channel.watch)

    async def _watch_peers(self, channel_id: str) -> None:
        environment = self._environment
        watcher = Watcher(
            signer=self._signer,
            clock=environment.clock,
            random=environment.random,
            interval_s=self._settings.gateway.peer_check_interval_s,
        )
        await watch_peers(channel_id, self._gateway_channels[channel_id].peers, watcher)

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
        own = EndorsingPeer(
            self._settings.msp.id,
            self.address,
            LocalEndorser(self.endorser.process),
            local=True,
            queries=LocalEndorser(self.endorser.evaluate),
        )
        connector = self._environment.connector
        links = GatewayLinks(connector, own, lambda: channel.ledger.height)
        links.follow(channel.config)
        channel.config_listeners.append(links.follow)
        return GatewayChannel(
            current=lambda: channel.config,
            ledger=channel.ledger,
            definitions=channel.definitions,
            height=channel.watch,
            notifier=channel.notifier,
            peers=links.peers,
            orderers=links.orderers,
            planner=Planner(lambda: channel.config, channel.definitions),
        )
