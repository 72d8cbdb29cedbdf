"""Everything that one peer does about private values, put together."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.node.privacy.dissemination import Dissemination, MemberPeers
from tallystick.node.privacy.node import PrivacyNode, PrivateChannel
from tallystick.node.privacy.readers import PrivateDataReaders
from tallystick.node.privacy.reconciliation import Reconciler, ReconciliationPace
from tallystick.node.privacy.service import PrivateDataService


@dataclass(frozen=True, slots=True)
class PrivacyPeers:
    """How a peer deals with the other peers of its channels.

    Attributes:
        find: Returns those of a channel.
        random: Draws in which order they are asked.
        push_timeout_s: How long one may take to acknowledge what it is handed.
        pace: How often, and how patiently, they are asked for what is missing.
    """

    find: MemberPeers
    random: random.Random
    push_timeout_s: float
    pace: ReconciliationPace


class Privacy:
    """The private values of one peer.

    Attributes:
        dissemination: Hands them to other members at endorsement.
        service: Answers other members.
        readers: Opens them to readers of blocks.
    """

    def __init__(
        self, channels: Mapping[str, PrivateChannel], node: PrivacyNode, peers: PrivacyPeers
    ) -> None:
        """Serve ``channels``, which may grow, by channel id."""
        self._node = node
        self._peers = peers
        self.dissemination = Dissemination(
            node, peers.find, peers.random, timeout_s=peers.push_timeout_s
        )
        self.service = PrivateDataService(channels.get, node)
        self.readers = PrivateDataReaders(channels.get)

    def reconciler(self, channel: PrivateChannel) -> Reconciler:
        """Return what completes the private values of ``channel``."""
        peers = self._peers
        return Reconciler(channel, self._node, peers.find, peers.random, peers.pace)
