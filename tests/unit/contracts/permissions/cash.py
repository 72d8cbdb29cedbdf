"""Who may call the functions of the cash contract, and arguments that are well formed."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.money import (
    SALT,
    funded,
    receipt_terms,
    reserved,
    signed_receipt,
)
from tests.unit.contracts.permissions.roles import (
    BANK,
    EVERYBODY,
    LICENSED,
    NOBODY,
    READERS,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.cash.models import (
    CreditGrant,
    ReservationPlace,
    SignedRenewal,
    SignedReservation,
)
from tallystick.contracts.models import Model
from tallystick.contracts.payments import CashInstruction, FundsQuestion
from tallystick.contracts.statements import MoneySent, ReservationRenewed
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_cash": BANK,
    "deposit": BANK,
    "withdraw": BANK,
    "transfer": LICENSED,
    "fund": LICENSED,
    "report_deposit": BANK,
    "reserve": LICENSED,
    "renew_reservation": LICENSED,
    "release_reservation": frozenset({P.ATS, P.CLEARING}),
    "grant_credit": BANK,
    "make_receipt": LICENSED,
    "void_receipt": BANK,
    "collect_fees": LICENSED,
    "instruct": NOBODY,
    "delivery_findings": NOBODY,
    "check_receipt": NOBODY,
    "funds": NOBODY,
    "cash": EVERYBODY,
    "balance_of": EVERYBODY,
    "account": EVERYBODY,
    "accounts": READERS | BANK,
    "entries": READERS | BANK,
    "supply": EVERYBODY,
    "deposit_report": EVERYBODY,
    "reconciliation": READERS | BANK,
    "reservations": EVERYBODY,
    "may_reserve": EVERYBODY,
    "receipt": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    paid = MoneySent(cash="USD", sender="bob", receiver="alice", amount=1)
    said = funded(1, signer="bob")
    transactions: list[JsonValue] = ["0" * 64]
    return {
        "fund": [said, market.sign("bob", said)],
        "report_deposit": ["USD", 50_000],
        "reserve": [],
        "renew_reservation": [],
        "release_reservation": [],
        "grant_credit": [],
        "make_receipt": [],
        "void_receipt": ["R-1"],
        "collect_fees": ["USD", "alice", transactions],
        "instruct": [CashInstruction(secret="")],
        "delivery_findings": [CashInstruction(secret="")],
        "check_receipt": ["USD", receipt_terms(), market.after(timedelta(0))],
        "funds": [FundsQuestion(keeper=P.CLEARING, accounts=())],
        "deposit_report": ["USD"],
        "reconciliation": ["USD"],
        "reservations": ["USD", "bob"],
        "may_reserve": ["USD", "bob", 1],
        "receipt": ["BankMSP", "R-1"],
        "open_cash": ["EUR", "EUR"],
        "deposit": ["USD", "bob", 1],
        "withdraw": ["USD", "bob", 1],
        "transfer": [paid],
        "cash": ["USD"],
        "balance_of": ["USD", "bob"],
        "account": ["USD", "bob"],
        "accounts": ["USD"],
        "entries": ["USD", "0" * 64],
        "supply": ["USD"],
    }


def secrets(market: Market) -> dict[str, Model]:
    """Return transient data that is well formed."""
    said = reserved(market, 1)
    renewed = ReservationRenewed(
        cash="USD", holder="bob", keeper=P.ATS, reservation="O-1", expires_at=said.expires_at or ""
    )
    return {
        "reservation": SignedReservation(statement=said, salt=SALT),
        "renewal": SignedRenewal(statement=renewed),
        "place": ReservationPlace(cash="USD", holder="bob", reservation="O-1"),
        "credit": CreditGrant(
            cash="USD", holder="bob", cap=1, valid_until=said.expires_at or "", salt=SALT
        ),
        "receipt": signed_receipt(market, receipt_terms(), signer="bob"),
    }
