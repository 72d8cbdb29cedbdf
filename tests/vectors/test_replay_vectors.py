"""Blocks that a peer of Fabric has judged must get the same verdicts here (wire.md §12, §18.5)."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.vectors.recording import begun, flags_of, notes, recorded_blocks, undecided

from tallystick.node.committer import PeerChannel
from tallystick.node.deliver.puller import BlockPuller
from tallystick.node.deliver.verification import Previous, verify_block
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block

VERDICTS = {
    "valid": "VALID",
    "not initialised": "VALID",
    "conflict": "MVCC_READ_CONFLICT",
    "hashed conflict": "MVCC_READ_CONFLICT",
    "expired": "MVCC_READ_CONFLICT",
    "phantom": "PHANTOM_READ_CONFLICT",
    "one endorser of two": "ENDORSEMENT_POLICY_FAILURE",
    "private, one endorser of two": "ENDORSEMENT_POLICY_FAILURE",
    "not by the key's policy": "ENDORSEMENT_POLICY_FAILURE",
    "changed within the block": "ENDORSEMENT_POLICY_FAILURE",
    "bad signature": "BAD_CREATOR_SIGNATURE",
    "no envelope within": "BAD_PAYLOAD",
    "unknown chaincode": "INVALID_CHAINCODE",
}
"""What the beginning of a note makes one expect; Fabric's verdicts are in the blocks."""


@pytest.fixture
def blocks() -> list[Block]:
    return list(recorded_blocks())


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
        assert flags_of(channel.ledger.block(number)) == flags_of(block), f"flags of block {number}"
        assert channel.ledger.last_commit_hash() == recorded_commit_hash(block), f"block {number}"
    channel.ledger.close()


async def test_a_peer_that_catches_up_comes_to_the_same(
    blocks: list[Block], tmp_path: Path
) -> None:
    channel = await begun(blocks[0], tmp_path, "OneMSP")
    all_committed = asyncio.Event()

    def committed() -> None:
        if channel.ledger.height == len(blocks):
            all_committed.set()

    channel.commit_listeners.append(committed)
    async with supervised_tasks() as tasks:
        following = tasks.create_task(channel.follow(AllAtOnce(channel, blocks)))
        await all_committed.wait()
        following.cancel()
    for block in blocks[1:]:
        mine = channel.ledger.block(block.header.number)
        assert flags_of(mine) == flags_of(block), f"flags of block {block.header.number}"
        assert recorded_commit_hash(mine) == recorded_commit_hash(block)
    channel.ledger.close()


class AllAtOnce(BlockPuller):
    """Delivers the recorded blocks as fast as they are taken."""

    def __init__(self, channel: PeerChannel, blocks: list[Block]) -> None:
        self._channel = channel
        self._blocks = blocks

    async def blocks(self, last: Previous) -> AsyncGenerator[Block, None]:
        for block in self._blocks[last.number + 1 :]:
            received = undecided(block)
            verify_block(received, last, self._channel.config)
            last = block.header
            yield received
        await asyncio.Event().wait()


def test_fabric_gave_each_transaction_the_verdict_that_it_was_made_for(
    blocks: list[Block],
) -> None:
    given = {place: flags_of(blocks[place[0]])[place[1]] for place in notes()}
    repeated = {place for place, code in given.items() if code == "DUPLICATE_TXID"}

    assert len(repeated) == 2, "one of the same block, one of an earlier block"
    assert {place: given[place] for place in given if place not in repeated} == {
        place: verdict(note) for place, note in notes().items() if place not in repeated
    }
    assert set(VERDICTS.values()) <= set(given.values())


def verdict(note: str) -> str:
    return VERDICTS[max((start for start in VERDICTS if note.startswith(start)), key=len)]


def test_every_block_after_the_first_records_a_commit_hash(blocks: list[Block]) -> None:
    assert all(recorded_commit_hash(block) for block in blocks[1:])
