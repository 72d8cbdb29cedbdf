"""How the nodes of one process reach each other."""

from collections.abc import Mapping, Sequence

import grpc

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.gateway.endorsers import EndorsingPeer
from tallystick.node.peer import PeerNode
from tallystick.node.privacy.node import MemberPeer, PrivateDataRefusedError
from tallystick.node.transport.local import LocalOrderer
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.protos.tallystick.private_data_pb2 import (
    Acknowledgement,
    PrivateSets,
    SignedRequest,
)


class LocalConnector:
    """Reaches the other nodes of a network in this process. Satisfies `NodeConnector`."""

    def __init__(
        self, own_name: str, orderers: Sequence[LocalOrderer], peers: Mapping[str, PeerNode]
    ) -> None:
        """Reach ``orderers``, and all ``peers`` but one's own.

        Either may still be added to. A peer that has been met and is no longer among ``peers`` is
        down: it cannot be reached.
        """
        self._own_name = own_name
        self._orderers = orderers
        self._peers = peers
        self._met: dict[str, tuple[str, str]] = {}

    @property
    def tls_certificate_hash(self) -> bytes:
        """Empty: there is no TLS."""
        return b""

    def orderers(self, config: ChannelConfig) -> Sequence[LocalOrderer]:  # noqa: ARG002
        """Return the connections to the orderers of the one channel."""
        return self._orderers

    def peers(self, config: ChannelConfig) -> Sequence[EndorsingPeer]:
        """Return the other peers of the channel."""
        return [
            EndorsingPeer(msp_id, address, LocalPeer(name, self._peers))
            for name, (msp_id, address) in self._others(config).items()
        ]

    def member_peers(self, config: ChannelConfig) -> Sequence[MemberPeer]:
        """Return the same peers as those who may belong to private data collections."""
        return [
            MemberPeer(msp_id, address, LocalPeer(name, self._peers))
            for name, (msp_id, address) in self._others(config).items()
        ]

    def _others(self, config: ChannelConfig) -> Mapping[str, tuple[str, str]]:
        """Return organisation and address of each other peer of the channel, by name."""
        for name, peer in self._peers.items():
            if name != self._own_name:
                self._met[name] = (peer.msp_id, peer.address)
        members = set(config.application_msp_ids)
        return {name: peer for name, peer in self._met.items() if peer[0] in members}


class LocalPeer:
    """A way to a peer by its name, for as long as it runs.

    Satisfies `EndorserConnection` and `PrivateDataConnection`.
    """

    def __init__(self, name: str, peers: Mapping[str, PeerNode]) -> None:
        self._name = name
        self._peers = peers

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        """Return the peer's answer to a proposal; what the endorser raises passes through."""
        peer = self._peers.get(self._name)
        if peer is None:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.UNAVAILABLE,
                grpc.aio.Metadata(),
                grpc.aio.Metadata(),
                details=self._absence,
            )
        return await peer.endorser.process(proposal)

    async def push(self, request: SignedRequest) -> Acknowledgement:
        """Hand over private results."""
        return await self._running().privacy.service.push(request)

    async def fetch(self, request: SignedRequest) -> PrivateSets:
        """Ask for private sets."""
        return await self._running().privacy.service.fetch(request)

    @property
    def _absence(self) -> str:
        return f"the peer {self._name} does not run"

    def _running(self) -> PeerNode:
        peer = self._peers.get(self._name)
        if peer is None:
            raise PrivateDataRefusedError(self._absence)
        return peer
