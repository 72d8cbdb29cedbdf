"""What the token and the cash contract are told to do: one instruction each in a transaction.

All legs of a trade change in one transaction or not at all. What one chaincode says to another is
not part of the transaction, so terms and salt may be said here. Units are agreed in those of their
moment: what is due after a split, the token contract knows.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter

from tallystick.chaincode import Context
from tallystick.contracts.book import Delivery
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant
from tallystick.contracts.reasons import Finding
from tallystick.contracts.trades.terms import TradeTerms

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def lock(ctx: Context, terms: TradeTerms, agreed_at: Instant) -> None:
    """Hold all that is to go over; whoever holds it goes on holding it."""
    ctx.invoke(Chaincode.TOKEN, "lock", _units(terms, agreed_at), terms.venue)
    ctx.invoke(Chaincode.CASH, "lock", terms.payments, terms.salt)


def deliver(ctx: Context, terms: TradeTerms, agreed_at: Instant) -> None:
    """Deliver what is on hold."""
    ctx.invoke(Chaincode.TOKEN, "deliver", _units(terms, agreed_at), terms.venue)
    ctx.invoke(Chaincode.CASH, "deliver", terms.payments, terms.salt)


def deliver_at_once(ctx: Context, terms: TradeTerms, agreed_at: Instant) -> None:
    """Deliver out of what is available."""
    ctx.invoke(Chaincode.TOKEN, "deliver", _available(_units(terms, agreed_at)), terms.venue)
    ctx.invoke(Chaincode.CASH, "deliver", _available(terms.payments), terms.salt)


def release(ctx: Context, terms: TradeTerms) -> None:
    """Give up what is on hold."""
    ctx.invoke(Chaincode.TOKEN, "release", terms.deliveries)
    ctx.invoke(Chaincode.CASH, "release", terms.payments, terms.salt)


def record_failure(ctx: Context, terms: TradeTerms, agreed_at: Instant) -> list[Finding]:
    """Return what stands against a delivery; the token contract records its part of it."""
    units = ctx.invoke(Chaincode.TOKEN, "record_failure", _units(terms, agreed_at), terms.venue)
    money = ctx.invoke(Chaincode.CASH, "delivery_findings", terms.payments, terms.salt)
    return [*_FINDINGS.validate_json(units), *_FINDINGS.validate_json(money)]


def _units(terms: TradeTerms, agreed_at: Instant) -> list[Delivery]:
    return [move.model_copy(update={"agreed_at": agreed_at}) for move in terms.deliveries]


def _available(moves: Sequence[Delivery]) -> list[Delivery]:
    return [move.model_copy(update={"hold": None}) for move in moves]
