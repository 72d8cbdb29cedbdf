"""What is asked of the token contract where units end against money, and its answer."""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.reasons import Finding

MAX_REDEEMED = 500
"""Holders of one page of payments."""


class UnitsDue(Model):
    """Units of a holder that must end for it to be paid."""

    holder: Identifier
    quantity: Quantity


class PaidRedemption(Model):
    """Units of holders that end against money.

    Attributes:
        units: Of each holder once: all of it ends, or none.
        is_asked: Whether the holders ask for it, by a right that was judged before.
    """

    security: Identifier
    units: Annotated[tuple[UnitsDue, ...], Field(min_length=1, max_length=MAX_REDEEMED)]
    is_asked: bool = False


class Unredeemed(Model):
    """A holder whose units cannot end now, and every reason for that."""

    holder: str
    findings: tuple[Finding, ...]
