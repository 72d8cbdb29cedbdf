"""The rows, arguments and results that concern fees."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import MAX_QUANTITY, Identifier, Model
from tallystick.contracts.statements import Side

MAX_LINES = 32

Money = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]


class FeeKind(StrEnum):
    """What a fee is taken for. There is none for a withdrawal: nobody pays to get its own."""

    TRADE = "trade"
    SUBSCRIPTION = "subscription"


class Rounding(StrEnum):
    """How a part of the amount becomes whole minor units."""

    DOWN = "down"
    HALF_UP = "half-up"
    UP = "up"


class FeeLine(Model):
    """One fee: ``flat`` and so many basis points of the amount, within bounds.

    Attributes:
        security: The fee is for this one only, and there in place of the receiver's general one;
            None for all.
        payer: Whose money it comes out of: buyer (or subscriber), or seller. Never an issuer's: who
            offers units has a say neither in who acts for their subscribers nor in what it takes.
        receiver: The identity that gets it.
        flat: In the minor unit of the cash, as are the bounds.
        basis_points: Ten-thousandths of the amount; what they give is rounded as ``rounding`` says.
        minimum: At least so much.
        maximum: At most so much; None when there is no bound.
    """

    kind: FeeKind
    security: Identifier | None = None
    payer: Side
    receiver: Identifier
    flat: Money = 0
    basis_points: BasisPoints = 0
    rounding: Rounding = Rounding.HALF_UP
    minimum: Money = 0
    maximum: Money | None = None


FeeLines = Annotated[tuple[FeeLine, ...], Field(max_length=MAX_LINES)]


class FeeSchedule(Model):
    """Row ``fee-schedule (taker)``: what it takes from now on, in place of all that it took before.

    Attributes:
        taker: MSP of a venue of trades, or of an intermediary through which orders are placed.
        version: 1 for the first.
    """

    taker: str
    version: int
    lines: tuple[FeeLine, ...]
    set_at: Instant
