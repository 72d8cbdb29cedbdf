"""How the nodes of one process reach each other."""

from collections.abc import Mapping, Sequence

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.gateway.endorsers import EndorsingPeer
from tallystick.node.peer import PeerNode
from tallystick.node.privacy.node import MemberPeer
from tallystick.node.transport.local import LocalEndorser, LocalOrderer


class LocalConnector:
    """Reaches the other nodes of a network in this process. Satisfies `NodeConnector`."""

    def __init__(
        self, own_msp_id: str, orderers: Sequence[LocalOrderer], peers: Mapping[str, PeerNode]
    ) -> None:
        """Reach ``orderers``, and all ``peers`` but one's own; either may still be added to."""
        self._own_msp_id = own_msp_id
        self._orderers = orderers
        self._peers = peers

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
            EndorsingPeer(msp_id, peer.address, LocalEndorser(peer.endorser.process))
            for msp_id, peer in self._others(config)
        ]

    def member_peers(self, config: ChannelConfig) -> Sequence[MemberPeer]:
        """Return the same peers as those who may belong to private data collections."""
        return [
            MemberPeer(msp_id, peer.address, peer.privacy.service)
            for msp_id, peer in self._others(config)
        ]

    def _others(self, config: ChannelConfig) -> list[tuple[str, PeerNode]]:
        members = set(config.application_msp_ids).difference({self._own_msp_id})
        return [(msp_id, peer) for msp_id, peer in self._peers.items() if msp_id in members]
