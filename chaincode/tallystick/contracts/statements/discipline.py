"""What identities sign: what shall become of a trade that is agreed on."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex
from tallystick.contracts.statements.base import Statement
from tallystick.contracts.statements.settlement import Side

# As ids of trades are: without "@", which numbers the holds of further legs.
PartId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class CancelTrade(Model):
    """The trade ends without delivery."""

    kind: Literal["cancel"] = "cancel"


class SettleEarly(Model):
    """The trade may settle before its day.

    Attributes:
        settles_from: The first second at which it may.
    """

    kind: Literal["settle-early"] = "settle-early"
    settles_from: Instant


class SplitTrade(Model):
    """A part of the trade becomes a trade of its own, and what remains stays one.

    Attributes:
        part: Id of the new trade.
        quantity: Of the new trade; it takes its share of the amount, rounded down.
    """

    kind: Literal["split"] = "split"
    part: PartId
    quantity: Quantity


Change = Annotated[CancelTrade | SettleEarly | SplitTrade, Field(discriminator="kind")]


class ChangeAgreed(Statement):
    """I agree, on my side, that a trade changes so; it does once the other side agrees too."""

    contract = "settlement"
    kind = "agree_change"

    trade: Identifier
    side: Side
    party: Identifier
    terms_hash: Sha256Hex
    change: Change


class TradeHeld(Statement):
    """A trade shall not settle for now, or shall no longer wait for me."""

    contract = "settlement"
    kind = "hold_trade"

    trade: Identifier
    side: Side
    party: Identifier
    holds: bool


class BuyInCalled(Statement):
    """An agent shall buy elsewhere what the seller does not deliver; the seller pays."""

    contract = "settlement"
    kind = "call_buy_in"

    trade: Identifier
    party: Identifier
    terms_hash: Sha256Hex
    agent: Identifier


class BuyInWithdrawn(Statement):
    """I wait for the seller again."""

    contract = "settlement"
    kind = "withdraw_buy_in"

    trade: Identifier
    party: Identifier
    terms_hash: Sha256Hex
