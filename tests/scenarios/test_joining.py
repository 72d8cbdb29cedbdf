"""Nodes that join channels while they run, and are still on them after a restart."""

import asyncio
import random
import secrets
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tallystick.client.gateway import Gateway
from tallystick.client.identity import Identity, PrivateKeySigner
from tallystick.client.options import ClientOptions, Environment
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.cluster.administrator import Administrator, Definition
from tallystick.node.cluster.material import Founding, genesis_block
from tallystick.node.cluster.member_topology import ADMIN
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.peer_client import PeerRefusedError, Source
from tallystick.node.cluster.topology import Topology
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.peer import PeerEnvironment, PeerNode
from tallystick.node.repair.folder import open_folder
from tallystick.node.repair.rebuild import rebuild
from tallystick.node.settings import MspSettings, OrdererSettings, PeerSettings
from tallystick.node.testing.connector import LocalConnector
from tallystick.node.testing.local_network import NetworkClock, local_topology
from tallystick.node.testing.transport import LocalTransport
from tallystick.node.transport.local import LocalEndorser
from tallystick.protos.common.common_pb2 import Block, Envelope, Payload
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope
from tallystick.protos.common.configuration_pb2 import Capabilities
from tallystick.wire.hashing import block_data_hash
from tallystick.wire.txid import NONCE_SIZE

MSP_ID: Final = "ATSMSP"
FIRST: Final = "securities"
SECOND: Final = "bonds"

clock = NetworkClock()
new_nonce = partial(secrets.token_bytes, NONCE_SIZE)


@dataclass
class Site:
    """One peer and one orderer, which can be started again and again, and first blocks for them."""

    network: Network
    material: Path
    blocks: dict[str, Block] = field(default_factory=dict)

    def genesis(self, channel_id: str) -> Block:
        if channel_id not in self.blocks:
            topology = self.network.topology
            channel = topology.channel.model_copy(update={"id": channel_id})
            self.blocks[channel_id] = genesis_block(
                topology.model_copy(update={"channel": channel}),
                self.material,
                Founding(clock(), new_nonce()),
            )
        return self.blocks[channel_id]

    def orderer(self, *channels: str) -> OrdererNode:
        node = next(node for node in self.network.nodes if node.kind == "orderer")
        settings = OrdererSettings(
            listen_address=node.address,
            data_directory=self.network.data_directory(node),
            store="sqlite",
            msp=self._msp(node),
            tls=None,
        )
        return OrdererNode(
            settings,
            SigningIdentity.from_directory(settings.msp.directory, settings.msp.id),
            [self.genesis(channel_id) for channel_id in channels],
            OrdererEnvironment(clock=clock, new_nonce=new_nonce),
        )

    def peer(self, orderer: OrdererNode, *channels: str) -> PeerNode:
        node = self.network.peer_of(MSP_ID)
        settings = PeerSettings(
            listen_address=node.address,
            data_directory=self.network.data_directory(node),
            store="sqlite",
            msp=self._msp(node),
            tls=None,
        )
        return PeerNode(
            settings,
            SigningIdentity.from_directory(settings.msp.directory, settings.msp.id),
            [self.genesis(channel_id) for channel_id in channels],
            PeerEnvironment(
                clock=clock,
                random=random.Random(0),
                connector=LocalConnector(MSP_ID, [orderer.connection()], {}),
            ),
        )

    def administrator(self, peer: PeerNode) -> Administrator:
        signer = SigningIdentity.from_directory(self._admin / "msp", MSP_ID)
        return Administrator(
            msp_id=MSP_ID,
            signer=signer,
            endorsers=[LocalEndorser(peer.endorser.process)],
            gateway=self._gateway(peer),
            source=Source(now_ns=clock, nonce=new_nonce),
        )

    def _gateway(self, peer: PeerNode) -> Gateway:
        msp = self._admin / "msp"
        return Gateway.over(
            LocalTransport(peer, [peer]),
            identity=Identity.from_file(MSP_ID, next((msp / "signcerts").glob("*.pem"))),
            signer=PrivateKeySigner.from_file(msp / "keystore" / "priv_sk"),
            options=ClientOptions(
                environment=Environment(
                    now_ns=clock,
                    nonce=new_nonce,
                    random=random.Random(0),
                    sleep=asyncio.sleep,
                )
            ),
        )

    @property
    def _admin(self) -> Path:
        return self.material / MSP_ID / "users" / ADMIN

    def _msp(self, node: Node) -> MspSettings:
        member = self.material / node.member.msp_id
        return MspSettings(
            id=node.member.msp_id, directory=member / f"{node.kind}s" / node.topology.name / "msp"
        )


@pytest.fixture
def site(tally_topology: Topology, tally_material: Path, tmp_path: Path) -> Site:
    return Site(Network(tmp_path, local_topology(tally_topology)), tally_material)


async def approve_something(administrator: Administrator, channel_id: str, sequence: int) -> None:
    """Commit a transaction on a channel: the whole way through peer, orderer and peer again."""
    async with asyncio.timeout(10):
        await administrator.approve(channel_id, Definition("notes", f"{sequence}.0"))


async def test_a_peer_joins_a_channel_and_takes_part_at_once(site: Site) -> None:
    async with site.orderer(FIRST, SECOND) as orderer, site.peer(orderer, FIRST) as peer:
        administrator = site.administrator(peer)
        assert await administrator.channels() == [FIRST]

        await administrator.join(site.genesis(SECOND).SerializeToString())

        assert await administrator.channels() == [SECOND, FIRST]
        await approve_something(administrator, SECOND, 1)
        assert peer.channels[SECOND].ledger.height == 2
        assert peer.channels[FIRST].ledger.height == 1
        assert peer.health_checks[SECOND]() == ""


