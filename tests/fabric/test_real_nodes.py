"""Fabric's own nodes beside ours on one channel (wire.md §18.1, §18.2, §18.4, §18.5)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest
from tests.fabric.foundation import (
    CHANNEL,
    HOST,
    ONE,
    TWO,
    Foundation,
    Ports,
    found,
    new_ports,
)
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
from tests.fabric.real_orderer import real_orderer

from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.protos.common.common_pb2 import Block

StartOrderer = Callable[[Foundation, Ports, Path], AbstractAsyncContextManager[None]]


async def block(peer: RealPeer, number: int) -> Block:
    file = peer.directory / f"{number}.block"
    await peer.tool("channel", "fetch", str(number), str(file), "-c", CHANNEL)
    return Block.FromString(file.read_bytes())


@pytest.mark.parametrize("start", [real_orderer, our_orderer])
async def test_our_peer_and_fabrics_endorse_together_and_reach_equal_commit_hashes(
    tmp_path: Path, start: StartOrderer
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
        await stack.enter_async_context(start(foundation, ports, tmp_path / "orderer"))
        await stack.enter_async_context(serving_contract(package, address, tmp_path / "cc.log"))
        for peer in both:
            await stack.enter_async_context(peer.running())
            await peer.join()
        policy = f"AND('{ONE}.peer','{TWO}.peer')"
        await deploy(both, ports, [package, package], ChaincodeTerms("probe", policy))
        for arguments in (
            '{"Args":["fill","row","120"]}',
            '{"Args":["count","row","rox","total"]}',
            '{"Args":["append","log","entry"]}',
            '{"Args":["remove","row00007"]}',
        ):
            await invoke(both, ports, arguments)
        height = await theirs.height()
        # Migration: a peer of either kind replays the channel from its first block.
        for peer in (late, our_late):
            await stack.enter_async_context(peer.running())
            await peer.join()
        for peer in (ours, late, our_late):
            await peer.wait_for(height)
        expected = [await block(theirs, number) for number in range(1, height)]
        for peer in (ours, late, our_late):
            for wanted in expected:
                found_here = await block(peer, wanted.header.number)
                assert recorded_commit_hash(found_here) == recorded_commit_hash(wanted) != b""
