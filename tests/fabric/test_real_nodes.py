"""Fabric's own nodes beside ours on one channel (wire.md §18.1, §18.2, §18.4, §18.5)."""

from pathlib import Path

import pytest
from tests.fabric.mixed_network import StartOrderer, mixed_network
from tests.fabric.real_nodes import our_orderer
from tests.fabric.real_orderer import real_orderer

from tallystick.node.ledger.committed import recorded_commit_hash


@pytest.mark.parametrize("start", [real_orderer, our_orderer])
async def test_our_peer_and_fabrics_endorse_together_and_reach_equal_commit_hashes(
    tmp_path: Path, start: StartOrderer
) -> None:
    async with mixed_network(tmp_path, start) as network:
        await network.invoke(
            '{"Args":["fill","row","120"]}',
            '{"Args":["count","row","rox","total"]}',
            '{"Args":["append","log","entry"]}',
            '{"Args":["remove","row00007"]}',
        )
        height = await network.theirs.height()
        # Migration: a peer of either kind replays the channel from its first block.
        for peer in (network.late, network.our_late):
            await peer.join()
        others = (network.ours, network.late, network.our_late)
        for peer in others:
            await peer.wait_for(height)
        for number in range(1, height):
            expected = recorded_commit_hash(await network.theirs.block(number))
            for peer in others:
                assert recorded_commit_hash(await peer.block(number)) == expected != b""
