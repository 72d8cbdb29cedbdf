"""The rows, arguments and results of the token contract."""

from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import NO_ORIGIN, Origin
from tallystick.contracts.models import Identifier, Model, Quantity, ShortText
from tallystick.contracts.parties import Requirement
from tallystick.contracts.reasons import Finding

# --- rows ---


class SecurityTerms(Model):
    """What a security is.

    Attributes:
        issuer: MSP of the issuer. requirements: The claims that everybody who sends or receives
            units must have, then and there.
    """

    security: Identifier
    name: ShortText
    issuer: Identifier
    requirements: tuple[Requirement, ...] = ()


class Security(Model):
    """Row ``security (id)``.

    Attributes:
        pause: Why nothing moves between holders; None when units move.
    """

    terms: SecurityTerms
    created_at: Instant
    pause: str | None = None


class Freeze(Model):
    """Row ``freeze (security, holder)``: the holder may neither send nor receive."""

    reason: str
    since: Instant


class Allowance(Model):
    """Row ``allowance (security, holder, spender)``: what a participant may still draw."""

    quantity: int
    expires_at: Instant


# --- arguments ---


class Allocation(Model):
    """Units for one holder, in an issue to many."""

    to: Identifier
    quantity: Quantity
    origin: Origin = NO_ORIGIN


# --- results ---


class Holding(Model):
    """One line of the register.

    Attributes:
        available: quantity less locked and frozen.
    """

    holder: str
    quantity: int
    locked: int
    frozen: int
    available: int


class RegisterPage(Model):
    """Holders of a security, by id.

    Attributes:
        bookmark: Pass it to get the next page; empty when this was the last one.
    """

    security: str
    holdings: tuple[Holding, ...]
    bookmark: str


class Verdict(Model):
    """Whether a transfer would pass now.

    Attributes:
        reasons: Everything that stands against it; the first is what a refusal would be named
            after. available: What the sender may dispose of, leaving other reasons aside.
    """

    allowed: bool
    reasons: tuple[Finding, ...]
    available: int
