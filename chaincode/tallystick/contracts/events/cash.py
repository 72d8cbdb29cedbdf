"""Events: money."""

from typing import ClassVar

from tallystick.contracts.events.base import Basis, LedgerEvent
from tallystick.contracts.instants import Instant
from tallystick.contracts.statements import ReservationUse


class CashOpened(LedgerEvent):
    """What a bank owes in a currency exists as cash from now on.

    Attributes:
        money: ``deposit``, or ``central-bank``.
    """

    kind: ClassVar[str] = "cash.CashOpened"
    cash: str
    currency: str
    bank: str
    money: str


class MoneyTransferred(LedgerEvent):
    """Money moved: the one event of every payment.

    Attributes:
        sender: None for a deposit.
        receiver: None for a withdrawal.
        lock: The lock that it came out of, if it was locked.
        freed: What was left of that lock and is available again.
        actor: MSP of the participant that submitted it.
        reference: Of the payment off the ledger that it stands for, where a bank signed for one.
    """

    kind: ClassVar[str] = "cash.Transferred"
    version: ClassVar[int] = 2
    cash: str
    sender: str | None
    receiver: str | None
    amount: int
    basis: Basis
    lock: str | None
    freed: int
    actor: str
    reference: str | None = None


class MoneyLocked(LedgerEvent):
    """Money waits for its payment; it still belongs to its holder.

    Attributes:
        receiver: To whom alone it may go; the holder itself where it waits for several, such as
            those who hold a security.
    """

    kind: ClassVar[str] = "cash.Locked"
    cash: str
    holder: str
    receiver: str
    amount: int
    lock: str


class MoneyReleased(LedgerEvent):
    """Money is no longer locked and stays where it is."""

    kind: ClassVar[str] = "cash.Released"
    cash: str
    holder: str
    amount: int
    lock: str


class MoneyReserved(LedgerEvent):
    """Money is committed to an order, or is collateral; it still belongs to its holder.

    Attributes:
        keeper: MSP of the venue or of the clearing firm.
        expires_at: From then on it is free; None when it does not end by itself.
        salt: Of the row that keeps the holder's limits.
    """

    kind: ClassVar[str] = "cash.Reserved"
    cash: str
    holder: str
    keeper: str
    reservation: str
    use: ReservationUse
    amount: int
    expires_at: Instant | None
    salt: str


class ReservationRenewed(LedgerEvent):
    """A reservation ends at another moment."""

    kind: ClassVar[str] = "cash.ReservationRenewed"
    cash: str
    holder: str
    keeper: str
    reservation: str
    expires_at: Instant


class ReservationReduced(LedgerEvent):
    """So much is no longer reserved; with nothing left, the reservation is none.

    Attributes:
        cause: ``drawn`` for what follows in the transaction, ``released``, ``ordered`` or
            ``expired``.
        evidence_hash: Of the order by which the bank gave it back, in the place of its keeper.
    """

    kind: ClassVar[str] = "cash.ReservationReduced"
    version: ClassVar[int] = 2
    cash: str
    holder: str
    keeper: str
    reservation: str
    amount: int
    cause: str
    evidence_hash: str | None = None


class CreditGranted(LedgerEvent):
    """A bank lets somebody owe it up to a cap, in place of what it did before."""

    kind: ClassVar[str] = "cash.CreditGranted"
    cash: str
    holder: str
    cap: int
    valid_until: Instant
    salt: str


class CreditDrawn(LedgerEvent):
    """A bank has lent money that its holder was short of.

    Attributes:
        drawn: What the holder owes now.
    """

    kind: ClassVar[str] = "cash.CreditDrawn"
    cash: str
    holder: str
    amount: int
    drawn: int


class CreditRepaid(LedgerEvent):
    """Money that became available has gone to repay the bank.

    Attributes:
        drawn: What the holder still owes.
    """

    kind: ClassVar[str] = "cash.CreditRepaid"
    cash: str
    holder: str
    amount: int
    drawn: int


class FeeTaken(LedgerEvent):
    """Somebody has paid a fee; its receiver has yet to collect it.

    Attributes:
        salt: Of the row in which it waits.
    """

    kind: ClassVar[str] = "cash.FeeTaken"
    cash: str
    payer: str
    receiver: str
    amount: int
    salt: str


class FeesCollected(LedgerEvent):
    """The fees of some transactions have reached their receiver's account."""

    kind: ClassVar[str] = "cash.FeesCollected"
    cash: str
    receiver: str
    amount: int
    transactions: tuple[str, ...]


class DepositReported(LedgerEvent):
    """A bank has said what it holds against a cash.

    Attributes:
        supply: What was paid in on the ledger, less what was paid out, at this height.
    """

    kind: ClassVar[str] = "cash.DepositReported"
    cash: str
    deposit: int
    supply: int


class ReceiptMade(LedgerEvent):
    """A bank has stated that something was paid off the ledger."""

    kind: ClassVar[str] = "cash.ReceiptMade"
    bank: str
    number: str
    terms_hash: str
    expires_at: Instant


class ReceiptUsed(LedgerEvent):
    """A receipt has served as the payment that it stands for, and cannot again."""

    kind: ClassVar[str] = "cash.ReceiptUsed"
    bank: str
    number: str


class ReceiptVoided(LedgerEvent):
    """A bank has taken back a receipt that was not used."""

    kind: ClassVar[str] = "cash.ReceiptVoided"
    bank: str
    number: str


class EntryMade(LedgerEvent):
    """Money was locked, released or paid for a trade; what and whose is for readers of `entries`.

    Attributes:
        number: Of the entry, among those of the transaction.
    """

    kind: ClassVar[str] = "cash.EntryMade"
    cash: str
    number: int
