"""Snapshots of Fabric's peers and ours: the same files, and each begins with the other's (§13)."""

import asyncio
from pathlib import Path

from tests.fabric.foundation import CHANNEL
from tests.fabric.mixed_network import mixed_network
from tests.fabric.real_nodes import OurPeer, RealPeer

from tallystick.node.ledger.committed import recorded_commit_hash

PATIENCE_S = 60
POLL_S = 0.1
METADATA = "_snapshot_additional_metadata.json"


def snapshots(peer: RealPeer) -> Path:
    """Return where a peer keeps its snapshots of the channel."""
    data = peer.directory / "data" if isinstance(peer, OurPeer) else peer.directory
    return data / "snapshots" / "completed" / CHANNEL


async def snapshot_of(peer: RealPeer, number: int) -> Path:
    """Ask for a snapshot after the last block, with Fabric's tool, and return its folder."""
    root = str(peer.foundation.tls_root(peer.msp_id))
    where = ("--peerAddress", peer.address, "--tlsRootCertFile", root)
    await peer.tool("snapshot", "submitrequest", "-c", CHANNEL, "-b", "0", *where)
    folder = snapshots(peer) / str(number)
    async with asyncio.timeout(PATIENCE_S):
        while not (folder / METADATA).exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(POLL_S)
    return folder


def files(snapshot: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in snapshot.iterdir()}


async def commit_hashes(peer: RealPeer, first: int, height: int) -> list[bytes]:
    """Return what a peer records of the blocks from ``first`` on, as soon as it has them."""
    await peer.wait_for(height)
    return [recorded_commit_hash(await peer.block(number)) for number in range(first, height)]


async def join_from(peer: RealPeer, snapshot: Path) -> None:
    """Join the channel with Fabric's tool, and return once the peer is on it."""
    await peer.tool("channel", "joinbysnapshot", "--snapshotpath", str(snapshot))
    async with asyncio.timeout(PATIENCE_S):
        while CHANNEL not in await peer.tool("channel", "list"):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def test_both_kinds_of_peers_write_the_same_files_and_begin_with_the_others(
    tmp_path: Path,
) -> None:
    async with mixed_network(tmp_path) as network:
        theirs, ours = network.theirs, network.ours
        await network.invoke('{"Args":["fill","row","120"]}', '{"Args":["remove","row00007"]}')
        last = await theirs.height() - 1
        await ours.wait_for(last + 1)
        of_theirs, of_ours = [await snapshot_of(peer, last) for peer in (theirs, ours)]
        assert files(of_ours) == files(of_theirs)
        await join_from(network.late, of_ours)
        await join_from(network.our_late, of_theirs)
        await network.invoke(
            '{"Args":["append","log","entry"]}', '{"Args":["count","row","rox","total"]}'
        )
        height = await theirs.height()
        expected = await commit_hashes(theirs, last + 1, height)
        assert [bool(each) for each in expected] == [True, True]
        for peer in (ours, network.late, network.our_late):
            assert await commit_hashes(peer, last + 1, height) == expected, peer.directory
