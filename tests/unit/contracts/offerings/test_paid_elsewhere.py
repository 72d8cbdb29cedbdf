"""Units against money that was paid off the ledger: a receipt of a bank, good once (SS-100)."""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.money import appoint_cashier, signed_receipt
from tests.unit.contracts.offerings.stage import (
    CASH,
    LONG_STOP,
    MONEY,
    PAID_LATER,
    PRICE,
    P,
    PrimaryMarket,
)

from tallystick.contracts.cash.models import ReceiptStatus, ReceiptView
from tallystick.contracts.offerings.models import SubscriptionStatus
from tallystick.contracts.statements import ReceiptTerms


@pytest.fixture
def elsewhere(primary: PrimaryMarket) -> PrimaryMarket:
    """An offering that takes receipts; alice and bob have 500 units allotted each."""
    appoint_cashier(primary)
    primary.offer(receipts_of=[P.BANK], **PAID_LATER)
    primary.place(primary.order("a", "alice", 1000))
    primary.place(primary.order("b", "bob", 1000))
    primary.close()
    primary.allocate()
    return primary


def made(market: PrimaryMarket, terms: ReceiptTerms) -> ReceiptTerms:
    """Enter a receipt that the bank has signed, good until after the long stop."""
    receipt = signed_receipt(market, terms, life=LONG_STOP)
    market.submit(P.BROKER_DEALER, CASH, "make_receipt", receipt=receipt)
    return terms


def status(market: PrimaryMarket, number: str = "R-1") -> ReceiptStatus:
    return market.evaluate(CASH, "receipt", P.BANK, number).load(ReceiptView).receipt.status


def test_units_are_issued_against_a_receipt_which_is_then_used_up(
    elsewhere: PrimaryMarket,
) -> None:
    """SS-100, F17: beside units that money on the ledger pays for, in one page."""
    elsewhere.pay_by("a", made(elsewhere, elsewhere.receipt("a", 500 * PRICE)))
    elsewhere.pay("b")
    elsewhere.fund()
    assert status(elsewhere) is ReceiptStatus.OPEN

    elsewhere.issue_page("a", "b")

    assert (elsewhere.units("alice"), elsewhere.units("bob")) == (500, 500)
    assert status(elsewhere) is ReceiptStatus.USED
    assert elsewhere.money("alice") == MONEY, "she paid off the ledger"
    assert elsewhere.money("treasury") == 500 * PRICE


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 500 * PRICE - 1},
        {"payer": "bob"},
        {"payee": "carol"},
        {"subject": "T-9"},
        {"currency": "EUR"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_receipt_is_for_this_payment_to_the_cent(
    changes: dict[str, str | int], elsewhere: PrimaryMarket
) -> None:
    """SS-100."""
    terms = elsewhere.receipt("a", 500 * PRICE).model_copy(update=changes)

    assert refused(elsewhere.pay_by, "a", made(elsewhere, terms)) == "RECEIPT_DIFFERS"


def test_a_receipt_must_be_there_and_last_until_the_long_stop(elsewhere: PrimaryMarket) -> None:
    terms = elsewhere.receipt("a", 500 * PRICE)
    assert refused(elsewhere.pay_by, "a", terms) == "RECEIPT_UNKNOWN"
    short = signed_receipt(elsewhere, terms)
    elsewhere.submit(P.BROKER_DEALER, CASH, "make_receipt", receipt=short)

    assert refused(elsewhere.pay_by, "a", terms) == "RECEIPT_EXPIRED"


def test_a_receipt_that_its_bank_takes_back_issues_nothing(elsewhere: PrimaryMarket) -> None:
    elsewhere.pay_by("a", made(elsewhere, elsewhere.receipt("a", 500 * PRICE)))
    elsewhere.pay("b")
    elsewhere.fund()
    elsewhere.submit(P.BANK, CASH, "void_receipt", "R-1")

    assert refused(elsewhere.issue_page, "a", "b") == "RECEIPT_NOT_OPEN"
    assert elsewhere.supply() == 0


def test_a_subscription_paid_elsewhere_ends_and_leaves_the_receipt_for_its_bank_to_take_back(
    elsewhere: PrimaryMarket,
) -> None:
    """SS-100, SS-101: refundable at each stage, where the money is."""
    elsewhere.pay_by("a", made(elsewhere, elsewhere.receipt("a", 500 * PRICE)))
    elsewhere.pay("b")
    elsewhere.withdraw()
    elsewhere.refund("a", "b")
    assert status(elsewhere) is ReceiptStatus.OPEN

    elsewhere.submit(P.BANK, CASH, "void_receipt", "R-1")

    assert elsewhere.view("a").subscription.status is SubscriptionStatus.REFUNDED
    assert elsewhere.free_money("bob") == MONEY


def test_who_confirms_an_order_keeps_its_receipt(elsewhere: PrimaryMarket) -> None:
    elsewhere.pay_by("a", made(elsewhere, elsewhere.receipt("a", 500 * PRICE)))
    order = elsewhere.view("a").order
    assert order is not None
    elsewhere.recover("alice")
    elsewhere.confirm(order)
    elsewhere.pay("b")
    elsewhere.fund()

    elsewhere.issue_page("a")

    assert elsewhere.money("alice") == MONEY
    assert status(elsewhere) is ReceiptStatus.USED
