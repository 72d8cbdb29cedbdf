"""Blocks that a peer of Fabric has judged must get the same verdicts here (wire.md §12, §18.5)."""

import gzip
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.deliver.verification import verify_block
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.protos.common.common_pb2 import COMMIT_HASH, TRANSACTIONS_FILTER, Block
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

RECORDING = Path(__file__).parent / "replay" / "blocks.gz"
EXPECTED = {
    "VALID",
    "MVCC_READ_CONFLICT",
    "PHANTOM_READ_CONFLICT",
    "ENDORSEMENT_POLICY_FAILURE",
    "DUPLICATE_TXID",
    "BAD_CREATOR_SIGNATURE",
    "INVALID_CHAINCODE",
}


def recorded() -> Iterator[Block]:
    content = gzip.decompress(RECORDING.read_bytes())
    while content:
        size = int.from_bytes(content[:4], "big")
        yield Block.FromString(content[4 : 4 + size])
        content = content[4 + size :]


def names(flags: bytes) -> list[str]:
    by_code = {code: name for name, code in TxValidationCode.items()}
    return [by_code[TxValidationCode.ValueType(code)] for code in flags]


def undecided(block: Block) -> Block:
    """Return the block as the orderer delivered it: without what a peer adds."""
    fresh = Block()
    fresh.CopyFrom(block)
    fresh.metadata.metadata[TRANSACTIONS_FILTER] = b""
    fresh.metadata.metadata[COMMIT_HASH] = b""
    return fresh


@pytest.fixture
def blocks() -> list[Block]:
    return list(recorded())


async def begun(genesis: Block, directory: Path, msp_id: str) -> PeerChannel:
    storage = ChannelStorage(directory / "blocks", MemoryStore())
    return await open_channel(
        undecided(genesis), storage, msp_id=msp_id, checker=SignatureChecker()
    )


@pytest.mark.parametrize("msp_id", ["OneMSP", "OutsiderMSP"])
async def test_every_block_gets_the_flags_and_the_commit_hash_that_fabric_gave_it(
    blocks: list[Block], tmp_path: Path, msp_id: str
) -> None:
    channel = await begun(blocks[0], tmp_path, msp_id)
    for previous, block in pairwise(blocks):
        number = block.header.number
        received = undecided(block)
        verify_block(received, previous.header, channel.config)
        await channel.commit(received)
        mine = channel.ledger.block(number).metadata.metadata[TRANSACTIONS_FILTER]
        theirs = block.metadata.metadata[TRANSACTIONS_FILTER]
        assert names(mine) == names(theirs), f"flags of block {number}"
        assert channel.ledger.last_commit_hash() == recorded_commit_hash(block), f"block {number}"
    channel.ledger.close()


def test_the_recording_has_every_kind_of_verdict(blocks: list[Block]) -> None:
    found = {
        name for block in blocks for name in names(block.metadata.metadata[TRANSACTIONS_FILTER])
    }

    assert found >= EXPECTED


def test_every_block_after_the_first_records_a_commit_hash(blocks: list[Block]) -> None:
    assert all(recorded_commit_hash(block) for block in blocks[1:])
