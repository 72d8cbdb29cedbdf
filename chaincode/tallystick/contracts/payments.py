"""What the settlement contract tells the cash contract to do, in one call.

The cash leg is a port: a payment is made in money on the ledger, whoever owes it (a commercial or a
central bank), or by a receipt of a bank for money that was paid elsewhere. One instruction may hold
both, and it is carried out together with the other leg or not at all.
"""

from typing import Annotated

from pydantic import Field

from tallystick.contracts.book import Delivery, HeldMove
from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import ReceiptTerms

MAX_PAYMENTS = 1_000

MAX_NETTED = 100_000
"""Payments, or draws, of one netting cycle: each of its trades may have members of its own.

Fees of one page of an issue are fewer.
"""


class Draw(Model):
    """Money that was reserved before, and is now wanted.

    What is reserved is free again up to the amount, at once; what that leaves stays reserved. A
    reservation that has ended, or that never was, gives nothing: then money must be there anyway.

    Attributes:
        keeper: MSP of the venue to which the money is committed, or of the firm that has it as
            collateral.
        reservation: Name of the reservation: a venue's order.
    """

    cash: Identifier
    holder: Identifier
    keeper: str
    reservation: Identifier
    amount: Quantity


class Fee(Model):
    """A fee that somebody pays out of money that is available once all moves are made.

    The receiver gets it in an account of this transaction alone, and collects it later: so
    payments of different people that pay fees to one receiver share no row.
    """

    cash: Identifier
    payer: Identifier
    receiver: Identifier
    amount: Quantity


class CashInstruction(Model):
    """All that one transaction does to money, part by part, in this order.

    After moves and fees together, and after the locks, nobody may lack anything.

    Attributes:
        release: Locks that are given up.
        draws: Reserved money that becomes available for what follows.
        moves: Payments, out of a lock or of available money: a delivery, the nets of a cycle, a
            payout to many. What a payment leaves of a lock is free, unless it keeps it open.
        receipts: Payments made elsewhere; each receipt is used up.
        fees: What is taken for it.
        lock: Money to wait for payments to come; each lock bears the name of its move's hold.
        secret: Hides what is done from who can guess it: random, such as a trade's salt.
    """

    release: Annotated[tuple[HeldMove, ...], Field(max_length=MAX_PAYMENTS)] = ()
    draws: Annotated[tuple[Draw, ...], Field(max_length=MAX_NETTED)] = ()
    moves: Annotated[tuple[Delivery, ...], Field(max_length=MAX_NETTED)] = ()
    receipts: Annotated[tuple[ReceiptTerms, ...], Field(max_length=MAX_PAYMENTS)] = ()
    fees: Annotated[tuple[Fee, ...], Field(max_length=MAX_NETTED)] = ()
    lock: Annotated[tuple[HeldMove, ...], Field(max_length=MAX_PAYMENTS)] = ()
    secret: str


# --- what can be paid ---


class FundsQuestion(Model):
    """What have these holders to pay with?

    Attributes:
        keeper: MSP of who clears: collateral that it keeps counts.
        venue: MSP of a venue: what is committed to orders there is told too.
        accounts: A cash and a holder each.
    """

    keeper: Identifier
    venue: Identifier | None = None
    accounts: Annotated[tuple[tuple[Identifier, Identifier], ...], Field(max_length=MAX_NETTED)]


class Reserved(Model):
    """Money that a holder has reserved.

    Attributes:
        reservation: Name of the reservation.
    """

    reservation: str
    amount: int


class MemberFunds(Model):
    """What a holder has in one cash.

    Attributes:
        credit: How much more the bank lends it now.
        collateral: What the keeper may draw, in the order in which it was reserved.
        orders: What is committed to orders at the venue.
        findings: What stands against its paying or getting money.
    """

    cash: str
    holder: str
    available: int = 0
    credit: int = 0
    collateral: tuple[Reserved, ...] = ()
    orders: tuple[Reserved, ...] = ()
    findings: tuple[Finding, ...] = ()