async def test_a_peer_without_channels_waits_to_be_told(site: Site) -> None:
    async with site.orderer(FIRST) as orderer, site.peer(orderer) as peer:
        administrator = site.administrator(peer)
        assert await administrator.channels() == []
        await administrator.join(site.genesis(FIRST).SerializeToString())
        await approve_something(administrator, FIRST, 1)


async def test_a_peer_is_still_on_the_channel_after_a_restart(site: Site) -> None:
    async with site.orderer(FIRST, SECOND) as orderer:
        async with site.peer(orderer, FIRST) as peer:
            administrator = site.administrator(peer)
            await administrator.join(site.genesis(SECOND).SerializeToString())
            await approve_something(administrator, SECOND, 1)

        async with site.peer(orderer, FIRST) as peer:
            administrator = site.administrator(peer)
            assert await administrator.channels() == [SECOND, FIRST]
            assert peer.channels[SECOND].ledger.height == 2
            await approve_something(administrator, SECOND, 2)


async def test_a_peer_whose_blocks_were_all_set_aside_begins_anew(site: Site) -> None:
    """Its first block is kept beside the ledger, not only in it."""
    async with site.orderer(FIRST) as orderer:
        async with site.peer(orderer) as peer:
            administrator = site.administrator(peer)
            await administrator.join(site.genesis(FIRST).SerializeToString())
            await approve_something(administrator, FIRST, 1)
        (found,) = site.network.directory.rglob("joined.block")
        assert rebuild(open_folder(found.parent), 0).blocks == 0

        async with site.peer(orderer) as peer, asyncio.timeout(10):
            await peer.channels[FIRST].watch.wait_for(2)
            assert await site.administrator(peer).channels() == [FIRST]


async def test_a_peer_joins_once_however_many_ask(site: Site) -> None:
    """§8.2: joining again is refused, in Fabric's words."""
    genesis = site.genesis(FIRST).SerializeToString()
    async with site.orderer(FIRST) as orderer, site.peer(orderer) as peer:
        administrator = site.administrator(peer)
        answers = await asyncio.gather(
            *(administrator.join(genesis) for _ in range(3)), return_exceptions=True
        )
        refusals = [one for one in answers if isinstance(one, PeerRefusedError)]
        assert len(refusals) == 2
        assert {one.reason for one in refusals} == {
            "cannot create ledger from genesis block: ledger [securities] already exists with "
            "state [ACTIVE]"
        }


async def test_a_block_that_begins_no_channel_joins_nothing(site: Site) -> None:
    later = Block()
    later.CopyFrom(site.genesis(FIRST))
    later.header.number = 7
    async with site.orderer(FIRST) as orderer, site.peer(orderer) as peer:
        administrator = site.administrator(peer)
        with pytest.raises(PeerRefusedError, match="block 7 of channel 'securities' is not the"):
            await administrator.join(later.SerializeToString())
        assert await administrator.channels() == []


@pytest.mark.parametrize("area", ["channel", "orderer", "application"])
async def test_a_channel_that_asks_for_more_than_a_node_knows_is_not_joined(
    site: Site, area: str
) -> None:
    """wire.md §15.1."""
    newer = asking_for(site.genesis(SECOND), area, "V9_9")
    problem = f"{area} capability V9_9 is unknown to this node, which knows .*: upgrade the node"
    async with site.orderer(FIRST) as orderer, site.peer(orderer, FIRST) as peer:
        administrator = site.administrator(peer)
        with pytest.raises(PeerRefusedError, match=problem):
            await administrator.join(newer.SerializeToString())
        with pytest.raises(ChannelConfigError, match=problem):
            await orderer.join(newer)
        assert await administrator.channels() == list(orderer.channels) == [FIRST]


def asking_for(genesis: Block, area: str, level: str) -> Block:
    """Return a first block that asks every node for one more level."""
    envelope = Envelope.FromString(genesis.data.data[0])
    payload = Payload.FromString(envelope.payload)
    content = ConfigEnvelope.FromString(payload.data)
    root = content.config.channel_group
    group = root if area == "channel" else root.groups[area.capitalize()]
    capabilities = Capabilities.FromString(group.values["Capabilities"].value)
    capabilities.capabilities[level].SetInParent()
    group.values["Capabilities"].value = capabilities.SerializeToString()
    payload.data = content.SerializeToString()
    envelope.payload = payload.SerializeToString()
    block = Block()
    block.CopyFrom(genesis)
    block.data.data[0] = envelope.SerializeToString()
    block.header.data_hash = block_data_hash(block.data.data)
    return block


async def test_another_beginning_of_a_known_channel_is_refused(site: Site) -> None:
    async with site.orderer(FIRST) as orderer:
        async with site.peer(orderer) as peer:
            await site.administrator(peer).join(site.genesis(FIRST).SerializeToString())
        (found,) = site.network.directory.rglob("joined.block")
        found.unlink()
        del site.blocks[FIRST]
        async with site.peer(orderer) as peer:
            administrator = site.administrator(peer)
            with pytest.raises(PeerRefusedError, match="with another genesis block"):
                await administrator.join(site.genesis(FIRST).SerializeToString())
            assert await administrator.channels() == []
