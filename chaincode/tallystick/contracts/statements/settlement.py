"""What identities sign: orders and trades."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Quantity, Sha256Hex, ShortText
from tallystick.contracts.prices import Price
from tallystick.contracts.statements.base import Statement

# On which side of a trade a party is: parties to further legs are numbered as they are named there.
Side = Annotated[str, StringConstraints(pattern=r"^(buyer|seller|party-[1-9][0-9]?)$")]


class OrderSide(StrEnum):
    """What an order wants."""

    BUY = "buy"
    SELL = "sell"


class OrderPlaced(Statement):
    """I want to buy or sell so many units at a venue, until a moment.

    Attributes:
        order: Name, by the venue; it must not tell anything.
        broker: MSP of my broker of record.
        limit: The worst price that I take; any when None.
        account: Of mine at the venue, where it asks for one.
    """

    contract = "settlement"
    kind = "order"

    venue: Identifier
    order: Identifier
    holder: Identifier
    side: OrderSide
    security: Identifier
    quantity: Quantity
    limit: Price | None = None
    broker: Identifier
    account: Identifier | None = None
    expires_at: Instant


class OrderWithdrawn(Statement):
    """I no longer want what is left of an order."""

    contract = "settlement"
    kind = "withdraw-order"

    venue: Identifier
    order: Identifier
    holder: Identifier


class Consent(Statement):
    """I agree, on my side, to a trade with exactly the terms that have this hash.

    Attributes:
        valid_until: From then on I no longer do, unless the legs were locked before.
    """

    contract = "settlement"
    kind = "consent"

    trade: Identifier
    side: Side
    party: Identifier
    terms_hash: Sha256Hex
    valid_until: Instant | None = None


class Withdrawal(Statement):
    """I no longer want a trade whose legs are not locked yet."""

    contract = "settlement"
    kind = "withdraw"

    trade: Identifier
    side: Side
    party: Identifier
    reason: ShortText
