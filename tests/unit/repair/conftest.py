"""Ledgers on disk, as a peer and an orderer leave them when they stop."""

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.conftest import CHANNEL_ID, ChannelMaterial

from tallystick.node.committer import ChannelStorage, open_channel
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.chain_start import read_start
from tallystick.node.ledger.leveldb import LevelDbStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.segments import SegmentFiles
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.ordering.block_writer import BlockWriter
from tallystick.node.repair.folder import LedgerFolder, open_folder
from tallystick.protos.common.common_pb2 import Block

BLOCKS = 5

MakePeer = Callable[[str], Awaitable[LedgerFolder]]


@pytest.fixture
async def chain(channel_material: ChannelMaterial, tmp_path: Path) -> list[Block]:
    """Return signed blocks, each with one transaction that is well signed and senseless."""
    store = BlockStore(tmp_path / "chain", MemoryStore())
    store.append(channel_material.genesis())
    nonces = count()
    writer = BlockWriter(
        store, channel_material.orderer, new_nonce=lambda: next(nonces).to_bytes(24, "big")
    )
    written = [
        await writer.write(
            [channel_material.envelope(b"%d" % number, transaction_id=f"{number:064x}")]
        )
        for number in range(BLOCKS - 1)
    ]
    store.close()
    return [channel_material.genesis(), *written]


async def commit(folder: Path, chain: list[Block]) -> None:
    """Commit the blocks that a peer's folder lacks, as the peer does."""
    from_snapshot = read_start(folder / "blocks").block_number > 0
    with LevelDbStore(folder / "store") as store:
        channel = await open_channel(
            CHANNEL_ID if from_snapshot else chain[0],
            ChannelStorage(folder / "blocks", store),
            msp_id="ClearingMSP",
            checker=SignatureChecker(),
            metrics=PeerMetrics(),
        )
        for block in chain[channel.ledger.height :]:
            await channel.commit(Block.FromString(block.SerializeToString()))
        channel.ledger.close()


@pytest.fixture
def make_peer(chain: list[Block], tmp_path: Path) -> MakePeer:
    """Return what makes a peer's ledger of the whole chain in a folder of some name."""

    async def make(name: str) -> LedgerFolder:
        directory = tmp_path / name / "channels" / CHANNEL_ID
        directory.mkdir(parents=True)
        await commit(directory, chain)
        return open_folder(directory)

    return make


@pytest.fixture
async def peer(make_peer: MakePeer) -> LedgerFolder:
    """Return a peer's ledger."""
    return await make_peer("peer")


@pytest.fixture
def orderer(chain: list[Block], tmp_path: Path) -> LedgerFolder:
    """Return an orderer's ledger of the same channel."""
    directory = tmp_path / "orderer" / "channels" / CHANNEL_ID
    with LevelDbStore(directory / "index") as index:
        blocks = BlockStore(directory / "blocks", index)
        for block in chain:
            blocks.append(block)
        blocks.close()
    return open_folder(directory)


def rewrite(folder: LedgerFolder, change: Callable[[list[Block]], object]) -> None:
    """Write the block files again, whole and with another content."""
    blocks = list(folder.read())
    change(blocks)
    for path in folder.blocks.glob("*.blocks"):
        path.unlink()
    files = SegmentFiles(folder.blocks)
    for block in blocks:
        files.append(block.SerializeToString())
    files.close()
