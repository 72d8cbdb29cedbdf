"""What identities sign: trades."""

from typing import Annotated

from pydantic import StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Sha256Hex, ShortText
from tallystick.contracts.statements.base import Statement

# On which side of a trade a party is: parties to further legs are numbered as they are named there.
Side = Annotated[str, StringConstraints(pattern=r"^(buyer|seller|party-[1-9][0-9]?)$")]


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
