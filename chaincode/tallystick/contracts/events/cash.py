"""Events: money."""

from typing import ClassVar

from tallystick.contracts.events.base import Basis, LedgerEvent


class CashOpened(LedgerEvent):
    """A bank's deposits exist as cash from now on."""

    kind: ClassVar[str] = "cash.CashOpened"
    cash: str
    currency: str
    bank: str


class MoneyTransferred(LedgerEvent):
    """Money moved: the one event of every payment.

    Attributes:
        sender: None for a deposit.
        receiver: None for a withdrawal.
        lock: The lock that it came out of, if it was locked.
        actor: MSP of the participant that submitted it.
    """

    kind: ClassVar[str] = "cash.Transferred"
    cash: str
    sender: str | None
    receiver: str | None
    amount: int
    basis: Basis
    lock: str | None
    actor: str


class MoneyLocked(LedgerEvent):
    """Money waits for its payment; it still belongs to its holder."""

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


class EntryMade(LedgerEvent):
    """Money was locked, released or paid for a trade; what and whose is for readers of `entries`.

    Attributes:
        number: Of the entry, among those of the transaction.
    """

    kind: ClassVar[str] = "cash.EntryMade"
    cash: str
    number: int
