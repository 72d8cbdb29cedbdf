"""The orderer: where its stores are made and its parts are joined."""

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.responses import BlockForm
from tallystick.node.deliver.service import DeliverRules, DeliverService
from tallystick.node.deliver.source import BlockSource
from tallystick.node.joining import (
    AlreadyJoinedError,
    JoinedChannels,
    begun_by,
    first_blocks,
)
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.observability.metrics import OrdererMetrics
from tallystick.node.observability.operations import HealthChecks
from tallystick.node.ordering.block_writer import BlockWriter, last_config_index
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.ordering.sequencer import QueueLimits
from tallystick.node.ordering.served_channels import (
    ConfiguredChannelError,
    OrdererStoppingError,
    RemovalPendingError,
    UnknownChannelError,
    check_can_order,
)
from tallystick.node.ordering.service import BroadcastService
from tallystick.node.ordering.solo import SoloChain
from tallystick.node.process import GenesisMismatchError
from tallystick.node.settings import OrdererSettings
from tallystick.node.transport.local import LocalOrderer
from tallystick.node.transport.ports import StreamService
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.signing import Signer

READERS = "/Channel/Readers"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrdererEnvironment:
    """What an orderer takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        new_nonce: Random bytes, different at each call.
    """

    clock: Callable[[], int]
    new_nonce: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class OrdererChannel:
    """One channel on this orderer.

    Attributes:
        admission: Judges envelopes.
        chain: Puts them in order.
        source: The blocks.
        stores: Closes what the channel keeps open.
        fault: Why blocks must not be relied on at the moment; empty when all is well.
    """

    admission: ChannelAdmission
    chain: SoloChain
    source: BlockSource
    stores: ExitStack
    fault: str = ""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""
        return self.admission.config


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
        self._broadcast = BroadcastService(self._channels.get)
        self._deliver = DeliverService(
            self._channels.get,
            DeliverRules(
                policy=_readers,
                clock=environment.clock,
                time_window_s=settings.connections.deliver_time_window_s,
                binds_to_tls=settings.tls is not None and settings.tls.client_certificate_required,
            ),
        )
        self._lifetime = AsyncExitStack()
        self.metrics = OrdererMetrics()
        self.metrics.show_heights(
            lambda: {name: each.chain.height for name, each in self._channels.items()}
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(self._close_stores)
            self._configured = frozenset(map(begun_by, self._genesis_blocks))
            blocks = first_blocks(self._genesis_blocks, self._joined.genesis_blocks())
            for channel_id, genesis in blocks.items():
                self._channels[channel_id] = self._open_channel(genesis)
            self._tasks = await stack.enter_async_context(supervised_tasks())
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
    def deliver(self) -> StreamService:
        """The service that gives blocks."""
        return self._deliver.deliver

    @property
    def health_checks(self) -> HealthChecks:
        """What `/healthz` asks."""
        return {"ordering": lambda: "the orderer is shutting down" if self._draining else ""}

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
        for channel in self._channels.values():
            channel.source.watch.close()

    def _start(self, channel_id: str) -> None:
        chain = self._channels[channel_id].chain
        self._chains[channel_id] = self._tasks.create_task(
            chain.run(), name=f"chain of {channel_id}"
        )

    def _close_stores(self) -> None:
        with ExitStack() as stack:
            for channel in self._channels.values():
                stack.enter_context(channel.stores)

    def _open_channel(self, genesis: Block) -> OrdererChannel:
        config = ChannelConfig.from_block(genesis)
        check_can_order(config, self._settings.msp.id)
        channel_id = config.channel_id
        directory = self._directory / channel_id
        with ExitStack() as opening:
            index = opening.enter_context(open_store(self._settings.store, directory / "index"))
            store = BlockStore(directory / "blocks", index)
            opening.callback(store.close)
            _begin_with(genesis, store, channel_id, directory)
            channel = self._channel(store, opening)
        _log.info("channel %s: %d blocks in %s", channel_id, store.height, directory)
        return channel

    def _channel(self, store: BlockStore, opening: ExitStack) -> OrdererChannel:
        config = ChannelConfig.from_block(store.read(last_config_index(_last_block(store))))
        environment = self._environment
        author = EnvelopeAuthor(self._signer, environment.new_nonce, environment.clock)
        admission = ChannelAdmission(config, author)
        watch = HeightWatch(store.height)
        return OrdererChannel(
            admission=admission,
            chain=SoloChain(
                BlockWriter(store, self._signer, new_nonce=environment.new_nonce),
                admission,
                limits=QueueLimits(
                    self._settings.queue.max_envelopes, self._settings.queue.max_bytes
                ),
                on_height=watch.advance,
            ),
            source=BlockSource(store, watch),
            stores=opening.pop_all(),
        )


def _begin_with(genesis: Block, store: BlockStore, channel_id: str, directory: Path) -> None:
    if store.height == 0:
        store.append(genesis)
        store.sync()
    elif block_header_hash(store.read(0).header) != block_header_hash(genesis.header):
        raise GenesisMismatchError(channel_id, directory)


def _last_block(store: BlockStore) -> Block:
    return store.read(store.height - 1)


def _readers(config: ChannelConfig, form: BlockForm) -> str:  # noqa: ARG001 - one for all forms
    return READERS
