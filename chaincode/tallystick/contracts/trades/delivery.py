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
from tallystick.contracts.fees.models import FeeKind
from tallystick.contracts.fees.rules import Charge, FeeCase
from tallystick.contracts.fees.schedules import Schedules
from tallystick.contracts.payments import CashInstruction, Fee
from tallystick.contracts.reasons import Finding, refuse_if_any
from tallystick.contracts.trades.terms import DvpModel, TradeTerms

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def lock(ctx: Context, terms: TradeTerms, splits_seen: int) -> None:
    """Hold all that is to go over; whoever holds it goes on holding it.

    The price comes out of what the buyer has committed to its order, as far as there is any.
    """
    ctx.invoke(Chaincode.TOKEN, "lock", units_of(terms, splits_seen), terms.venue)
    _pay(ctx, CashInstruction(draws=terms.draws, lock=terms.payments, secret=terms.salt))


def deliver(ctx: Context, terms: TradeTerms, splits_seen: int) -> None:
    """Deliver what is on hold, use receipts, and take the venue's fees."""
    ctx.invoke(Chaincode.TOKEN, "deliver", units_of(terms, splits_seen), terms.venue)
    _pay(ctx, _payment(terms, _fees_of(ctx, terms)))


def deliver_at_once(ctx: Context, terms: TradeTerms, splits_seen: int) -> None:
    """Deliver out of what is available, and of what the buyer has committed to its order."""
    ctx.invoke(Chaincode.TOKEN, "deliver", _available(units_of(terms, splits_seen)), terms.venue)
    moves = tuple(_available(terms.payments))
    at_once = {"draws": terms.draws, "moves": moves}
    _pay(ctx, _payment(terms, _fees_of(ctx, terms)).model_copy(update=at_once))


def release(ctx: Context, terms: TradeTerms) -> None:
    """Give up what is on hold for a trade that has locks: units, and in DvP 1 money too."""
    ctx.invoke(Chaincode.TOKEN, "release", terms.deliveries)
    if terms.model is DvpModel.GROSS:
        _pay(ctx, CashInstruction(release=terms.payments, secret=terms.salt))


def record_failure(ctx: Context, terms: TradeTerms, splits_seen: int) -> list[Finding]:
    """Return what stands against a delivery; the token contract records its part of it."""
    units = ctx.invoke(Chaincode.TOKEN, "record_failure", units_of(terms, splits_seen), terms.venue)
    charge = charge_for(ctx, terms)
    money = ctx.invoke(Chaincode.CASH, "delivery_findings", _payment(terms, charge.fees))
    return [
        *_FINDINGS.validate_json(units),
        *_FINDINGS.validate_json(money),
        *charge.findings,
    ]


def charge_for(ctx: Context, terms: TradeTerms) -> Charge:
    """Return what the venue takes for a trade; nothing where its price is paid off the ledger."""
    if terms.paid_at is not None:
        return Charge()
    case = FeeCase(
        kind=FeeKind.TRADE,
        security=terms.security,
        cash=terms.cash,
        amount=terms.amount,
        buyer=terms.buyer,
        seller=terms.seller,
    )
    return Schedules(ctx.state).charge(terms.venue, case)


def _fees_of(ctx: Context, terms: TradeTerms) -> tuple[Fee, ...]:
    """Return the fees of a trade that is delivered; refuse one whose fees cannot be paid."""
    charge = charge_for(ctx, terms)
    refuse_if_any(charge.findings)
    return charge.fees


def _payment(terms: TradeTerms, fees: tuple[Fee, ...]) -> CashInstruction:
    return CashInstruction(
        moves=terms.payments, receipts=terms.receipts, fees=fees, secret=terms.salt
    )


def _pay(ctx: Context, instruction: CashInstruction) -> None:
    ctx.invoke(Chaincode.CASH, "instruct", instruction)


def units_of(terms: TradeTerms, splits_seen: int) -> list[Delivery]:
    """Return what goes over in units, those of the moment when it was agreed."""
    return [move.model_copy(update={"splits_seen": splits_seen}) for move in terms.deliveries]


def _available(moves: Sequence[Delivery]) -> list[Delivery]:
    return [move.model_copy(update={"hold": None}) for move in moves]
