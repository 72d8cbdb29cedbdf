"""What an endorser needs of one channel."""

from dataclasses import dataclass

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.runtime.lifecycle import DefinitionCache


@dataclass(slots=True)
class EndorserChannel:
    """A channel that this peer has joined.

    Attributes:
        config: The configuration in force. Whoever commits config blocks replaces it.
        ledger: Its blocks and state.
        definitions: Its committed chaincode definitions.
    """

    config: ChannelConfig
    ledger: Ledger
    definitions: DefinitionCache
