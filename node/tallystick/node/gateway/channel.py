"""One channel, as the gateway needs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.gateway.commit_notifier import CommitNotifier
from tallystick.node.gateway.endorsers import PeerDirectory
from tallystick.node.gateway.planner import EndorsementPolicies, Planner
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.transport.ports import OrdererConnection


@dataclass(frozen=True, slots=True)
class GatewayChannel:
    """What the gateway needs of one channel.

    Attributes:
        current: Returns the configuration in force.
        ledger: The committed blocks.
        definitions: The policies of committed chaincode definitions.
        height: Wakes those who wait for blocks.
        notifier: Wakes those who wait for transactions.
        peers: Who can endorse.
        orderers: Who can order.
        planner: Chooses among ``peers``.
    """

    current: Callable[[], ChannelConfig]
    ledger: Ledger
    definitions: EndorsementPolicies
    height: HeightWatch
    notifier: CommitNotifier
    peers: PeerDirectory
    orderers: Sequence[OrdererConnection]
    planner: Planner

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""
        return self.current()

    def orderer_msp_id(self, endpoint: str) -> str:
        """Return the organisation of an orderer; empty if the channel does not say."""
        for organization in self.config.orderers:
            if endpoint in organization.endpoints:
                return organization.msp_id
        return ""
