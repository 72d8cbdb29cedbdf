"""Snapshots of Fabric's peers and ours: the same files, and each begins with the other's (§13)."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.fabric.foundation import CHANNEL, HOST, ONE, TWO, found, new_ports
from tests.fabric.real_nodes import (
    ChaincodeTerms,
    OurPeer,
    RealPeer,
    deploy,
    invoke,
    our_orderer,
    service_package,
    serving_contract,
)
from tests.fabric.test_real_nodes import block

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
    return [recorded_commit_hash(await block(peer, number)) for number in range(first, height)]


async def join_from(peer: RealPeer, snapshot: Path) -> None:
    """Join the channel with Fabric's tool, and return once the peer is on it."""
    await peer.tool("channel", "joinbysnapshot", "--snapshotpath", str(snapshot))
    async with asyncio.timeout(PATIENCE_S):
        while CHANNEL not in await peer.tool("channel", "list"):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def test_both_kinds_of_peers_write_the_same_files_and_begin_with_the_others(
    tmp_path: Path,
) -> None:
    ports = new_ports()
    foundation = found(tmp_path / "crypto", ports)
    theirs = RealPeer(foundation, ONE, "peer0", tmp_path / ONE, ports.peers[ONE, "peer0"])
    ours = OurPeer(foundation, TWO, "peer0", tmp_path / TWO, ports.peers[TWO, "peer0"])
    late = RealPeer(foundation, ONE, "peer1", tmp_path / "late", ports.peers[ONE, "peer1"])
    our_late = OurPeer(foundation, TWO, "peer1", tmp_path / "ours", ports.peers[TWO, "peer1"])
    both = (theirs, ours)
    address = f"{HOST}:{ports.chaincode}"
    package = service_package("probe_1", address)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(our_orderer(foundation, ports, tmp_path / "orderer"))
        await stack.enter_async_context(serving_contract(package, address, tmp_path / "cc.log"))
        for peer in both:
            await stack.enter_async_context(peer.running())
            await peer.join()
        policy = f"AND('{ONE}.peer','{TWO}.peer')"
        await deploy(both, ports, [package, package], ChaincodeTerms("probe", policy))
        await invoke(both, ports, '{"Args":["fill","row","120"]}')
        await invoke(both, ports, '{"Args":["remove","row00007"]}')
        last = await theirs.height() - 1
        await ours.wait_for(last + 1)
        of_theirs, of_ours = [await snapshot_of(peer, last) for peer in both]
        assert files(of_ours) == files(of_theirs)
        for peer, snapshot in ((late, of_ours), (our_late, of_theirs)):
            await stack.enter_async_context(peer.running())
            await join_from(peer, snapshot)
        await invoke(both, ports, '{"Args":["append","log","entry"]}')
        await invoke(both, ports, '{"Args":["count","row","rox","total"]}')
        height = await theirs.height()
        expected = await commit_hashes(theirs, last + 1, height)
        assert [bool(each) for each in expected] == [True, True]
        for peer in (ours, late, our_late):
            assert await commit_hashes(peer, last + 1, height) == expected, peer.directory
