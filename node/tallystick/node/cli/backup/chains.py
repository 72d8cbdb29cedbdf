"""The chains in a copied folder: opened once, so that a restored node is known to start.

A lone orderer's chain is completed first with what peers have: if the orderer numbered other
blocks as those that it ordered after its backup, no peer could follow it any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from tallystick.client.errors import EvaluateError
from tallystick.client.gateway import Gateway
from tallystick.client.network import Network
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.backup.errors import PeersDifferError
from tallystick.node.deliver.responses import is_config_block
from tallystick.node.deliver.verification import UntrustedBlockError, verify_block
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ordering.block_writer import last_config_index
from tallystick.node.settings import OrdererSettings, PeerSettings
from tallystick.protos.common.common_pb2 import (
    COMMIT_HASH,
    TRANSACTIONS_FILTER,
    Block,
)
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.wire.hashing import block_header_hash

_BLOCKS: Final = "blocks"
_PEERS_OWN: Final = (TRANSACTIONS_FILTER, COMMIT_HASH)


def opened_heights(settings: PeerSettings | OrdererSettings, data: Path) -> Mapping[str, int]:
    """Return how many blocks each channel in a copied folder has, after its views caught up.

    Raises:
        LedgerError: One cannot be opened; its message says why.
    """
    heights = {}
    for channel_id, folder in _channels(data):
        if isinstance(settings, OrdererSettings):
            with _block_store(settings, folder) as blocks:
                heights[channel_id] = blocks.height
        else:
            with (
                open_store(settings.store, folder / "store") as store,
                closing(Ledger.open(folder / _BLOCKS, store)) as ledger,
            ):
                heights[channel_id] = ledger.height
    return heights


async def add_newer_blocks(
    settings: OrdererSettings, data: Path, profiles: Sequence[Path]
) -> Mapping[str, int]:
    """Add what peers have beyond an orderer's copied chains; return how many blocks, by channel.

    Each peer is asked for each channel, and must answer: a block that only it has counts.

    Raises:
        PeersDifferError: A peer has another chain, or none of them is on a channel.
        ClientError: A profile cannot be used, or its peer does not answer.
    """
    added = {}
    for channel_id, folder in _channels(data):
        with _block_store(settings, folder) as blocks:
            before, told = blocks.height, 0
            for profile in profiles:
                async with await Gateway.from_profile(profile) as gateway:
                    told += await _follow(gateway.network(channel_id), blocks)
            if not told:
                raise PeersDifferError(channel_id, "none of the peers is on the channel")
            added[channel_id] = blocks.height - before
    return added


async def _follow(network: Network, blocks: BlockStore) -> bool:
    """Take the blocks that a peer has and ``blocks`` lack; return whether it is on the channel."""
    try:
        answer = await network.contract("qscc").evaluate("GetChainInfo", network.channel_id)
    except EvaluateError as error:
        if error.refusals:
            return False
        raise
    info = BlockchainInfo.FromString(answer)
    if info.height <= blocks.height:
        last = block_header_hash(blocks.read(info.height - 1).header)
        if last != info.currentBlockHash:
            raise PeersDifferError(network.channel_id, f"block {info.height - 1} is another one")
        return True
    async with network.block_events(start_block=blocks.height) as newer:
        async for block in newer:
            _append(block, blocks, network.channel_id)
            if blocks.height >= info.height:
                break
    return True


def _append(block: Block, blocks: BlockStore, channel_id: str) -> None:
    last = blocks.read(blocks.height - 1)
    config = ChannelConfig.from_block(blocks.read(last_config_index(last)))
    try:
        verify_block(block, last.header, config)
    except UntrustedBlockError as error:
        raise PeersDifferError(channel_id, error.problem) from error
    if is_config_block(block):
        ChannelConfig.from_block(block)  # else the orderer could not start with it
    for slot in _PEERS_OWN:
        block.metadata.metadata[slot] = b""
    blocks.append(block)


@contextmanager
def _block_store(settings: OrdererSettings, folder: Path) -> Iterator[BlockStore]:
    with (
        open_store(settings.store, folder / "index") as index,
        closing(BlockStore(folder / _BLOCKS, index)) as blocks,
    ):
        yield blocks


def _channels(data: Path) -> Iterator[tuple[str, Path]]:
    for folder in sorted((data / "channels").glob("*/")):
        if (folder / _BLOCKS).is_dir():
            yield folder.name, folder
