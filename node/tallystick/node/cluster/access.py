"""Ways into a running network, with the keys in its directory."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from tallystick.client.errors import ConnectError, EvaluateError
from tallystick.client.gateway import Gateway
from tallystick.client.network import Network as Channel
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.orderer_addresses import orderer_addresses
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.member_topology import ADMIN, CLIENT
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.peer_client import PeerClient, Source
from tallystick.node.cluster.snapshot_client import SnapshotClient
from tallystick.node.cluster.topology import ChannelTopology, Topology
from tallystick.node.errors import LedgerError
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls, KeyPair, certificate_hash
from tallystick.node.transport.remote import RemoteEndorser, RemoteOrderer
from tallystick.node.transport.tasks import all_of, supervised_tasks
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.peer.snapshot_pb2_grpc import SnapshotStub
from tallystick.wire.messages import decode

_CONNECT_TIMEOUT_S: Final = 5.0


class NoPeerError(LedgerError):
    """An organisation has no peer of its own, and something was asked of that.

    Attributes:
        msp_id: The organisation.
    """

    def __init__(self, msp_id: str, others: list[str]) -> None:
        super().__init__(f"{msp_id} runs no peer: name a member that does: {', '.join(others)}")
        self.msp_id = msp_id


def check_runs_peer(topology: Topology, msp_id: str) -> None:
    """Raise unless an organisation runs a peer: others' peers serve the users of some.

    Raises:
        UnknownMemberError: There is no such organisation.
        NoPeerError: It runs none.
    """
    if not topology.organization(msp_id).peers:
        raise NoPeerError(msp_id, [member.msp_id for member in topology.peer_organizations])


class Access:
    """Connections to a network's nodes, to be entered as a context; each is opened once."""

    def __init__(self, network: Network, source: Source) -> None:
        self._network = network
        self._source = source
        self._pool = ChannelPool()
        self._gateways: dict[tuple[str, str], Gateway] = {}
        self._lifetime = AsyncExitStack()

    async def gateway(self, msp_id: str, user: str = CLIENT) -> Gateway:
        """Return a connection to the peer that serves ``msp_id``, as one of its users.

        Raises:
            UnknownMemberError: There is no such organisation or user.
            ConnectError: The peer does not answer.
        """
        key = (msp_id, user)
        if key not in self._gateways:
            self._network.user_material(msp_id, user)  # a better error than a missing profile
            gateway = await Gateway.from_profile(self._network.profile(msp_id, user))
            self._gateways[key] = await self._lifetime.enter_async_context(gateway)
        return self._gateways[key]

    async def administrator(self, msp_id: str) -> Administrator:
        """Return the administrator of an organisation that runs a peer.

        Raises:
            UnknownMemberError: There is no such organisation.
            NoPeerError: It runs no peer.
            ConnectError: The peer does not answer.
        """
        network = self._network
        check_runs_peer(network.topology, msp_id)
        peers = [node for node in network.nodes_of(msp_id) if node.kind == "peer"]
        return Administrator(
            msp_id=msp_id,
            signer=network.user(msp_id, ADMIN),
            endorsers=[
                RemoteEndorser(self._pool.channel(peer.address, self._credentials(msp_id, peer)))
                for peer in peers
            ],
            gateway=await self.gateway(msp_id, ADMIN),
            source=self._source,
        )

    def snapshots(self, msp_id: str) -> SnapshotClient:
        """Return the way for an administrator to ask an organisation's first peer for snapshots.

        Raises:
            UnknownMemberError: There is no such organisation.
            NoPeerError: It runs no peer.
        """
        check_runs_peer(self._network.topology, msp_id)
        peer = self._network.peer_of(msp_id)
        channel = self._pool.channel(peer.address, self._credentials(msp_id, peer))
        client = PeerClient(
            msp_id, self._network.user(msp_id, ADMIN), RemoteEndorser(channel), self._source
        )
        return SnapshotClient(client, SnapshotStub(channel))

    async def administrators(self, channel: ChannelTopology) -> list[Administrator]:
        """Return the administrators of all organisations on a channel that run peers."""
        members = self._network.topology.on_channel(channel).peer_organizations
        return await all_of(self.administrator(member.msp_id) for member in members)

    async def orderer(
        self, msp_id: str, channel_id: str = "", *, ordering: Sequence[str] = ()
    ) -> RemoteOrderer:
        """Return a connection to an orderer that runs, with the keys of an administrator for TLS.

        Args:
            msp_id: The organisation of the administrator.
            channel_id: What is to be ordered there; by default the first channel.
            ordering: The organisations that order the channel; by default all that have orderers.

        Raises:
            UnknownMemberError: There is no such organisation.
            ChannelConfigError: The channel is ordered elsewhere; its configuration names nobody.
            ConnectError: It is, and the organisation's peer, which knows where, does not answer.
            EvaluateError: Or it does not tell.
        """
        nodes = [
            node
            for node in self._network.nodes
            if node.kind == "orderer" and (not ordering or node.member.msp_id in ordering)
        ]
        if nodes:
            by_address = {node.address: node for node in nodes}
            address = await _first_that_listens(list(by_address))
            credentials = self._credentials(msp_id, by_address[address])
        else:
            # The first block may name what has changed since; the organisation's peer knows it.
            gateway = await self.gateway(msp_id, ADMIN)
            address, roots = await orderer_in(await config_in_force(gateway.network(channel_id)))
            credentials = ClientTls(roots, self._key_pair(msp_id))
        tasks = await self._lifetime.enter_async_context(supervised_tasks())
        channel = self._pool.channel(address, credentials)
        orderer = RemoteOrderer(channel, endpoint=address, tasks=tasks)
        return await self._lifetime.enter_async_context(orderer)

    def tls_certificate_hash(self, msp_id: str) -> bytes:
        """Return what an administrator's signed requests for blocks must name, to orderers too."""
        key_pair = self._key_pair(msp_id)
        return b"" if key_pair is None else certificate_hash(key_pair.certificate)

    def _credentials(self, msp_id: str, node: Node) -> ClientTls:
        return ClientTls(self._network.tls_roots(node.member.msp_id), self._key_pair(msp_id))

    def _key_pair(self, msp_id: str) -> KeyPair | None:
        key_pair = None
        topology = self._network.topology
        if topology.mutual_tls or topology.joins:  # orderers of others may ask for certificates
            tls = self._network.user_material(msp_id, ADMIN) / "tls"
            key_pair = KeyPair((tls / "client.crt").read_bytes(), (tls / "client.key").read_bytes())
        return key_pair

    async def __aenter__(self) -> Self:
        await self._lifetime.enter_async_context(self._pool)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._lifetime.__aexit__(exception_type, exception, traceback)


