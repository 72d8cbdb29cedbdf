"""The rows, arguments and results of the cash contract."""

from typing import Annotated

from pydantic import StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Cash(Model):
    """Row ``cash (id)``: deposits of one bank in one currency.

    Attributes:
        currency: ISO 4217 code; amounts are in its minor unit, such as cents.
        bank: MSP of the bank that owes the money.
    """

    cash: Identifier
    currency: Currency
    bank: str
    opened_at: Instant


class CashAccount(Model):
    """What somebody has in one cash.

    Attributes:
        available: amount less held.
    """

    holder: str
    amount: int
    held: int
    available: int


class CashPage(Model):
    """Holders of one cash, by id; pass the bookmark for the next page, empty after the last."""

    cash: str
    accounts: tuple[CashAccount, ...]
    bookmark: str
