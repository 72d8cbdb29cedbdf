"""What the settlement contract asks about a netting cycle, and tells the token contract to do.

Of the token contract, first, in one question, how rules see each trade by itself; then, as often as
trades are left out, how they see the end state; and in the end it is told what to deliver. Of the
cash contract, what members have to pay with; what to pay, it is told as in ``payments``.
"""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.book import Delivery, HeldMove, Move
from tallystick.contracts.models import Identifier, Model
from tallystick.contracts.reasons import Finding

MAX_TRADES = 10_000
"""Trades of one cycle."""

MAX_HELD = 1_000
"""The same when units are held for each trade: so many holds fit into one transaction."""

MAX_LEGS = 8
"""Legs of a trade that is netted."""


class GrossTrade(Model):
    """A trade with the units that it moves."""

    trade: Identifier
    moves: tuple[Delivery, ...]


class GrossBook(Model):
    """Trades of one venue, the first to be served first."""

    venue: Identifier
    trades: Annotated[tuple[GrossTrade, ...], Field(max_length=MAX_TRADES)]


class Objection(Model):
    """What stands against a trade."""

    trade: Identifier
    findings: tuple[Finding, ...]


class Available(Model):
    """How many units of a security a holder may dispose of."""

    security: Identifier
    holder: Identifier
    quantity: int


class Sold(Model):
    """Units of a security that a person gives to another.

    Attributes:
        trade: In which trade; None when that is of no account.
    """

    trade: Identifier | None = None
    security: Identifier
    person: str
    quantity: int


class Restated(Model):
    """A trade that was agreed before a split, in units of now.

    Attributes:
        quantities: Of its moves, in their order.
    """

    trade: Identifier
    quantities: tuple[int, ...]


class GrossJudgement(Model):
    """How rules see the trades of a book, each by itself.

    Attributes:
        objections: For each trade that something stands against.
        available: What holders have, as far as trades of the book take it.
        sold: What is sold in the other trades, of securities whose rules ask how much is.
        restated: Trades of which other quantities are due than were agreed.
    """

    objections: tuple[Objection, ...]
    restated: tuple[Restated, ...] = ()
    available: tuple[Available, ...]
    sold: tuple[Sold, ...]


class CycleDelivery(Model):
    """What a cycle does to units, all of it in one transaction.

    Attributes:
        venue: MSP of the venue where the trades were agreed.
        gross: Units held for trades, each delivered by itself (model 2).
        net: Available units that settle net positions (model 3).
        released: Holds of trades that end without delivery.
        sold: What members sold in the trades that ``net`` settles.
    """

    venue: Identifier
    gross: Annotated[tuple[HeldMove, ...], Field(max_length=MAX_LEGS * MAX_HELD)] = ()
    net: Annotated[tuple[Move, ...], Field(max_length=MAX_LEGS * MAX_TRADES)] = ()
    released: Annotated[tuple[HeldMove, ...], Field(max_length=MAX_LEGS * MAX_HELD)] = ()
    sold: Annotated[tuple[Sold, ...], Field(max_length=MAX_LEGS * MAX_TRADES)] = ()

    @property
    def moves(self) -> tuple[Move, ...]:
        """All that changes hands."""
        return (*self.gross, *self.net)

    @property
    def does_something(self) -> bool:
        """Whether there is anything to tell the token contract."""
        return bool(self.moves or self.released or self.sold)


class EndState(Model):
    """What stands against the end state of a delivery.

    Attributes:
        by_move: Findings about each move, in their order.
        beside: Findings that no single move is to blame for.
    """

    by_move: tuple[tuple[Finding, ...], ...]
    beside: tuple[Finding, ...] = ()
