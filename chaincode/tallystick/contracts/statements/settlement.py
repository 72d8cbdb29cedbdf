"""What identities sign: trades."""

from typing import Literal

from tallystick.contracts.models import Identifier, Sha256Hex, ShortText
from tallystick.contracts.statements.base import Statement

Side = Literal["buyer", "seller"]


class Consent(Statement):
    """I agree, on my side, to a trade with exactly the terms that have this hash."""

    contract = "settlement"
    kind = "consent"

    trade: Identifier
    side: Side
    party: Identifier
    terms_hash: Sha256Hex


class Withdrawal(Statement):
    """I no longer want a trade whose legs are not locked yet."""

    contract = "settlement"
    kind = "withdraw"

    trade: Identifier
    side: Side
    party: Identifier
    reason: ShortText
