"""What an endorser needs of one channel."""

from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import UnknownResourceError
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.proposal import UnpackedProposal
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.membership.identity import Identity
from tallystick.node.runtime.collections import CollectionGuard
from tallystick.node.runtime.lifecycle import DefinitionCache
from tallystick.node.system.access import AccessDeniedError, check_channel_access

PROPOSE: Final = "peer/Propose"
"""What the channel calls proposing a transaction. Source: wire.md §4."""


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

    def simulator(self, transaction_id: str, creator: Identity, *, is_init: bool) -> Simulator:
        """Return what simulates a transaction of ``creator``; ``is_init`` if it initialises."""
        rules = CollectionGuard(self.config, creator, self.definitions.collections, is_init=is_init)
        return self.ledger.simulator(transaction_id, rules)

    def check_may_propose(self, creator: Identity) -> None:
        """Return if the channel lets a client propose transactions.

        Raises:
            ProposalRefusedError: It does not.
        """
        try:
            check_channel_access(PROPOSE, creator, self.config)
        except (AccessDeniedError, UnknownResourceError) as error:
            raise ProposalRefusedError(str(error)) from error

    def check_new(self, proposal: UnpackedProposal) -> None:
        """Return if no committed transaction has the id of ``proposal``.

        Raises:
            ProposalRefusedError: One has.
        """
        if self.ledger.transaction_exists(proposal.transaction_id):
            raise ProposalRefusedError(
                f"duplicate transaction found [{proposal.transaction_id}]. "
                f"Creator [{proposal.creator.hex()}]"
            )
