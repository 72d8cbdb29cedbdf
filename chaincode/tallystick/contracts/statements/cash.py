"""What identities sign: money."""

from enum import StrEnum

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.statements.base import Statement


class MoneySent(Statement):
    """I pay so much of my money to somebody."""

    contract = "cash"
    kind = "transfer"

    cash: Identifier
    sender: Identifier
    receiver: Identifier
    amount: Quantity


class ReservationUse(StrEnum):
    """What money is reserved for."""

    ORDER = "order"
    COLLATERAL = "collateral"


class MoneyReserved(Statement):
    """I commit so much of my money to an order at a venue, or give it a firm as collateral.

    It stays mine and cannot be used otherwise, until it is used, released by the keeper, or over.

    Attributes:
        keeper: MSP of the venue or of the clearing firm.
        reservation: Name, by the keeper: its order.
        expires_at: From that second on it is free; an order's must end, collateral need not.
    """

    contract = "cash"
    kind = "reserve"

    cash: Identifier
    holder: Identifier
    keeper: str
    reservation: Identifier
    use: ReservationUse
    amount: Quantity
    expires_at: Instant | None = None


class ReservationRenewed(Statement):
    """What I reserved shall end at another moment."""

    contract = "cash"
    kind = "renew-reservation"

    cash: Identifier
    holder: Identifier
    keeper: str
    reservation: Identifier
    expires_at: Instant


class Funding(StrEnum):
    """Which way money went between the ledger and the world."""

    IN = "in"
    OUT = "out"


class MoneyFunded(Statement):
    """For the bank, I state that money came in for a holder, or went out to it.

    Attributes:
        signer: An identity that represents the bank.
        reference: Of the payment off the ledger, by the bank; it counts once for ever.
    """

    contract = "cash"
    kind = "fund"

    cash: Identifier
    signer: Identifier
    direction: Funding
    holder: Identifier
    amount: Quantity
    reference: Identifier


class ReceiptUse(StrEnum):
    """What money was paid for."""

    TRADE = "trade"
    SUBSCRIPTION = "subscription"


class ReceiptTerms(Model):
    """What a receipt says: which payment it stands for.

    Attributes:
        bank: MSP of the bank that received the money and paid it on.
        number: Of the receipt, by the bank; it is used once for ever.
        currency: ISO 4217 code; the amount is in its minor unit.
        subject: Id of the trade or subscription that was paid.
    """

    bank: str
    number: Identifier
    payer: Identifier
    payee: Identifier
    currency: Identifier
    amount: Quantity
    use: ReceiptUse
    subject: Identifier


class ReceiptMade(Statement):
    """For the bank, I state that this was paid off the ledger, and only for what is named here.

    Attributes:
        signer: An identity that represents the bank.
        expires_at: From then on the receipt can no longer be used.
    """

    contract = "cash"
    kind = "receipt"

    signer: Identifier
    terms: ReceiptTerms
    expires_at: Instant
