"""A whole network in one process, for tests: real nodes, contracts and signatures, no ports."""

import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tallystick.client.contract import Contract
from tallystick.client.gateway import Gateway
from tallystick.client.identity import Identity, PrivateKeySigner
from tallystick.client.options import ClientOptions, Environment
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.channels import begin
from tallystick.node.cluster.deployment import deploy, deployable
from tallystick.node.cluster.governance import Governance
from tallystick.node.cluster.material import Founding, generate_material
from tallystick.node.cluster.member_topology import ADMIN, CLIENT, OrganizationTopology
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.opening import submit_opening
from tallystick.node.cluster.peer_client import Source
from tallystick.node.cluster.topology import ChannelTopology, Topology, default_topology
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.peer import PeerEnvironment, PeerNode
from tallystick.node.process import load_block
from tallystick.node.settings import GatewaySettings, MspSettings, OrdererSettings, PeerSettings
from tallystick.node.testing.connector import LocalConnector
from tallystick.node.testing.transport import LocalTransport
from tallystick.node.transport.local import LocalEndorser, LocalOrderer
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.txid import NONCE_SIZE

BATCH_TIMEOUT_S: Final = 0.01
PEER_CHECK_INTERVAL_S: Final = 0.5
_NANOSECONDS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def local_topology(topology: Topology | None = None) -> Topology:
    """Return a topology, by default the default one, as it suits a network in memory."""
    topology = topology or default_topology()

    def quick(channel: ChannelTopology) -> ChannelTopology:
        batch = channel.batch.model_copy(update={"timeout_s": BATCH_TIMEOUT_S})
        return channel.model_copy(update={"batch": batch})

    return topology.model_copy(
        update={
            "channel": quick(topology.channel),
            "channels": tuple(map(quick, topology.channels)),
            "store": "memory",
        }
    )


class NetworkClock:
    """The time of every node and client of a network: the machine's, shifted or standing still."""

    def __init__(self) -> None:
        self._offset_ns = 0
        self._stopped_at_ns: int | None = None

    def __call__(self) -> int:
        """Return the time, in nanoseconds since the epoch."""
        if self._stopped_at_ns is not None:
            return self._stopped_at_ns
        return time.time_ns() + self._offset_ns  # noqa: TID251 -- the root of a test's network

    def shift(self, seconds: float) -> None:
        """Let time jump by ``seconds``; negative ones go back. A clock that stands still runs on.

        It then is as late as the machine's clock and all shifts so far say.
        """
        self._stopped_at_ns = None
        self._offset_ns += int(seconds * _NANOSECONDS)

    def stand_still(self, moment: datetime) -> None:
        """Let time be an aware ``moment`` and stay it, so that a test can meet a second exactly."""
        self._stopped_at_ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


