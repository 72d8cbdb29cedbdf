"""Money that waits for units: a hold on the payer's account, for the issuer and the fee alone.

It is the payer's until units are issued against it, in the same transaction. Money off the ledger
waits at a bank, whose receipt is used up by the issue; until then the bank can take it back and
repay the money.
"""

from collections.abc import Sequence
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.book import HeldMove
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind
from tallystick.contracts.fees.rules import Charge, FeeCase, charge_of
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.offerings.models import OfferingTerms, PlacedOrder
from tallystick.contracts.payments import CashInstruction
from tallystick.contracts.reasons import FeeReason, MoneyReason, OfferingReason
from tallystick.contracts.statements import ReceiptTerms, ReceiptUse, SubscriptionOrder

Held = tuple[SubscriptionOrder, int]
"""An order, and for how many of its units money waits."""

Paid = tuple[PlacedOrder, int]
"""An order, and how many units its payment is for."""


def lock(ctx: Context, terms: OfferingTerms, placed: PlacedOrder, units: int) -> None:
    """Hold what so many units cost, and the fee with it: who has paid can fail the issue no more.

    Raises:
        Refusal: INSUFFICIENT_AVAILABLE, or what else stands against the payer's paying.
    """
    price, fees = payment(terms, placed.order, units), charge_for(terms, placed, units).fees
    held = price.model_copy(update={"quantity": price.quantity + sum(each.amount for each in fees)})
    _pay(ctx, CashInstruction(lock=(held,), secret=placed.order.salt))


def release(ctx: Context, terms: OfferingTerms, held: Sequence[Held]) -> None:
    """Give holds up: what was held is the payers' to use."""
    moves = tuple(payment(terms, order, units) for order, units in held)
    _pay(ctx, CashInstruction(release=moves, secret=_secret([order for order, _ in held])))


def deliver(ctx: Context, terms: OfferingTerms, paid: Sequence[Paid]) -> None:
    """Pay the issuer for the units of each order; what is held beyond that is free again.

    A receipt is used up: what it says was paid off the ledger is the issuer's from now on. Fees
    come out of what that frees: fewer units never cost a higher one.
    """
    held = [(each.order, units) for each, units in paid if each.receipt is None]
    instruction = CashInstruction(
        moves=tuple(payment(terms, order, units) for order, units in held),
        receipts=tuple(each.receipt for each, _ in paid if each.receipt is not None),
        fees=tuple(fee for each in paid for fee in charge_for(terms, *each).fees),
        secret=_secret([each.order for each, _ in paid]),
    )
    _pay(ctx, instruction)


def charge_for(terms: OfferingTerms, placed: PlacedOrder, units: int) -> Charge:
    """Return what an order's intermediary takes for units; nothing if they are paid elsewhere.

    One that no amount can be beside the price, which waits in escrow with it, is a finding.
    """
    if placed.receipt is not None:
        return Charge()
    case = FeeCase(
        kind=FeeKind.SUBSCRIPTION,
        security=terms.security,
        cash=terms.cash,
        amount=units * terms.price,
        buyer=placed.order.payer,
        seller=terms.proceeds_to,
    )
    charge, room = charge_of(placed.fees, case), MAX_QUANTITY - case.amount
    findings = list(charge.findings)
    for fee in charge.fees:
        if fee.amount > room:
            findings.append(
                FeeReason.FEE_TOO_LARGE.finding(
                    payer=fee.payer, receiver=fee.receiver, amount=fee.amount, limit=room
                )
            )
        room -= fee.amount
    return Charge(charge.fees, tuple(findings))


def check_receipt(
    ctx: Context, terms: OfferingTerms, order: SubscriptionOrder, units: int, receipt: ReceiptTerms
) -> None:
    """Refuse a receipt that does not pay for exactly so many units, or not until the long stop.

    Raises:
        Refusal: RECEIPT_NOT_TAKEN, RECEIPT_DIFFERS, or what stands against it at its bank.
    """
    if receipt.bank not in terms.receipts_of:
        raise OfferingReason.RECEIPT_NOT_TAKEN.refusal(offering=terms.offering, bank=receipt.bank)
    wanted = receipt.model_copy(
        update={
            "payer": order.payer,
            "payee": terms.proceeds_to,
            "amount": units * terms.price,
            "use": ReceiptUse.SUBSCRIPTION,
            "subject": hold_of(order),
        }
    )
    if receipt != wanted:
        raise MoneyReason.RECEIPT_DIFFERS.refusal(bank=receipt.bank, number=receipt.number)
    ctx.invoke(Chaincode.CASH, "check_receipt", terms.cash, receipt, terms.long_stop_at)


def payment(terms: OfferingTerms, order: SubscriptionOrder, units: int) -> HeldMove:
    """Return what an order pays for so many units, out of its hold."""
    return HeldMove(
        asset=terms.cash,
        sender=order.payer,
        receiver=terms.proceeds_to,
        quantity=units * terms.price,
        hold=hold_of(order),
    )


def hold_of(order: SubscriptionOrder) -> str:
    """Return the name of an order's hold: unlike that of any trade, and of any other order."""
    place = composite_key("subscription", order.offering, order.subscription)
    return sha256(place.encode()).hexdigest()


def _secret(orders: Sequence[SubscriptionOrder]) -> str:
    """Return a secret that only those know who know every order."""
    return sha256("".join(order.salt for order in orders).encode()).hexdigest()


def _pay(ctx: Context, instruction: CashInstruction) -> None:
    ctx.invoke(Chaincode.CASH, "instruct", instruction)
