"""The orderer: where its stores are made and its parts are joined."""

import asyncio
import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Self

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.responses import BlockForm
from tallystick.node.deliver.service import DeliverRules, DeliverService
from tallystick.node.joining import (
    AlreadyJoinedError,
    JoinedChannels,
    begun_by,
    first_blocks,
)
from tallystick.node.limits.rates import ClientRates
from tallystick.node.limits.streams import ClientStreams
from tallystick.node.observability.metrics import OrdererMetrics
from tallystick.node.observability.operations import HealthChecks
from tallystick.node.orderer_channel import OrdererChannel, OrdererEnvironment, open_channel
from tallystick.node.ordering.etcd.chain import EtcdChain
from tallystick.node.ordering.served_channels import (
    ConfiguredChannelError,
    OrdererStoppingError,
    RemovalPendingError,
    UnknownChannelError,
)
from tallystick.node.ordering.service import BroadcastService, ForwardService, SharedChannel
from tallystick.node.settings import OrdererSettings
from tallystick.node.transport.local import LocalOrderer
from tallystick.node.transport.ports import StreamService
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.signing import Signer

READERS = "/Channel/Readers"

_log = logging.getLogger(__name__)


class OrdererNode:
    """An orderer without sockets, to be entered as a context.

    ``broadcast`` and ``deliver`` are its services, for a server or for callers in this process.
    Leaving the context writes what was accepted. If a chain fails, say because the disk is full,
    the context is cancelled: an orderer that cannot write must not go on answering.
    """

    def __init__(
        self,
        settings: OrdererSettings,
        signer: Signer,
        genesis_blocks: Sequence[Block],
        environment: OrdererEnvironment,
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._genesis_blocks = genesis_blocks
        self._environment = environment
        self._channels: dict[str, OrdererChannel] = {}
        self._chains: dict[str, asyncio.Task[None]] = {}
        self._directory = settings.data_directory / "channels"
        self._joined = JoinedChannels(self._directory)
        self._configured: frozenset[str] = frozenset()
        self._leaving: set[str] = set()
        self._draining = False
        self._session: asyncio.Task[None] | None = None
        self.metrics = OrdererMetrics()
        self._rates = ClientRates.on_loop(settings.client_rate)
        self._broadcast = BroadcastService(self._channels.get, self.metrics, self._rates)
        self._deliver = DeliverService(
            self._channels.get,
            DeliverRules.from_settings(settings, _readers, environment.clock),
            ClientStreams(settings.connections.max_streams_per_client),
        )
        self._lifetime = AsyncExitStack()
        self.metrics.show_heights(
            lambda: {name: each.chain.height for name, each in self._channels.items()}
        )
        self.metrics.show_waiting_envelopes(
            lambda: {name: each.chain.waiting for name, each in self._channels.items()}
        )
        self.metrics.show_leadership(
            lambda: {name: each.chain.leads for name, each in self._channels.items()}
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(self._close_stores)
            self._configured = frozenset(map(begun_by, self._genesis_blocks))
            blocks = first_blocks(self._genesis_blocks, self._joined.genesis_blocks())
            for channel_id, genesis in blocks.items():
                self._channels[channel_id] = self._open_channel(genesis)
            self._tasks = await stack.enter_async_context(supervised_tasks())
            if self._environment.sharing is not None:
                session = self._environment.sharing.shared.session
                self._session = self._tasks.create_task(session.run(), name="etcd lease")
            stack.push_async_callback(self.drain)
            for channel_id in self._channels:
                self._start(channel_id)
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
    def channels(self) -> Mapping[str, OrdererChannel]:
        """The channels that are ordered here, by id."""
        return self._channels

    def served(self, channel_id: str) -> OrdererChannel:
        """Return a channel that is ordered here.

        Raises:
            UnknownChannelError: It is not.
            RemovalPendingError: It is being removed.
        """
        if channel_id in self._leaving:
            raise RemovalPendingError(channel_id)
        if channel_id not in self._channels:
            raise UnknownChannelError(channel_id)
        return self._channels[channel_id]

    @property
    def broadcast(self) -> StreamService:
        """The service that takes envelopes."""
        return self._broadcast.broadcast

    @property
    def forwarded(self) -> StreamService:
        """The service that takes what other orderers forward."""
        return ForwardService(self._shared_channel, self._rates).forward

    def _shared_channel(self, channel_id: str) -> SharedChannel | None:
        channel = self._channels.get(channel_id)
        if channel is None or not isinstance(channel.chain, EtcdChain):
            return None
        return SharedChannel(channel.chain, channel.config)

    @property
    def deliver(self) -> StreamService:
        """The service that gives blocks."""
        return self._deliver.deliver

    @property
    def health_checks(self) -> HealthChecks:
        """What `/healthz` asks."""
        return {"ordering": self._problem, "blocks": self._damage}

    def _problem(self) -> str:
        if self._draining:
            return "the orderer is shutting down"
        problems = {name: channel.chain.problem for name, channel in self._channels.items()}
        return "; ".join(f"{name}: {each}" for name, each in problems.items() if each)

    def _damage(self) -> str:
        damages = {name: channel.source.damage for name, channel in self._channels.items()}
        return "; ".join(f"{name}: {each}" for name, each in damages.items() if each)

    def connection(self) -> LocalOrderer:
        """Return a way to reach this orderer from the same process."""
        return LocalOrderer(
            self.broadcast, self.deliver, endpoint=f"{self._settings.listen_address} (in-process)"
        )

    async def join(self, genesis: Block) -> str:
        """Order the channel that begins with ``genesis`` from now on, and after every restart.

        Returns:
            The channel's id.

        Raises:
            AlreadyJoinedError: It is ordered here.
            RemovalPendingError: It is being removed.
            ChannelConfigError: The block holds no configuration that this orderer can use.
            NotFirstBlockError: It does not begin a channel.
            NotOrdererError: The channel has other orderers.
            ConsensusError: It has another consensus.
            OrdererStoppingError: The orderer stops.
        """
        channel_id = begun_by(genesis)
        if channel_id in self._leaving:
            raise RemovalPendingError(channel_id)
        if channel_id in self._channels:
            raise AlreadyJoinedError(channel_id)
        if self._draining:
            raise OrdererStoppingError
        channel = self._open_channel(genesis)
        with ExitStack() as opening:
            opening.push(channel.stores)
            self._joined.remember(channel_id, genesis)
            opening.pop_all()
        self._channels[channel_id] = channel
        self._start(channel_id)
        return channel_id

    async def remove(self, channel_id: str) -> None:
        """Write what was accepted for a channel, end its streams, and delete its blocks.

        Raises:
            UnknownChannelError: It is not ordered here.
            RemovalPendingError: It is being removed.
            ConfiguredChannelError: The settings name it.
        """
        channel = self.served(channel_id)
        if channel_id in self._configured:
            raise ConfiguredChannelError(channel_id)
        del self._channels[channel_id]
        self._leaving.add(channel_id)
        try:
            with channel.stores:
                self._joined.forget(channel_id)
                channel.chain.drain()
                await asyncio.wait([self._chains.pop(channel_id)])
                channel.source.watch.close()
                if isinstance(channel.chain, EtcdChain):
                    await channel.chain.leave()
            await asyncio.to_thread(shutil.rmtree, self._directory / channel_id)
        finally:
            self._leaving.discard(channel_id)
        _log.info("removed channel %s and its blocks", channel_id)

    async def drain(self) -> None:
        """Refuse envelopes, write those accepted, then end the deliver streams.

        Readers receive every block before their streams end with SERVICE_UNAVAILABLE.
        """
        self._draining = True
        for channel in self._channels.values():
            channel.chain.drain()
        if self._chains:
            await asyncio.wait(self._chains.values())
        if self._session is not None:
            self._session.cancel()
        for channel in self._channels.values():
            channel.source.watch.close()

    def _start(self, channel_id: str) -> None:
        channel = self._channels[channel_id]
        self._chains[channel_id] = self._tasks.create_task(
            channel.chain.run(), name=f"chain of {channel_id}"
        )
        self._tasks.create_task(channel.source.inspect(), name=f"inspect blocks of {channel_id}")

    def _close_stores(self) -> None:
        with ExitStack() as stack:
            for channel in self._channels.values():
                stack.enter_context(channel.stores)

    def _open_channel(self, genesis: Block) -> OrdererChannel:
        return open_channel(
            genesis, self._directory, self._settings, self._signer, self._environment
        )


def _readers(config: ChannelConfig, form: BlockForm) -> str:  # noqa: ARG001 - one for all forms
    return READERS
