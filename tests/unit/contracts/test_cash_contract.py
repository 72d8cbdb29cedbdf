"""Deposits, payments and withdrawals as callers of the cash contract see them."""

import pytest

from tallystick.chaincode import Refusal
from tallystick.contracts.cash.models import Cash, CashAccount, CashPage
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import MoneySent
from tallystick.contracts.testing import Market

BANK = Participant.BANK
BROKER = Participant.BROKER_DEALER
CASH = Chaincode.CASH


def paid(amount: int) -> MoneySent:
    return MoneySent(cash="USD", sender="bob", receiver="alice", amount=amount)


def supply(market: Market) -> int:
    return market.evaluate(CASH, "supply", "USD").load(int)


def test_money_is_owed_by_the_bank_that_opened_it(market: Market) -> None:
    """SS-09."""
    cash = market.evaluate(CASH, "cash", "USD").load(Cash)

    assert (cash.bank, cash.currency) == ("BankMSP", "USD")


def test_what_the_bank_owes_is_the_sum_of_deposits_less_withdrawals(market: Market) -> None:
    """SS-09."""
    market.deposit("alice", 200)
    market.submit(BANK, CASH, "withdraw", "USD", "bob", 49_000)

    assert (market.money("alice"), market.money("bob"), supply(market)) == (200, 1000, 1200)


def test_a_payment_moves_money_under_a_mandate(market: Market) -> None:
    outcome = market.submit(BROKER, CASH, "transfer", paid(300))

    assert (market.money("alice"), market.money("bob"), supply(market)) == (300, 49_700, 50_000)
    assert outcome.event_types == ("cash.Transferred",)


def test_a_payment_needs_no_mandate_when_it_is_signed(market: Market) -> None:
    market.submit(BANK, CASH, "transfer", paid(300), market.sign("bob", paid(300)))

    assert market.money("alice") == 300


def test_nobody_pays_or_withdraws_what_they_do_not_have(market: Market) -> None:
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.submit(BROKER, CASH, "transfer", paid(50_001))
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.submit(BANK, CASH, "withdraw", "USD", "bob", 50_001)


def test_money_is_paid_to_registered_identities_only(market: Market) -> None:
    """F146."""
    to_nobody = MoneySent(cash="USD", sender="bob", receiver="nobody", amount=1)

    with pytest.raises(Refusal, match="IDENTITY_UNKNOWN: There is no identity nobody"):
        market.submit(BROKER, CASH, "transfer", to_nobody)


def test_locked_money_belongs_to_its_holder_but_is_not_available(market: Market) -> None:
    market.agree(market.terms(amount=20_000))
    market.lock()

    account = market.evaluate(CASH, "account", "USD", "bob").load(CashAccount)
    assert account == CashAccount(holder="bob", amount=50_000, held=20_000, available=30_000)
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.submit(BANK, CASH, "withdraw", "USD", "bob", 30_001)


def test_accounts_come_in_pages(market: Market) -> None:
    market.deposit("alice", 200)

    first = market.evaluate(CASH, "accounts", "USD", 1).load(CashPage)
    second = market.evaluate(CASH, "accounts", "USD", 1, first.bookmark).load(CashPage)

    assert [page.accounts[0].holder for page in (first, second)] == ["alice", "bob"]
    assert second.bookmark == ""
