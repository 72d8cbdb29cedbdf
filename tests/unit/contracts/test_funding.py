"""Where money comes from: banks that owe it and sign for it, and say what they hold against it."""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.money import (
    ATS,
    BANK,
    BROKER,
    CASH,
    CASHIER,
    appoint_cashier,
    fund,
    funded,
)

from tallystick.contracts.cash.models import Cash, CashKind, DepositReport
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.licensing.models import LicenceClass
from tallystick.contracts.powers import Power
from tallystick.contracts.statements import Funding
from tallystick.contracts.testing import Market

CENTRAL_BANK = "CentralBankMSP"


@pytest.fixture
def market(market: Market) -> Market:
    appoint_cashier(market)
    return market


def supply(market: Market) -> int:
    return market.evaluate(CASH, "supply", "USD").load(int)


def test_money_comes_and_goes_by_what_the_bank_signed_whoever_submits_it(market: Market) -> None:
    """SS-09."""
    fund(market, funded(700))
    fund(market, funded(200, "wire-2", Funding.OUT))

    assert (market.money("bob"), supply(market)) == (50_500, 50_500)


def test_each_payment_off_the_ledger_counts_once(market: Market) -> None:
    """SS-09: even if the bank signs it again."""
    fund(market, funded(700))

    assert refused(fund, market, funded(700)) == "PAYMENT_RECORDED"
    assert market.money("bob") == 50_700


def test_a_signature_of_somebody_else_makes_no_money(market: Market) -> None:
    """SS-09."""
    assert refused(fund, market, funded(700, signer="alice")) == "NOT_OF_THE_BANK"
    forged = market.sign("alice", funded(700))
    act = (BROKER, CASH, "fund", funded(700), forged)
    assert refused(market.submit, *act) == "INTENT_KEY_UNKNOWN"


def test_a_signature_is_good_for_exactly_what_it_says(market: Market) -> None:
    intent = market.sign(CASHIER, funded(700))

    act = (BROKER, CASH, "fund", funded(701), intent)
    assert refused(market.submit, *act) == "INTENT_SIGNATURE_INVALID"


def test_a_bank_without_a_licence_signs_in_vain(market: Market) -> None:
    suspended = (BANK, "settlement-bank", "an inquiry")
    market.submit("RegulatorMSP", Chaincode.IDENTITY, "suspend_licence", *suspended)

    assert refused(fund, market, funded(700)) == "LICENCE_SUSPENDED"


def test_money_goes_only_as_far_as_it_is_there(market: Market) -> None:
    too_much = funded(50_001, direction=Funding.OUT)

    assert refused(fund, market, too_much) == "INSUFFICIENT_AVAILABLE"


def test_a_bank_reports_its_deposit_and_the_supply_stands_beside_it(market: Market) -> None:
    """SS-09: all tokens are the bank's deposit."""
    outcome = market.submit(BANK, CASH, "report_deposit", "USD", 50_000)

    report = market.evaluate(CASH, "deposit_report", "USD").load(DepositReport)
    assert (report.deposit, report.supply, report.matches) == (50_000, 50_000, True)
    assert outcome.load(DepositReport) == report
    assert outcome.event_types == ("cash.DepositReported",)


def test_a_difference_is_told_rather_than_refused(market: Market) -> None:
    """SS-09."""
    market.submit(BANK, CASH, "report_deposit", "USD", 49_999)

    assert not market.evaluate(CASH, "deposit_report", "USD").load(DepositReport).matches


def test_central_bank_money_is_issued_by_whoever_has_the_licence_for_it(market: Market) -> None:
    """SS-104: the class of licence is data."""
    opening = (CENTRAL_BANK, CASH, "open_cash", "eCB", "EUR", CashKind.CENTRAL_BANK)
    assert refused(market.submit, *opening) == "LICENCE_MISSING"
    issuer = LicenceClass(
        licence_class="monetary-authority",
        title="Monetary authority",
        powers=(Power.ISSUE_CENTRAL_BANK_MONEY,),
    )
    market.submit("RegulatorMSP", Chaincode.IDENTITY, "define_classes", [issuer])
    market.license(market.licence(CENTRAL_BANK, "monetary-authority"))
    market.submit(*opening)
    market.submit(CENTRAL_BANK, CASH, "deposit", "eCB", "bob", 900)

    cash = market.evaluate(CASH, "cash", "eCB").load(Cash)
    assert (cash.kind, cash.bank) == (CashKind.CENTRAL_BANK, CENTRAL_BANK)
    assert market.evaluate(CASH, "balance_of", "eCB", "bob").load(int) == 900


def test_a_commercial_bank_issues_no_central_bank_money(market: Market) -> None:
    """SS-104."""
    opening = (BANK, CASH, "open_cash", "eCB", "EUR", CashKind.CENTRAL_BANK)

    assert refused(market.submit, *opening) == "LICENCE_MISSING"
    assert refused(market.submit, ATS, CASH, "open_cash", "eUR", "EUR") == "LICENCE_MISSING"
