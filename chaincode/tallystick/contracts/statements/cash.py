"""What identities sign: money."""

from tallystick.contracts.models import Identifier, Quantity
from tallystick.contracts.statements.base import Statement


class MoneySent(Statement):
    """I pay an amount."""

    contract = "cash"
    kind = "transfer"

    cash: Identifier
    sender: Identifier
    receiver: Identifier
    amount: Quantity
