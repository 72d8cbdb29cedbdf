"""What identities sign: units."""

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Quantity
from tallystick.contracts.statements.base import Statement


class UnitsSent(Statement):
    """I transfer units of a security."""

    contract = "token"
    kind = "transfer"

    security: Identifier
    sender: Identifier
    receiver: Identifier
    quantity: Quantity


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
