"""Fabric's peer goes along when an organisation replaces its authorities: wire.md §14.5, §18.1."""

import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fabric.foundation import (
    CHANNEL,
    HOST,
    ONE,
    ORDERER,
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

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_msp
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.renewal import OrganizationDirectory
from tallystick.protos.common.common_pb2 import Block

POLICY = f"AND('{ONE}.peer','{TWO}.peer')"


async def fetch(peer: RealPeer, number: str) -> Block:
    file = peer.directory / "fetched.block"
    await peer.tool("channel", "fetch", number, str(file), "-c", CHANNEL)
    return Block.FromString(file.read_bytes())


@dataclass(frozen=True)
class Site:
    """A peer of Fabric, one of ours, and our orderer; each can be stopped and started."""

    foundation: Foundation
    ports: Ports
    directory: Path
    theirs: RealPeer
    ours: OurPeer
    lifetimes: dict[str, AsyncExitStack]

    @property
    def peers(self) -> tuple[RealPeer, RealPeer]:
        return self.theirs, self.ours

    async def start(self, msp_id: str) -> None:
        lifetime = self.lifetimes[msp_id]
        if msp_id == ORDERER:
            orderer = our_orderer(self.foundation, self.ports, self.directory / "orderer")
            await lifetime.enter_async_context(orderer)
        else:
            peer = self.theirs if msp_id == ONE else self.ours
            await lifetime.enter_async_context(peer.running())

    async def tell(self, msp_id: str) -> None:
        """Let the channel know an organisation's authorities of now, by Fabric's tool."""
        config = ChannelConfig.from_block(await fetch(self.theirs, "config")).config
        msp = msp_config_from_directory(self.foundation.directory / msp_id / "msp", msp_id)
        update = with_signature(
            unsigned_update(
                compute_update(CHANNEL, config, with_msp(CHANNEL, config, msp_id, msp))
            ),
            self.foundation.signer(msp_id, "admin"),
            new_nonce=lambda: secrets.token_bytes(24),
            now_ns=time.time_ns(),  # noqa: TID251 - real nodes have real clocks
        )
        file = self.directory / "update.pb"
        file.write_bytes(update.SerializeToString())
        height = await self.theirs.height()
        root = str(self.foundation.tls_root(ORDERER))
        orderer = ("-o", f"{HOST}:{self.ports.orderer}", "--tls", "--cafile", root)
        await self.theirs.tool("channel", "update", "-f", str(file), "-c", CHANNEL, *orderer)
        for peer in self.peers:
            await peer.wait_for(height + 1)


@pytest.mark.parametrize("msp_id", [ONE, TWO, ORDERER])
async def test_authorities_are_replaced_on_a_channel_with_peers_of_both_kinds(
    tmp_path: Path, msp_id: str
) -> None:
    ports = new_ports()
    foundation = found(tmp_path / "crypto", ports)
    theirs = RealPeer(foundation, ONE, "peer0", tmp_path / ONE, ports.peers[ONE, "peer0"])
    ours = OurPeer(foundation, TWO, "peer0", tmp_path / TWO, ports.peers[TWO, "peer0"])
    lifetimes = {name: AsyncExitStack() for name in (ORDERER, ONE, TWO)}
    site = Site(foundation, ports, tmp_path, theirs, ours, lifetimes)
    directory = OrganizationDirectory(foundation.directory / msp_id)
    package = service_package("probe_1", f"{HOST}:{ports.chaincode}")
    async with AsyncExitStack() as stack:
        serving = serving_contract(package, f"{HOST}:{ports.chaincode}", tmp_path / "cc.log")
        await stack.enter_async_context(serving)
        for name, lifetime in lifetimes.items():
            await stack.enter_async_context(lifetime)
            await site.start(name)
        for peer in site.peers:
            await peer.join()
        await deploy(site.peers, ports, [package, package], ChaincodeTerms("probe", POLICY))

        directory.add_authorities(now=datetime.now(UTC))
        await site.tell(msp_id)
        for holder in directory.holders():
            directory.renew(holder, now=datetime.now(UTC))
        await lifetimes[msp_id].aclose()
        await site.start(msp_id)
        await invoke(site.peers, ports, '{"Args":["append","log","with new certificates"]}')
        directory.drop_former()
        await site.tell(msp_id)
        await invoke(site.peers, ports, '{"Args":["append","log","without the old authorities"]}')

        for number in range(1, await theirs.height()):
            found_there, found_here = [await fetch(peer, str(number)) for peer in site.peers]
            assert recorded_commit_hash(found_there) == recorded_commit_hash(found_here) != b""
