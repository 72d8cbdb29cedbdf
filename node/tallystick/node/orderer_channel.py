"""One channel on an orderer: its blocks, what may be ordered, and the chain that orders it."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.orderer_addresses import orderer_addresses
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.source import BlockSource
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.inspection_record import InspectionRecord
from tallystick.node.ledger.segments import SEGMENT_SUFFIX
from tallystick.node.ledger.views import open_views
from tallystick.node.ordering.block_writer import BlockWriter, last_config_index
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.ordering.etcd.chain import EtcdChain
from tallystick.node.ordering.etcd.copying import Copyist, LocalCopy
from tallystick.node.ordering.etcd.fellows import Fellows
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.shared import SharedOrdering
from tallystick.node.ordering.sequencer import QueueLimits
from tallystick.node.ordering.served_channels import check_can_begin, check_consensus
from tallystick.node.ordering.solo import SoloChain
from tallystick.node.process import GenesisMismatchError
from tallystick.node.settings import OrdererSettings
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.signing import Signer

FellowsOf = Callable[[Callable[[], ChannelConfig]], Fellows]
"""Returns the other orderers of a channel whose configuration the argument tells."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sharing:
    """How an orderer orders together with others.

    Attributes:
        shared: The etcd cluster, and what this orderer brings to it.
        fellows: The others.
    """

    shared: SharedOrdering
    fellows: FellowsOf


@dataclass(frozen=True, slots=True)
class OrdererEnvironment:
    """What an orderer takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        new_nonce: Random bytes, different at each call.
        sharing: The other orderers; None if this one orders alone.
        disk: Has the blocks.
    """

    clock: Callable[[], int]
    new_nonce: Callable[[], bytes]
    sharing: Sharing | None = None
    disk: Disk = MACHINE_DISK


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
    chain: SoloChain | EtcdChain
    source: BlockSource
    stores: ExitStack
    fault: str = ""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""
        return self.admission.config


def open_channel(
    genesis: Block,
    directory: Path,
    settings: OrdererSettings,
    signer: Signer,
    environment: OrdererEnvironment,
) -> OrdererChannel:
    """Open the channel that begins with ``genesis``, in a folder of its own below ``directory``.

    Who orders it may have changed since. An orderer of an organisation that orders it no more, or
    not yet, has its blocks all the same; one that shares the order may copy all of them.

    Raises:
        ChannelConfigError: The block holds no configuration that this orderer can use.
        NotOrdererError: This orderer would begin, alone, a channel that others order.
        ConsensusError: The channel has another consensus.
        GenesisMismatchError: The folder holds another channel of that name.
        OtherKindOfDataError: The folder is a peer's.
    """
    config = ChannelConfig.from_block(genesis)
    folder = directory / config.channel_id
    if not environment.disk.names(folder / "blocks", SEGMENT_SUFFIX):
        check_consensus(config)  # before there is a folder
        if environment.sharing is None:
            check_can_begin(config, settings.msp.id)
    with ExitStack() as opening:
        index = opening.enter_context(
            open_views("orderer", settings.store, folder, environment.disk)
        )
        store = BlockStore(folder / "blocks", index, disk=environment.disk)
        opening.callback(store.close)
        _begin_with(genesis, store, config.channel_id, folder)
        last = store.read(store.height - 1)
        config = ChannelConfig.from_block(store.read(last_config_index(last)))
        check_consensus(config)
        _tell_place(config, settings.msp.id)
        author = EnvelopeAuthor(signer, environment.new_nonce, environment.clock)
        admission = ChannelAdmission(config, author)
        watch = HeightWatch(store.height)
        writer = BlockWriter(store, signer, new_nonce=environment.new_nonce)
        limits = QueueLimits(settings.queue.max_envelopes, settings.queue.max_bytes)
        chain: SoloChain | EtcdChain
        if environment.sharing is None:
            chain = SoloChain(writer, admission, limits=limits, on_height=watch.advance)
        else:
            local = _local_copy(Copyist(writer, admission, watch.advance), store, admission)
            chain = _shared_chain(environment.sharing, local, limits)
        _log.info("channel %s: %d blocks in %s", config.channel_id, store.height, folder)
        source = BlockSource(store, watch, InspectionRecord(index))
        return OrdererChannel(admission, chain, source, opening.pop_all())


def _local_copy(copyist: Copyist, store: BlockStore, admission: ChannelAdmission) -> LocalCopy:
    return LocalCopy(
        copyist,
        store.read,
        store.size_bytes,
        admission,
        lambda: orderer_addresses(admission.config).keys(),
    )


def _shared_chain(sharing: Sharing, local: LocalCopy, limits: QueueLimits) -> EtcdChain:
    keys = LogKeys(
        sharing.shared.prefix,
        local.rules.config.channel_id,
        block_header_hash(local.block(0).header),
    )
    fellows = sharing.fellows(lambda: local.rules.config)
    return EtcdChain(sharing.shared, local, fellows, keys=keys, limits=limits)


def _tell_place(config: ChannelConfig, msp_id: str) -> None:
    if msp_id not in config.orderer_msp_ids:
        _log.warning(
            "channel %s: by configuration %d, %s does not order it, but %s do: its blocks are kept"
            " and delivered here",
            *(config.channel_id, config.sequence, msp_id, ", ".join(config.orderer_msp_ids)),
        )


def _begin_with(genesis: Block, store: BlockStore, channel_id: str, directory: Path) -> None:
    if store.height == 0:
        store.append(genesis)
        store.sync()
    elif block_header_hash(store.read(0).header) != block_header_hash(genesis.header):
        raise GenesisMismatchError(channel_id, directory)
