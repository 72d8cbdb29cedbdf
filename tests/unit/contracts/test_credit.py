"""Debit caps: how much a member may owe its bank, who says so, and where it is written."""

from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.money import (
    ATS,
    BANK,
    BROKER,
    CASH,
    HOUR,
    SALT,
    account,
    grant_credit,
    instruct,
    lock,
    lock_of,
    objections,
    pay,
    payment,
    release,
    reserve,
    reserved,
)

from tallystick.contracts.cash.models import CreditGrant, Reconciliation
from tallystick.contracts.payments import CashInstruction
from tallystick.contracts.testing import Market

SECOND = timedelta(seconds=1)


def sums(market: Market) -> Reconciliation:
    return market.submit(BANK, CASH, "reconciliation", "USD").load(Reconciliation)


def test_a_member_may_owe_up_to_its_cap_and_no_more(market: Market) -> None:
    """SS-95, F145."""
    grant_credit(market, 1_000)
    assert refused(pay, market, payment(51_001)) == "DEBIT_CAP_EXCEEDED"

    pay(market, payment(51_000))
    bob = account(market)
    assert (bob.amount, bob.cap, bob.drawn) == (0, 1_000, 1_000)
    assert refused(pay, market, payment(1)) == "DEBIT_CAP_EXCEEDED"


def test_what_is_drawn_is_money_that_the_bank_lent(market: Market) -> None:
    """SS-95: an overdraft is a loan, stated in rows and events; no balance is below nothing."""
    grant_credit(market, 1_000)
    outcome = pay(market, payment(50_400))

    books = sums(market)
    assert (books.supply, books.lent, books.balances) == (50_000, 400, 50_400)
    assert books.holds
    told = market.submit(BANK, CASH, "entries", "USD", outcome.transaction_id)
    assert '"cash.CreditDrawn"' in told.text
    assert '"amount":400,"drawn":400' in told.text


def test_what_comes_in_repays_before_it_is_available(market: Market) -> None:
    """SS-95: the cap is net."""
    grant_credit(market, 1_000)
    pay(market, payment(51_000))
    pay(market, payment(300, "alice", "bob"))
    assert (account(market).amount, account(market).drawn) == (0, 700)

    pay(market, payment(900, "alice", "bob"))
    assert (account(market).amount, account(market).drawn) == (200, 0)
    assert sums(market).lent == 0


def test_a_deposit_repays_too(market: Market) -> None:
    grant_credit(market, 1_000)
    pay(market, payment(51_000))
    market.deposit("bob", 1_500)

    assert (account(market).amount, account(market).drawn) == (500, 0)
    assert sums(market).holds


def test_one_instruction_counts_as_a_whole(market: Market) -> None:
    """What comes and goes together is drawn for once, net."""
    grant_credit(market, 1_000)
    pay(market, payment(51_000))
    pay(market, payment(400, "alice", "bob"), payment(400))

    assert (account(market).amount, account(market).drawn) == (0, 1_000)


def test_a_trade_may_be_locked_on_credit_and_given_up(market: Market) -> None:
    """SS-95: bought on margin credit; what is given up repays it."""
    grant_credit(market, 1_000)
    lock(market, lock_of(50_600))
    assert (account(market).held, account(market).drawn) == (50_600, 600)

    instruct(market, CashInstruction(release=(lock_of(50_600),), secret=SALT))
    bob = account(market)
    assert (bob.amount, bob.available, bob.drawn) == (50_000, 50_000, 0)


def test_what_a_venue_gives_back_repays(market: Market) -> None:
    grant_credit(market, 1_000)
    reserve(market, reserved(market, 30_000))
    pay(market, payment(20_500))
    release(market)

    assert (account(market).amount, account(market).drawn) == (29_500, 0)


def test_what_ends_repays_before_it_can_be_committed_again(market: Market) -> None:
    """SS-95, SS-96."""
    grant_credit(market, 1_000)
    reserve(market, reserved(market, 30_000))
    pay(market, payment(20_500))
    market.ledger.advance(HOUR)
    assert refused(reserve, market, reserved(market, 29_501, "O-2")) == "RESERVATION_TOO_LARGE"

    reserve(market, reserved(market, 29_500, "O-2"))
    assert (account(market).amount, account(market).drawn) == (29_500, 0)


@pytest.mark.parametrize(
    ("wait", "code"),
    [
        pytest.param(HOUR - SECOND, "", id="a second early"),
        pytest.param(HOUR, "INSUFFICIENT_AVAILABLE", id="then"),
    ],
)
def test_a_cap_holds_until_its_end(market: Market, wait: timedelta, code: str) -> None:
    """SS-95."""
    grant_credit(market, 1_000)
    market.ledger.advance(wait)

    assert objections(market, payment(50_001)) == ([code] if code else [])


def test_a_lower_cap_leaves_what_is_owed(market: Market) -> None:
    grant_credit(market, 1_000)
    pay(market, payment(51_000))
    grant_credit(market, 0)
    assert refused(pay, market, payment(1)) == "DEBIT_CAP_EXCEEDED"

    pay(market, payment(1_001, "alice", "bob"))
    assert (account(market).amount, account(market).drawn) == (1, 0)


def test_money_is_not_paid_out_on_credit(market: Market) -> None:
    grant_credit(market, 1_000)

    withdrawal = (BANK, CASH, "withdraw", "USD", "bob", 50_001)
    assert refused(market.submit, *withdrawal) == "INSUFFICIENT_AVAILABLE"


def test_only_the_bank_that_owes_the_money_lends_it(market: Market) -> None:
    """SS-95."""
    market.license(market.licence("OtherBankMSP", "settlement-bank"))
    grant = CreditGrant(cash="USD", holder="bob", cap=1, valid_until=market.after(HOUR), salt=SALT)

    for lender, code in (
        ("OtherBankMSP", "NOT_THE_ISSUING_BANK"),
        (ATS, "LICENCE_MISSING"),
        (BROKER, "LICENCE_MISSING"),
    ):
        assert refused(market.submit, lender, CASH, "grant_credit", credit=grant) == code


def test_what_would_exceed_the_cap_can_be_asked(market: Market) -> None:
    grant_credit(market, 1_000)

    assert objections(market, payment(51_000)) == []
    assert objections(market, payment(51_001))[0] == "DEBIT_CAP_EXCEEDED"


def test_no_public_row_or_event_tells_a_cap_or_its_use(market: Market) -> None:
    granted = grant_credit(market, 31_337)
    paid = pay(market, payment(50_077))

    public = market.ledger.world.rows_of(CASH).values
    assert {*granted.event_types, *paid.event_types} == {"cash.EntryMade"}
    assert not [key for key, value in public.items() if b"31337" in value or b"77" in value]
