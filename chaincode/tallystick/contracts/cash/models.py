"""The rows, arguments and results of the cash contract."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import MAX_QUANTITY, Identifier, Model, Salt, Sha256Hex
from tallystick.contracts.statements import (
    Funding,
    MoneyReserved,
    ReceiptMade,
    ReceiptTerms,
    ReservationRenewed,
    ReservationUse,
)

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]

MAX_RESERVATIONS = 64
MAX_COLLECTED = 1_000


class CashKind(StrEnum):
    """Whose money it is: what the holder has a claim on."""

    DEPOSIT = "deposit"  # of a settlement bank
    CENTRAL_BANK = "central-bank"  # money of the central bank itself


class Cash(Model):
    """Row ``cash (id)``: what one bank owes in one currency.

    Attributes:
        currency: ISO 4217 code; amounts are in its minor unit, such as cents.
        bank: MSP of the bank that owes the money.
    """

    cash: Identifier
    currency: Currency
    bank: str
    opened_at: Instant
    kind: CashKind = CashKind.DEPOSIT


# --- limits: reservations and credit ---


class Reservation(Model):
    """Money of a holder that a keeper may have used, and nobody else; part of what is held.

    Attributes:
        keeper: MSP of the venue that the money is committed to, or of the firm whose collateral it
            is.
        name: By the keeper: its order.
        expires_at: From that second on the money is free; None when it does not end by itself.
    """

    keeper: str
    name: str
    use: ReservationUse
    amount: int
    expires_at: Instant | None

    def is_over(self, moment: Instant) -> bool:
        """Return whether the reservation has expired."""
        return self.expires_at is not None and moment >= self.expires_at


class Limits(Model):
    """Private row ``limits (cash, holder)``: what is reserved of a balance, and what it may lack.

    One row, so that a payment reads one, and in the bank's collection: no venue sees another's
    orders. Invariant: while something is drawn, nothing is available.

    Attributes:
        cap: The net debit cap: how much the holder may owe the bank.
        drawn: How much it owes: money that the bank has lent it, and that is not repaid.
        valid_until: From then on nothing more can be drawn; what is drawn stays owed.
        salt: Random, so that nobody can guess what is written on behalf of this row.
    """

    salt: str
    reservations: tuple[Reservation, ...] = ()
    cap: int = 0
    drawn: int = 0
    valid_until: Instant | None = None

    def find(self, keeper: str, name: str) -> Reservation | None:
        """Return a reservation, or None."""
        for each in self.reservations:
            if (each.keeper, each.name) == (keeper, name):
                return each
        return None

    def is_live(self, moment: Instant) -> bool:
        """Return whether anything may be drawn."""
        return self.valid_until is not None and moment < self.valid_until

    def unused(self, moment: Instant) -> int:
        """Return how much more may be drawn."""
        return max(self.cap - self.drawn, 0) if self.is_live(moment) else 0


class SignedReservation(Model):
    """Transient ``reservation``: what to reserve, by signature or under a mandate."""

    statement: MoneyReserved
    intent: SignedIntent | None = None
    salt: Salt


class SignedRenewal(Model):
    """Transient ``renewal``: the new end of a reservation, by signature or under a mandate."""

    statement: ReservationRenewed
    intent: SignedIntent | None = None


class ReservationPlace(Model):
    """Transient ``place`` of its keeper: which one."""

    cash: Identifier
    holder: Identifier
    reservation: Identifier


class OrderedRelease(ReservationPlace):
    """Transient ``release`` of a bank: which one a court, say, has ordered it to give back.

    Attributes:
        keeper: As the holder has named it, whether or not there is anybody of that name.
        evidence_hash: SHA-256 of the order, in hex.
    """

    keeper: str
    evidence_hash: Sha256Hex


class CreditGrant(Model):
    """Transient ``credit``: what a bank lets somebody owe it, in place of what it did before.

    Attributes:
        cap: Nothing when it is 0; what is drawn above it stays owed.
    """

    cash: Identifier
    holder: Identifier
    cap: Amount
    valid_until: Instant
    salt: Salt


class ReservationAnswer(Model):
    """Whether so much may be reserved now, and the most that may; no word of why."""

    allowed: bool
    most: int


# --- receipts ---


class SignedReceipt(Model):
    """Transient ``receipt``: what a bank has signed."""

    statement: ReceiptMade
    intent: SignedIntent
    salt: Salt


class ReceiptStatus(StrEnum):
    """Where a receipt stands."""

    OPEN = "open"
    USED = "used"
    VOID = "void"


class Receipt(Model):
    """Row ``receipt (bank, number)``, which everybody may read; never deleted.

    Attributes:
        terms_hash: Of the private terms with their salt.
    """

    bank: str
    number: Identifier
    terms_hash: str
    expires_at: Instant
    status: ReceiptStatus


class KeptReceipt(Model):
    """Private row ``receipt (bank, number)``: what it says."""

    terms: ReceiptTerms
    salt: str


class ReceiptView(Model):
    """A receipt; ``terms`` is None for readers who are not entitled to them."""

    receipt: Receipt
    terms: ReceiptTerms | None


# --- fees, funding, reports ---


class FundingNote(Model):
    """Row ``payment (bank, reference)``: a payment off the ledger that has counted."""

    cash: Identifier
    direction: Funding
    at: Instant


class Accrual(Model):
    """Private row ``accrual (cash, receiver, transaction id)``: fees that wait to be collected."""

    amount: int
    salt: str


class DepositReport(Model):
    """Row ``report (cash)``: what the bank said last, beside what the ledger said then.

    Attributes:
        deposit: What the bank holds against this cash, by its own books.
        supply: What was paid in on the ledger, less what was paid out.
    """

    cash: Identifier
    deposit: int
    supply: int
    reported_at: Instant

    @property
    def matches(self) -> bool:
        """Whether both say the same."""
        return self.deposit == self.supply


class Reconciliation(Model):
    """All money of a cash at once: ``balances + accrued = supply + lent``, exactly, always.

    Attributes:
        supply: Paid in, less paid out.
        lent: Drawn on credit and not repaid: the holders owe it to the bank.
        balances: What all holders have.
        accrued: Fees that wait to be collected.
    """

    cash: str
    supply: int
    lent: int
    balances: int
    accrued: int
    report: DepositReport | None

    @property
    def holds(self) -> bool:
        """Whether no money was made or lost."""
        return self.balances + self.accrued == self.supply + self.lent


# --- views ---


class CashAccount(Model):
    """What somebody has in one cash.

    Attributes:
        held: Of the amount, what waits: locks and reservations.
        available: amount less held.
        reserved: Of what is held, the reservations.
        cap: How much the holder may owe.
        drawn: How much it owes.
    """

    holder: str
    amount: int
    held: int
    available: int
    reserved: int = 0
    cap: int = 0
    drawn: int = 0


class CashPage(Model):
    """Holders of one cash, by id; pass the bookmark for the next page, empty after the last."""

    cash: str
    accounts: tuple[CashAccount, ...]
    bookmark: str


Collected = Annotated[
    tuple[Sha256Hex, ...],
    Field(min_length=1, max_length=MAX_COLLECTED),
]
"""Transactions whose fees are collected."""
