"""Who may call the functions of the cash contract, and arguments that are well formed."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.money import (
    CASHIER,
    SALT,
    funded,
    receipt_terms,
    reserved,
    signed_receipt,
)
from tests.unit.contracts.permissions.roles import (
    BANK,
    BROKER,
    CENTRAL_BANK,
    CLEARING,
    READERS,
    VENUES,
    Arguments,
    P,
    Permissions,
    anybody,
    by_mandate,
    licensed,
    only,
    through_settlement,
)

from tallystick.contracts.cash.models import (
    CreditGrant,
    ReservationPlace,
    SignedRenewal,
    SignedReservation,
)
from tallystick.contracts.models import Model
from tallystick.contracts.payments import CashInstruction, FundsQuestion
from tallystick.contracts.reasons import AccessReason, AccountReason, MoneyReason
from tallystick.contracts.statements import MoneySent, ReservationRenewed
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_cash": only(BANK),
    "deposit": only(BANK),
    "withdraw": only(BANK),
    "transfer": by_mandate(),
    "fund": licensed(),
    "report_deposit": only(BANK),
    "reserve": by_mandate(),
    "renew_reservation": by_mandate(),
    "release_reservation": only(VENUES | CLEARING, but={MoneyReason.RESERVATION_UNKNOWN: CLEARING}),
    "grant_credit": only(BANK),
    "make_receipt": licensed(),
    "void_receipt": only({P.BANK, CENTRAL_BANK}, but={MoneyReason.RECEIPT_UNKNOWN: {CENTRAL_BANK}}),
    "collect_fees": licensed(MoneyReason.NOTHING_TO_COLLECT),
    "instruct": through_settlement(),
    "delivery_findings": through_settlement(),
    "check_receipt": through_settlement(),
    "funds": through_settlement(),
    "cash": anybody(),
    "balance_of": only(READERS | BROKER | BANK, others=AccessReason.MANDATE_MISSING),
    "account": only(READERS | BROKER | BANK, others=AccessReason.MANDATE_MISSING),
    "accounts": only(READERS | BANK),
    "entries": only(READERS | BANK),
    "supply": anybody(),
    "deposit_report": anybody(),
    "reconciliation": only(READERS | BANK),
    "reservations": anybody(),
    "may_reserve": only(BROKER | VENUES, others=AccountReason.ACCOUNT_NOT_LINKED),
    "receipt": anybody(),
}


def arguments(market: Market) -> Arguments:
    paid = MoneySent(cash="USD", sender="bob", receiver="alice", amount=1)
    said = funded(1, signer=CASHIER)
    transactions: list[JsonValue] = ["0" * 64]
    return {
        "fund": [said, market.sign(CASHIER, said)],
        "report_deposit": ["USD", 50_000],
        "reserve": [],
        "renew_reservation": [],
        "release_reservation": [],
        "grant_credit": [],
        "make_receipt": [],
        "void_receipt": ["R-2"],
        "collect_fees": ["USD", "alice", transactions],
        "instruct": [CashInstruction(secret="")],
        "delivery_findings": [CashInstruction(secret="")],
        "check_receipt": ["USD", receipt_terms(), market.after(timedelta(0))],
        "funds": [FundsQuestion(keeper=P.CLEARING, accounts=())],
        "deposit_report": ["USD"],
        "reconciliation": ["USD"],
        "reservations": ["USD", "bob"],
        "may_reserve": ["USD", "bob", 1],
        "receipt": [P.BANK, "R-2"],
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
        cash="USD", holder="bob", keeper=P.ATS, reservation="O-4", expires_at=said.expires_at or ""
    )
    return {
        "reservation": SignedReservation(statement=said, salt=SALT),
        "renewal": SignedRenewal(statement=renewed),
        "place": ReservationPlace(cash="USD", holder="bob", reservation="O-4"),
        "credit": CreditGrant(
            cash="USD", holder="bob", cap=1, valid_until=said.expires_at or "", salt=SALT
        ),
        "receipt": signed_receipt(market, receipt_terms(), signer=CASHIER),
    }
