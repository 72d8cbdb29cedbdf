"""What the token and the cash contract are told to do: one instruction each in a transaction.

All legs of a trade change in one transaction or not at all. What one chaincode says to another is
not part of the transaction, so terms and salt may be said here.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter

from tallystick.chaincode import Context
from tallystick.contracts.book import Delivery
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.reasons import Finding
from tallystick.contracts.trades.terms import TradeTerms

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def lock(ctx: Context, terms: TradeTerms) -> None:
    """Hold all that is to go over; whoever holds it goes on holding it."""
    ctx.invoke(Chaincode.TOKEN, "lock", terms.deliveries, terms.venue)
    ctx.invoke(Chaincode.CASH, "lock", terms.payments, terms.salt)


def deliver(ctx: Context, terms: TradeTerms) -> None:
    """Deliver what is on hold."""
    ctx.invoke(Chaincode.TOKEN, "deliver", terms.deliveries, terms.venue)
    ctx.invoke(Chaincode.CASH, "deliver", terms.payments, terms.salt)


def deliver_at_once(ctx: Context, terms: TradeTerms) -> None:
    """Deliver out of what is available."""
    ctx.invoke(Chaincode.TOKEN, "deliver", _available(terms.deliveries), terms.venue)
    ctx.invoke(Chaincode.CASH, "deliver", _available(terms.payments), terms.salt)


def release(ctx: Context, terms: TradeTerms) -> None:
    """Give up what is on hold."""
    ctx.invoke(Chaincode.TOKEN, "release", terms.deliveries)
    ctx.invoke(Chaincode.CASH, "release", terms.payments, terms.salt)


def record_failure(ctx: Context, terms: TradeTerms) -> list[Finding]:
    """Return what stands against a delivery; the token contract records its part of it."""
    units = ctx.invoke(Chaincode.TOKEN, "record_failure", terms.deliveries, terms.venue)
    money = ctx.invoke(Chaincode.CASH, "delivery_findings", terms.payments, terms.salt)
    return [*_FINDINGS.validate_json(units), *_FINDINGS.validate_json(money)]


def _available(moves: Sequence[Delivery]) -> list[Delivery]:
    return [move.model_copy(update={"hold": None}) for move in moves]
