"""The roles of the permission matrix: organisations of one class of licence, and one of none."""

from collections.abc import Collection, Mapping, Sequence

from tallystick.chaincode.codec import Argument
from tallystick.contracts.participants import Participant

P = Participant
STRANGER = "StrangerMSP"
"""An organisation of the channel that has no licence."""

ROLES: Sequence[str] = (*Participant, STRANGER)

EVERYBODY = frozenset(ROLES)
LICENSED = frozenset(Participant)
NOBODY: frozenset[str] = frozenset()
TRUSTEES = frozenset({P.REGULATOR, P.TRANSFER_AGENT})
REGULATOR = frozenset({P.REGULATOR})
TRANSFER_AGENT = frozenset({P.TRANSFER_AGENT})
BANK = frozenset({P.BANK})
SAFEKEEPERS = frozenset({P.BROKER_DEALER, P.CLEARING})
READERS = frozenset({P.CLEARING, P.TRANSFER_AGENT, P.REGULATOR})

Permissions = Mapping[str, Collection[str]]
"""Who may call, by function."""

Arguments = Mapping[str, Sequence[Argument]]
"""Arguments that are well formed, by function: the answer then is about who calls."""
