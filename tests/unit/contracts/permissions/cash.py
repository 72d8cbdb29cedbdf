"""Who may call the functions of the cash contract, and arguments that are well formed."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.money import (
    CASHIER,
    SALT,
    funded,
    receipt_terms,
    reserve,
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
    among_licensed,
    anybody,
    by_mandate,
    desk,
    licensed,
    only,
    through_settlement,
)
from tests.unit.contracts.trades.stage import settle_at_once

from tallystick.contracts.cash.models import (
    CreditGrant,
    OrderedRelease,
    ReservationPlace,
    SignedRenewal,
    SignedReservation,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.models import Model
from tallystick.contracts.payments import CashInstruction, FundsQuestion
from tallystick.contracts.reasons import AccessReason, AccountReason
from tallystick.contracts.statements import MoneySent, ReservationRenewed
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.trades.models import Status, TradeView

CHARGED, FEE_HOUSE = "T-16", "fee-house"
"""A trade of which the venue has taken a fee, and whose it is."""

PERMITTED: Permissions = {
    "open_cash": only(BANK),
    "deposit": only(BANK),
    "withdraw": only(BANK),
    "transfer": by_mandate(),
    "fund": licensed(),
    "report_deposit": only(BANK),
    "reserve": by_mandate(),
    "renew_reservation": by_mandate(),
    "release_reservation": only(VENUES | CLEARING),
    "release_reservation_by_order": only(BANK),
    "grant_credit": only(BANK),
    "make_receipt": licensed(),
    "void_receipt": only({P.BANK, CENTRAL_BANK}),
    "collect_fees": licensed(),
    "instruct": through_settlement(),
    "delivery_findings": through_settlement(),
    "check_receipt": through_settlement(),
    "funds": through_settlement(),
    "cash": anybody(),
    "balance_of": among_licensed(READERS | BROKER | BANK, AccessReason.MANDATE_MISSING),
    "account": among_licensed(READERS | BROKER | BANK, AccessReason.MANDATE_MISSING),
    "accounts": only(READERS | BANK),
    "entries": only(READERS | BANK),
    "supply": anybody(),
    "deposit_report": anybody(),
    "reconciliation": only(READERS | BANK),
    "reservations": anybody(),
    "may_reserve": among_licensed(BROKER | VENUES, AccountReason.ACCOUNT_NOT_LINKED),
    "receipt": anybody(),
}


def arguments(market: Market) -> Arguments:
    paid = MoneySent(cash="USD", sender="bob", receiver="alice", amount=1)
    said = funded(1, signer=CASHIER)
    transactions: list[JsonValue] = [fees_taken_in(market)]
    return {
        "fund": [said, market.sign(CASHIER, said)],
        "report_deposit": ["USD", 50_000],
        "reserve": [],
        "renew_reservation": [],
        "release_reservation": [],
        "release_reservation_by_order": [],
        "grant_credit": [],
        "make_receipt": [],
        "void_receipt": ["R-2"],
        "collect_fees": ["USD", FEE_HOUSE, transactions],
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
        "release": OrderedRelease(
            cash="USD",
            holder="bob",
            keeper=P.ATS,
            reservation="O-4",
            evidence_hash=EVIDENCE,
        ),
        "place": ReservationPlace(cash="USD", holder="bob", reservation="O-4"),
        "credit": CreditGrant(
            cash="USD", holder="bob", cap=1, valid_until=said.expires_at or "", salt=SALT
        ),
        "receipt": signed_receipt(market, receipt_terms(), signer=CASHIER),
    }


def prepare(market: Market) -> None:
    """Reserve bob's money for two keepers, make receipts of two banks, and take a fee."""
    for keeper in (P.ATS, P.CLEARING):
        reserve(market, reserved(market, 1, "O-4", keeper=keeper))
    for bank in (P.BANK, CENTRAL_BANK):
        terms = receipt_terms("R-2").model_copy(update={"bank": bank})
        receipt = signed_receipt(market, terms, signer=desk(bank))
        market.submit(P.BROKER_DEALER, Chaincode.CASH, "make_receipt", receipt=receipt)
    market.register(FEE_HOUSE)
    fee = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=FEE_HOUSE, flat=1)
    set_fees(market, fee)
    market.agree(market.terms(CHARGED))
    settle_at_once(market, CHARGED)
    set_fees(market)


def fees_taken_in(market: Market) -> str:
    """Return the id of the transaction in which the fee of a trade was taken."""
    asked = market.evaluate(Chaincode.SETTLEMENT, "trade", CHARGED)
    history = asked.load(TradeView).history
    return next(each.transaction_id for each in history if each.status is Status.SETTLED)
