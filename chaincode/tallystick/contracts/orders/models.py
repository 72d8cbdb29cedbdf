"""The rows, arguments and results that concern orders."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Model, Salt, Sha256Hex
from tallystick.contracts.parties import Authority
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import OrderPlaced, OrderSide, OrderWithdrawn

# --- arguments ---


class SignedOrder(Model):
    """Transient ``order``: an order, signed, or placed under a mandate of its holder.

    Attributes:
        salt: Random, drawn by who places it.
    """

    statement: OrderPlaced
    intent: SignedIntent | None = None
    salt: Salt


class SignedOrderWithdrawal(Model):
    """Transient ``withdrawal``: likewise, its end; the venue's own needs neither."""

    statement: OrderWithdrawn
    intent: SignedIntent | None = None


class Permit(Model):
    """Transient ``permit``: that an order may be placed, or withdrawn, in words that are sealed.

    Attributes:
        sealed: In base64.
    """

    sealed: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]{24,1000}$")]


# --- rows ---


class PlacedOrder(Model):
    """Private row ``order (order)`` of its venue; never deleted, so the name is used once.

    Attributes:
        authority: By whose right it was placed: judged again when it is executed.
        splits_seen: How many splits of all securities there had been when it was placed.
        unfilled: How many units it still wants.
        ended: Whether it was withdrawn.
    """

    statement: OrderPlaced
    authority: Authority
    salt: str
    submitted_by: str
    placed_at: Instant
    splits_seen: int
    unfilled: int
    ended: bool = False

    def is_open(self, moment: Instant) -> bool:
        """Return whether the order can be filled at a moment."""
        return not self.ended and self.unfilled > 0 and moment < self.statement.expires_at


class PendingKind(StrEnum):
    """What is under way."""

    ORDER = "order"
    TRADE = "trade"


class Pending(Model):
    """Private row ``pending (holder, security, blinded name)`` of a venue: what is under way there.

    It goes when the order or trade ends, and of who sells when the units are on hold.

    Attributes:
        name: Of the order or trade.
        quantity: In the units of when it was placed or agreed.
        splits_seen: How many splits of all securities there had been then.
    """

    kind: PendingKind
    name: str
    holder: str
    security: str
    side: OrderSide
    quantity: int
    splits_seen: int
    expires_at: Instant


class Commitment(Pending):
    """Private row ``commitment (security, holder, expiry, blinded name)``: units that are bound.

    An order has one of what it still wants; a trade that fills an order one of what it fills, until
    that is locked. What buys has one too, lest its side be seen, and commits nothing.
    """

    venue: str


class PermitKey(Model):
    """Transient and private row ``permit_key``: what permits are sealed with.

    Attributes:
        key: 32 random bytes, in hex.
    """

    key: Sha256Hex


# --- what others answer, and results ---


class HoldingSeen(Model, extra="ignore"):
    """What counts here of a holding on the register."""

    quantity: int
    available: int


class RealAmount(Model):
    """What somebody can sell at a venue now.

    Attributes:
        quantity: On the register, at whichever venue it came from.
        available: Of it, less what is held and frozen there, for whatever venue.
        sells: What the venue has under way that is not on hold yet.
        buys: What is to come to the holder by trades of the venue.
        amount: available less sells.
        with_buys: Likewise, for a venue whose rules let what is bought be sold before it has come.
    """

    quantity: int
    available: int
    sells: int
    buys: int
    amount: int
    with_buys: int


class FlaggedTrade(Model):
    """A trade that is under way and has a party against whom something stands now."""

    trade: str
    party: str
    findings: tuple[Finding, ...]
