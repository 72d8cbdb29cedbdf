"""What identities sign: units."""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import ANY_LOTS, LotChoice
from tallystick.contracts.models import Identifier, Model, OwnName, Quantity, Sha256Hex
from tallystick.contracts.statements.base import Statement

MAX_RECEIVERS = 1000


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


class Portion(Model):
    """Units for one receiver among many."""

    receiver: Identifier
    quantity: Quantity


class UnitsSentToMany(Statement):
    """I transfer units of a security to several: all of it or nothing."""

    contract = "token"
    kind = "transfer_to_many"

    security: Identifier
    sender: Identifier
    portions: Annotated[tuple[Portion, ...], Field(min_length=1, max_length=MAX_RECEIVERS)]
    document_hash: Sha256Hex | None = None


class UnitsSurrendered(Statement):
    """I give units back to the issuer: they cease to be."""

    contract = "token"
    kind = "surrender"

    security: Identifier
    holder: Identifier
    quantity: Quantity
    choice: LotChoice = ANY_LOTS
    document_hash: Sha256Hex | None = None


class AllowanceScope(Model):
    """What an allowance is limited to; None for no limit.

    Attributes:
        venue: MSP of the venue where the units were sold.
        trade: The trade for which they are drawn.
        tranche: The tranche that they come from.
    """

    venue: Identifier | None = None
    trade: Identifier | None = None
    tranche: Identifier | None = None

    @property
    def name(self) -> str:
        """The scope's name in keys."""
        return f"{self.venue or ''}/{self.trade or ''}/{self.tranche or ''}"


ANY_SCOPE = AllowanceScope()


class UnitsAllowed(Statement):
    """A participant may draw so many of my units, until a moment; replaces what it might before.

    Attributes:
        quantity: None for all that I have, whenever it draws.
        scope: For what it may draw; each scope has an allowance of its own.
        expected: What it may draw as far as I know, zero for nothing: if that is no longer true,
            nothing changes. None to replace whatever there is.
        is_covered: Whether I must have that many units available now.
    """

    contract = "token"
    kind = "approve"

    security: Identifier
    holder: Identifier
    spender: Identifier
    quantity: Quantity | None
    expires_at: Instant
    scope: AllowanceScope = ANY_SCOPE
    expected: Annotated[int, Field(ge=0)] | None = None
    is_covered: bool = False


class AllowanceChange(Statement):
    """What changing an allowance by an amount says, either way."""

    contract = "token"

    security: Identifier
    holder: Identifier
    spender: Identifier
    quantity: Quantity
    scope: AllowanceScope = ANY_SCOPE


class AllowanceRaised(AllowanceChange):
    """A participant may draw so many of my units more."""

    kind = "increase_allowance"


class AllowanceLowered(AllowanceChange):
    """A participant may draw so many of my units fewer; none, if it would be less than none."""

    kind = "decrease_allowance"


class AllowanceWithdrawn(Statement):
    """A participant may draw no more of my units."""

    contract = "token"
    kind = "revoke_allowance"

    security: Identifier
    holder: Identifier
    spender: Identifier
    scope: AllowanceScope = ANY_SCOPE


class UnitsHeld(Statement):
    """So many of my units shall wait; a notary decides whether they go, and I cannot use them.

    Attributes:
        hold: Its name, among my holds of the security; without "@".
        receiver: To whom alone they may go; None when the notary says it.
        expires_at: From then on the units can only come back to me.
        hash_lock: SHA-256 of a secret, in hex: whoever shows the secret may execute the hold too.
    """

    contract = "token"
    kind = "place_hold"

    security: Identifier
    holder: Identifier
    hold: OwnName
    quantity: Quantity
    notary: Identifier
    receiver: Identifier | None = None
    expires_at: Instant
    hash_lock: Sha256Hex | None = None


class HoldExtended(Statement):
    """A hold on my units shall last longer, until this moment."""

    contract = "token"
    kind = "renew_hold"

    security: Identifier
    holder: Identifier
    hold: Identifier
    expires_at: Instant


class HoldDeclined(Statement):
    """I do not want the units that are held for me: they are the holder's to use again."""

    contract = "token"
    kind = "decline_hold"

    security: Identifier
    holder: Identifier
    hold: Identifier
    receiver: Identifier


class SecurityAccepted(Statement):
    """I want to receive units of a security from now on, or no more."""

    contract = "token"
    kind = "accept_security"

    security: Identifier
    holder: Identifier
    accepts: bool