class LocalNetwork:
    """A network to be entered as a context; its chaincodes are deployed by then.

    Leaving the context stops the nodes and forgets everything.

    Attributes:
        clock: The time of all nodes and clients.
        running: The peers that run, by their full names such as ``peer0.ats.example``.
    """

    def __init__(self, topology: Topology | None = None, *, material: Path | None = None) -> None:
        """Prepare a network.

        Args:
            topology: What it consists of; by default three licensed organisations and those who
                use their network. One orderer and all peers are started.
            material: Keys made by `generate_material`, which may be shared; made anew by default.
        """
        self._topology = local_topology(topology)
        self._given_material = material
        self._lifetime = AsyncExitStack()
        self._network = Network(Path(), self._topology)
        self._orderers: list[LocalOrderer] = []
        self.clock = NetworkClock()
        self.running: dict[str, PeerNode] = {}
        self._lifetimes: dict[str, AsyncExitStack] = {}

    @property
    def channel_id(self) -> str:
        """The first channel, which callers mean that name none."""
        return self._topology.channel.id

    @property
    def peers(self) -> Mapping[str, PeerNode]:
        """The first running peer of each organisation, by MSP id."""
        return {peer.msp_id: peer for peer in reversed(self.running.values())}

    async def stop_peer(self, name: str) -> None:
        """Stop the peer of this name; nobody reaches it until it is started again.

        Raises:
            KeyError: No such peer runs.
        """
        del self.running[name]
        await self._lifetimes.pop(name).aclose()

    async def start_peer(self, name: str) -> None:
        """Start a peer that was stopped. It has its blocks and packages, and an empty store.

        What only the store held, private data above all, comes back from other members' peers.

        Raises:
            UnknownMemberError: There is no such peer.
        """
        peer = self._new_peer(self._network.node(name))
        self.running[name] = peer
        await self._enter(name, peer)

    def gateway(self, msp_id: str, user: str = CLIENT, *, peer: str = "") -> Gateway:
        """Return a client of the peer that serves ``msp_id``, as one of its users.

        ``peer`` names an organisation to whose peer it connects instead, or a peer that runs.

        Raises:
            UnknownMemberError: There is no such organisation or user.
        """
        msp = self._network.user_material(msp_id, user) / "msp"
        node = self.running.get(peer)
        if node is None:
            node = self.peers[peer or self._topology.gateway_of(msp_id).msp_id]
        return Gateway.over(
            LocalTransport(node, self.running.values()),
            identity=Identity.from_file(msp_id, next((msp / "signcerts").glob("*.pem"))),
            signer=PrivateKeySigner.from_file(msp / "keystore" / "priv_sk"),
            options=ClientOptions(environment=self._client_environment()),
        )

    def contract(
        self, msp_id: str, chaincode: str, *, user: str = CLIENT, channel_id: str = ""
    ) -> Contract:
        """Return a chaincode of a channel, by default the first, as an organisation's user sees it.

        Raises:
            UnknownMemberError: There is no such organisation or user.
        """
        network = self.gateway(msp_id, user).network(channel_id or self.channel_id)
        return network.contract(chaincode)

    def administrator(self, msp_id: str) -> Administrator:
        """Return the administrator of an organisation that runs peers.

        Raises:
            UnknownMemberError: There is no such organisation.
        """
        return Administrator(
            msp_id=msp_id,
            signer=self._network.user(msp_id, ADMIN),
            endorsers=[
                LocalEndorser(peer.endorser.process)
                for peer in self.running.values()
                if peer.msp_id == msp_id
            ],
            gateway=self.gateway(msp_id, ADMIN),
            source=Source(now_ns=self.clock, nonce=_nonce),
        )

    def governance(self, msp_id: str, channel_id: str = "") -> Governance:
        """Return what changes the configuration of a channel, as one organisation sees it.

        Raises:
            UnknownMemberError: There is no such organisation.
        """
        return Governance(
            channel_id or self.channel_id,
            self.gateway(msp_id, ADMIN),
            self._orderers[0],
            Source(now_ns=self.clock, nonce=_nonce),
        )

    def user(self, msp_id: str, user: str = ADMIN) -> SigningIdentity:
        """Return the identity of an organisation's user, by default of its administrator.

        Raises:
            UnknownMemberError: There is no such organisation or user.
        """
        return self._network.user(msp_id, user)

    def shift_clock(self, seconds: float) -> None:
        """Let time jump for all nodes and clients at once; negative seconds go back."""
        self.clock.shift(seconds)

    async def __aenter__(self) -> Self:
        self._orderers.clear()
        self.running.clear()
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tally-")))
            self._network = Network(directory, self._topology)
            if self._given_material is None:
                generate_material(self._topology, self._network.material, now_ns=self.clock())
            else:
                self._network.material.symlink_to(self._given_material.resolve())
            founding = Founding(self.clock(), _nonce())
            for channel in self._topology.all_channels:
                begin(self._network, channel, founding)
            await self._start_orderer(stack)
            await self._start_peers(stack)
            for channel in self._topology.all_channels:
                await self._deploy(channel)
            self._lifetime = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._lifetime.__aexit__(exception_type, exception, traceback)

    async def _deploy(self, channel: ChannelTopology) -> None:
        members = self._topology.on_channel(channel).peer_organizations
        chaincodes = self._topology.chaincodes_of(channel)
        administrators = [self.administrator(member.msp_id) for member in members]
        await deploy(channel.id, [deployable(each) for each in chaincodes], administrators)
        calls = [(each.name, call) for each in chaincodes for call in each.opening]

        async def gateway_of(msp_id: str) -> Gateway:
            return self.gateway(msp_id)

        await submit_opening(channel.id, calls, gateway_of, administrators)

    def _first_blocks(self, member: OrganizationTopology) -> list[Block]:
        channels = self._topology.channels_of(member)
        return [load_block(self._network.genesis_of(channel)) for channel in channels]

    async def _start_orderer(self, lifetime: AsyncExitStack) -> None:
        node = next(node for node in self._network.nodes if node.kind == "orderer")
        settings = OrdererSettings(
            listen_address=node.address,
            data_directory=self._network.data_directory(node),
            store=self._topology.store,
            genesis_blocks=(self._network.genesis_block,),
            msp=self._msp(node),
            tls=None,
        )
        environment = OrdererEnvironment(clock=self.clock, new_nonce=_nonce)
        blocks = self._first_blocks(node.member)
        orderer = OrdererNode(settings, self._signer(node), blocks, environment)
        await lifetime.enter_async_context(orderer)
        self._orderers.append(orderer.connection())

    async def _start_peers(self, lifetime: AsyncExitStack) -> None:
        lifetime.push_async_callback(self._stop_peers)
        for node in self._network.nodes:
            if node.kind == "peer":
                self.running[node.name] = self._new_peer(node)
        for name, peer in self.running.items():  # all exist: each looks up the others as it starts
            await self._enter(name, peer)

    async def _enter(self, name: str, peer: PeerNode) -> None:
        lifetime = self._lifetimes[name] = AsyncExitStack()
        await lifetime.enter_async_context(peer)

    async def _stop_peers(self) -> None:
        async with AsyncExitStack() as stopping:  # one that fails must not keep others running
            for lifetime in self._lifetimes.values():
                stopping.push_async_callback(lifetime.aclose)
        self._lifetimes.clear()

    def _new_peer(self, node: Node) -> PeerNode:
        settings = PeerSettings(
            listen_address=node.address,
            advertised_address=f"{node.name}:{node.topology.port}",
            data_directory=self._network.data_directory(node),
            store=self._topology.store,
            genesis_blocks=(self._network.genesis_block,),
            gateway=GatewaySettings(peer_check_interval_s=PEER_CHECK_INTERVAL_S),
            msp=self._msp(node),
            tls=None,
        )
        environment = PeerEnvironment(
            clock=self.clock,
            random=random.Random(0),  # noqa: S311 -- spreads reconnects, keeps no secret
            connector=LocalConnector(node.name, self._orderers, self.running),
        )
        blocks = self._first_blocks(node.member)
        return PeerNode(settings, self._signer(node), blocks, environment)

    def _msp(self, node: Node) -> MspSettings:
        return MspSettings(
            id=node.member.msp_id, directory=self._network.node_material(node) / "msp"
        )

    def _signer(self, node: Node) -> SigningIdentity:
        msp = self._msp(node)
        return SigningIdentity.from_directory(msp.directory, msp.id)

    def _client_environment(self) -> Environment:
        return Environment(
            now_ns=self.clock,
            nonce=_nonce,
            random=random.Random(0),  # noqa: S311 -- spreads attempts, keeps no secret
            sleep=asyncio.sleep,
        )


def _nonce() -> bytes:
    return secrets.token_bytes(NONCE_SIZE)
