"""What identities sign: custody."""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements.base import Statement

MAX_SHARES = 100


class CustodyAgreed(Statement):
    """An organisation safeguards units for me."""

    contract = "token"
    kind = "agree_custody"
    purpose = Purpose.MANAGEMENT

    custodian: Identifier
    client: Identifier


class CustodyEnded(Statement):
    """An organisation safeguards units for me no longer."""

    contract = "token"
    kind = "end_custody"
    purpose = Purpose.MANAGEMENT

    custodian: Identifier
    client: Identifier


class Share(Model):
    """What one client gets."""

    client: Identifier
    quantity: Quantity


class UnitsDistributed(Statement):
    """I, a custodian, deliver units from an account of mine to clients."""

    contract = "token"
    kind = "distribute"

    security: Identifier
    account: Identifier
    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=MAX_SHARES)]
