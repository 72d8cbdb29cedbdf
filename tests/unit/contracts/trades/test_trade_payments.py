"""The cash leg as a port: whoever owes the money, what was paid elsewhere, orders, credit, fees."""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.money import (
    BANK,
    CASH,
    account,
    appoint_cashier,
    collect,
    grant_credit,
    make_receipt,
    receipt_terms,
    reserve,
    reserved,
    signed_receipt,
)
from tests.unit.contracts.trades.stage import (
    BEFORE,
    SETTLED,
    holdings,
    record_failure,
    settle_at_once,
    view,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.cash.models import CashKind
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import ReceiptTerms
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import LegKind, TradeLeg, TradeTerms

CENTRAL_BANK = "CentralBankMSP"
HOUSE = "fee-house"


def status(market: Market) -> Status:
    return view(market).trade.status


# --- whose money ---


def test_central_bank_money_pays_like_any_other(market: Market) -> None:
    """SS-104, W34: both legs in one transaction."""
    market.license(market.licence(CENTRAL_BANK, "central-bank"))
    market.submit(CENTRAL_BANK, CASH, "open_cash", "eCB", "EUR", CashKind.CENTRAL_BANK)
    market.submit(CENTRAL_BANK, CASH, "deposit", "eCB", "bob", 500)
    market.agree(market.terms().model_copy(update={"cash": "eCB"}))
    market.lock()
    market.settle()

    assert market.evaluate(CASH, "balance_of", "eCB", "alice").load(int) == 500
    assert (market.units("bob"), market.money("bob")) == (10, 50_000)


# --- paid elsewhere ---


@pytest.fixture
def elsewhere(market: Market) -> TradeTerms:
    """Bob pays alice at the bank, off the ledger."""
    appoint_cashier(market)
    terms = market.terms().model_copy(update={"paid_at": BANK})
    market.agree(terms)
    return terms


def receipt_for(trade: str, amount: int = 500) -> ReceiptTerms:
    return receipt_terms(trade, amount).model_copy(update={"subject": trade})


def test_a_receipt_for_the_price_delivers_the_units(market: Market, elsewhere: TradeTerms) -> None:
    """SS-104, F132, W34."""
    market.lock()
    assert refused(market.settle) == "RECEIPT_UNKNOWN"
    assert holdings(market) == BEFORE

    make_receipt(market, receipt_for(elsewhere.trade))
    market.settle()
    assert (market.units("bob"), market.money("bob")) == (10, 50_000)
    assert status(market) is Status.SETTLED


def test_a_receipt_for_another_amount_delivers_nothing(
    market: Market, elsewhere: TradeTerms
) -> None:
    """F132."""
    make_receipt(market, receipt_for(elsewhere.trade, 499))
    market.lock()

    assert refused(market.settle) == "RECEIPT_DIFFERS"
    assert (holdings(market), status(market)) == (BEFORE, Status.LOCKED)


def test_a_wrong_receipt_is_made_void_and_the_right_one_takes_its_place(
    market: Market, elsewhere: TradeTerms
) -> None:
    """F132: and nobody brings the wrong one back."""
    wrong = signed_receipt(market, receipt_for(elsewhere.trade, 499))
    market.submit(Participant.BROKER_DEALER, CASH, "make_receipt", receipt=wrong)
    right = receipt_for(elsewhere.trade)
    assert refused(make_receipt, market, right) == "RECEIPT_EXISTS"
    market.submit(BANK, CASH, "void_receipt", elsewhere.trade)

    with pytest.raises(Refusal, match="INTENT"):
        market.submit(Participant.BROKER_DEALER, CASH, "make_receipt", receipt=wrong)
    make_receipt(market, right)
    market.lock()
    market.settle()

    assert (market.units("bob"), status(market)) == (10, Status.SETTLED)


def test_a_trade_that_waits_for_its_receipt_fails_for_that(
    market: Market, elsewhere: TradeTerms
) -> None:
    market.lock()
    record_failure(market, elsewhere.trade)

    failure = view(market).failure
    assert failure is not None
    assert [each.code for each in failure.findings] == ["RECEIPT_UNKNOWN"]


def test_a_trade_paid_elsewhere_settles_at_once_too(market: Market, elsewhere: TradeTerms) -> None:
    make_receipt(market, receipt_for(elsewhere.trade))
    settle_at_once(market)

    assert status(market) is Status.SETTLED


def test_money_here_and_a_receipt_pay_one_trade_or_none(market: Market) -> None:
    """SS-104, W34: legs of both kinds change together."""
    appoint_cashier(market)
    leg = TradeLeg(
        kind=LegKind.RECEIPT, asset="USD", sender="bob", receiver="alice", quantity=70, bank=BANK
    )
    market.agree(market.terms().model_copy(update={"legs": (leg,)}))
    market.lock()
    assert refused(market.settle) == "RECEIPT_UNKNOWN"

    further = receipt_terms("T-1@1", 70).model_copy(update={"subject": "T-1"})
    make_receipt(market, further)
    market.settle()
    assert holdings(market) == SETTLED


# --- what was committed, and credit ---


def commit(market: Market, amount: int) -> None:
    reserve(market, reserved(market, amount, "T-1-buy"))


def test_a_trade_is_paid_out_of_what_its_order_has_committed(market: Market) -> None:
    """SS-96, F145."""
    commit(market, 50_000)
    market.agree(market.terms())
    market.lock()
    market.settle()

    assert holdings(market) == SETTLED
    assert (account(market).reserved, account(market).available) == (49_500, 0)


def test_so_is_one_that_settles_at_once(market: Market) -> None:
    """SS-96."""
    commit(market, 50_000)
    market.agree(market.terms())
    settle_at_once(market)

    assert holdings(market) == SETTLED
    assert account(market).reserved == 49_500


def test_a_trade_of_another_order_finds_no_money(market: Market) -> None:
    """SS-96."""
    reserve(market, reserved(market, 50_000, "another"))
    market.agree(market.terms())

    assert refused(market.lock) == "INSUFFICIENT_AVAILABLE"


def test_a_trade_may_be_bought_on_credit_up_to_the_cap(market: Market) -> None:
    """SS-95: buyers purchase on margin credit; beyond the cap the trade is refused."""
    market.agree(market.terms(amount=50_300))
    grant_credit(market, 299)
    assert refused(market.lock) == "DEBIT_CAP_EXCEEDED"

    grant_credit(market, 300)
    market.lock()
    market.settle()
    assert (market.units("bob"), account(market).drawn) == (10, 300)


# --- fees ---


@pytest.fixture
def with_fees(market: Market) -> Market:
    """The ATS takes 25 cents of the buyer, and one per cent of the seller."""
    market.register(HOUSE)
    line = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=HOUSE, flat=25)
    of_seller = line.model_copy(update={"payer": "seller", "flat": 0, "basis_points": 100})
    set_fees(market, line, of_seller)
    market.agree(market.terms())
    return market


def test_a_settlement_takes_the_venues_fees_in_money_exactly(with_fees: Market) -> None:
    """SS-56, F137."""
    with_fees.lock()
    settled = with_fees.settle()
    collect(with_fees, HOUSE, settled.transaction_id)

    assert holdings(with_fees) == (990, 10, 495, 49_475)
    assert with_fees.money(HOUSE) == 30


def test_no_units_are_taken_for_a_fee_that_cannot_be_paid(with_fees: Market) -> None:
    """SS-56."""
    with_fees.lock()
    with_fees.submit(BANK, CASH, "withdraw", "USD", "bob", 49_500)

    assert refused(with_fees.settle) == "INSUFFICIENT_AVAILABLE"
    assert (with_fees.units("alice"), with_fees.units("bob")) == (1000, 0)


def test_a_trade_paid_elsewhere_takes_no_fee_here(market: Market, elsewhere: TradeTerms) -> None:
    market.register(HOUSE)
    set_fees(market, FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=HOUSE, flat=25))
    make_receipt(market, receipt_for(elsewhere.trade))
    settle_at_once(market)

    assert market.money("bob") == 50_000
    assert market.submit(Participant.REGULATOR, CASH, "supply", "USD").load(int) == 50_000
