"""Receipts: a bank's signed word for money that was paid elsewhere, in the place of a cash leg."""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.money import (
    BANK,
    BROKER,
    CASH,
    HOUR,
    SALT,
    appoint_cashier,
    instruct,
    make_receipt,
    payment,
    receipt_terms,
    signed_receipt,
    use_receipt,
)

from tallystick.contracts.cash.models import ReceiptStatus, ReceiptView
from tallystick.contracts.participants import Participant
from tallystick.contracts.payments import CashInstruction
from tallystick.contracts.statements import ReceiptUse
from tallystick.contracts.testing import Market


@pytest.fixture
def market(market: Market) -> Market:
    appoint_cashier(market)
    return market


def status(market: Market) -> ReceiptStatus:
    return view(market).receipt.status


def view(market: Market, reader: str = BANK) -> ReceiptView:
    return market.submit(reader, CASH, "receipt", BANK, "R-1").load(ReceiptView)


def test_a_receipt_counts_as_the_payment_once(market: Market) -> None:
    """SS-100, F132, W34."""
    made = make_receipt(market, receipt_terms())
    used = use_receipt(market, receipt_terms())

    assert (made.event_types, used.event_types) == (("cash.ReceiptMade",), ("cash.ReceiptUsed",))
    assert status(market) is ReceiptStatus.USED
    assert refused(use_receipt, market, receipt_terms()) == "RECEIPT_NOT_OPEN"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"payer": "carol"}, id="payer"),
        pytest.param({"payee": "carol"}, id="payee"),
        pytest.param({"amount": 701}, id="amount"),
        pytest.param({"currency": "EUR"}, id="currency"),
        pytest.param({"use": ReceiptUse.SUBSCRIPTION}, id="use"),
        pytest.param({"subject": "T-10"}, id="trade"),
    ],
)
def test_a_receipt_is_for_one_payment_only(market: Market, changes: dict[str, str | int]) -> None:
    """SS-100, F132."""
    make_receipt(market, receipt_terms())
    other = receipt_terms().model_copy(update=changes)

    assert refused(use_receipt, market, other) == "RECEIPT_DIFFERS"
    assert status(market) is ReceiptStatus.OPEN


def test_a_receipt_is_good_to_the_second(market: Market) -> None:
    """SS-100."""
    make_receipt(market, receipt_terms())
    market.ledger.advance(HOUR)

    assert refused(use_receipt, market, receipt_terms()) == "RECEIPT_EXPIRED"


def test_the_number_of_a_receipt_is_used_once_for_ever(market: Market) -> None:
    """SS-100."""
    make_receipt(market, receipt_terms())
    use_receipt(market, receipt_terms())

    assert refused(make_receipt, market, receipt_terms(amount=1)) == "RECEIPT_EXISTS"


def test_only_the_bank_it_names_signs_a_receipt(market: Market) -> None:
    """SS-100, F132."""
    by_alice = signed_receipt(market, receipt_terms(), signer="alice")
    of_another = signed_receipt(market, receipt_terms().model_copy(update={"bank": "OtherBankMSP"}))

    act = (BROKER, CASH, "make_receipt")
    assert refused(market.submit, *act, receipt=by_alice) == "NOT_OF_THE_BANK"
    assert refused(market.submit, *act, receipt=of_another) == "LICENCE_MISSING"


def test_a_receipt_that_was_taken_back_does_not_count(market: Market) -> None:
    make_receipt(market, receipt_terms())
    market.submit(BANK, CASH, "void_receipt", "R-1")

    assert refused(use_receipt, market, receipt_terms()) == "RECEIPT_NOT_OPEN"


def test_money_and_receipts_make_one_payment_or_none(market: Market) -> None:
    """SS-104, W34: a receipt that fails leaves the money where it is."""
    make_receipt(market, receipt_terms())
    moves = (payment(100),)
    wrong = CashInstruction(moves=moves, receipts=(receipt_terms(amount=1),), secret=SALT)
    assert refused(instruct, market, wrong) == "RECEIPT_DIFFERS"
    assert (market.money("alice"), status(market)) == (0, ReceiptStatus.OPEN)

    instruct(market, CashInstruction(moves=moves, receipts=(receipt_terms(),), secret=SALT))
    assert (market.money("alice"), status(market)) == (100, ReceiptStatus.USED)


def test_money_that_is_short_leaves_the_receipt_open(market: Market) -> None:
    """W34."""
    make_receipt(market, receipt_terms())
    instruction = CashInstruction(
        moves=(payment(50_001),), receipts=(receipt_terms(),), secret=SALT
    )

    assert refused(instruct, market, instruction) == "INSUFFICIENT_AVAILABLE"
    assert status(market) is ReceiptStatus.OPEN


def test_what_a_receipt_says_is_for_its_readers(market: Market) -> None:
    make_receipt(market, receipt_terms(amount=31_337))

    assert view(market, Participant.CLEARING).terms == receipt_terms(amount=31_337)
    seen = view(market, Participant.ATS)
    assert (seen.terms, seen.receipt.number) == (None, "R-1")
    public = market.ledger.world.rows_of(CASH).values
    assert not [key for key, value in public.items() if b"31337" in value]