async def _first_that_listens(addresses: Sequence[str]) -> str:
    """Return the first address where connections are taken; if none is, simply the first."""
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), port)
        except OSError:  # a timeout is one too
            continue
        writer.close()
        return address
    return addresses[0]


async def best_informed(access: Access, channel_id: str, msp_ids: Sequence[str]) -> str:
    """Return the first organisation whose peer has the newest configuration of a channel.

    An organisation that was taken off the channel gets no more, and a peer may be down.

    Args:
        access: The way to the peers, whose administrators are asked.
        channel_id: The channel.
        msp_ids: Organisations with peers, at least one.

    Raises:
        ConnectError: None of the peers answers.
        EvaluateError: Or none of them tells.
    """

    async def sequence(msp_id: str) -> int | ConnectError | EvaluateError:
        try:
            gateway = await access.gateway(msp_id, ADMIN)
            return (await config_in_force(gateway.network(channel_id))).sequence
        except (ConnectError, EvaluateError) as error:
            return error

    answers = await asyncio.gather(*map(sequence, msp_ids))
    known = {
        msp_id: answer
        for msp_id, answer in zip(msp_ids, answers, strict=True)
        if isinstance(answer, int)
    }
    if not known:
        raise next(answer for answer in answers if not isinstance(answer, int))
    return max(known, key=lambda msp_id: known[msp_id])


async def config_in_force(channel: Channel) -> ChannelConfig:
    """Return the configuration of a channel, as a gateway's peer has it.

    Raises:
        EvaluateError: The peer refused.
    """
    content = await channel.contract("cscc").evaluate("GetChannelConfig", channel.channel_id)
    return ChannelConfig.from_config(channel.channel_id, decode(Config, content))


async def orderer_in(config: ChannelConfig) -> tuple[str, bytes]:
    """Return address and TLS authorities of an orderer that a configuration names and that listens.

    Raises:
        ChannelConfigError: It names none.
    """
    roots = orderer_addresses(config)
    if not roots:
        raise ChannelConfigError(config.channel_id, "it names no orderer")
    address = await _first_that_listens(sorted(roots))
    return address, roots[address]
