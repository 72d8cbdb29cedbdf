"""What identities sign: units."""

from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import ANY_LOTS, LotChoice
from tallystick.contracts.models import Identifier, Quantity, Sha256Hex
from tallystick.contracts.statements.base import Statement


class UnitsSent(Statement):
    """I transfer units of a security.

    Attributes:
        choice: Which of my lots shall go.
        document_hash: Of what it is for, where that is written down; text would be personal data.
    """

    contract = "token"
    kind = "transfer"

    security: Identifier
    sender: Identifier
    receiver: Identifier
    quantity: Quantity
    choice: LotChoice = ANY_LOTS
    document_hash: Sha256Hex | None = None


class UnitsAllowed(Statement):
    """A participant may draw so many of my units, until a moment; replaces what it might before."""

    contract = "token"
    kind = "approve"

    security: Identifier
    holder: Identifier
    spender: Identifier
    quantity: Quantity
    expires_at: Instant


class AllowanceWithdrawn(Statement):
    """A participant may draw no more of my units."""

    contract = "token"
    kind = "revoke_allowance"

    security: Identifier
    holder: Identifier
    spender: Identifier
