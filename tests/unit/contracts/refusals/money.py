"""Scenarios whose last call is refused: money."""

from datetime import timedelta

from tests.unit.contracts.money import (
    BANK,
    CASH,
    HOUR,
    appoint_cashier,
    collect,
    fund,
    funded,
    grant_credit,
    make_receipt,
    pay,
    payment,
    receipt_terms,
    release,
    renew,
    reserve,
    reserved,
    use_receipt,
)
from tests.unit.contracts.refusals.scenarios import reaches

from tallystick.contracts.cash.models import MAX_RESERVATIONS
from tallystick.contracts.reasons import MoneyReason
from tallystick.contracts.testing import Market


@reaches(MoneyReason.NOT_OF_THE_BANK)
def _(market: Market) -> None:
    fund(market, funded(5, signer="alice"))


@reaches(MoneyReason.PAYMENT_RECORDED)
def _(market: Market) -> None:
    appoint_cashier(market)
    fund(market, funded(5))
    fund(market, funded(6))


# --- reservations and credit ---


@reaches(MoneyReason.RESERVATION_EXISTS)
def _(market: Market) -> None:
    reserve(market, reserved(market, 5))
    reserve(market, reserved(market, 6))


@reaches(MoneyReason.RESERVATION_UNKNOWN)
def _(market: Market) -> None:
    reserve(market, reserved(market, 5))
    market.ledger.advance(HOUR)
    release(market)


@reaches(MoneyReason.RESERVATIONS_TOO_MANY)
def _(market: Market) -> None:
    for number in range(MAX_RESERVATIONS + 1):
        reserve(market, reserved(market, 5, f"O-{number}"))


@reaches(MoneyReason.RESERVATION_TOO_LARGE)
def _(market: Market) -> None:
    reserve(market, reserved(market, 50_001))


@reaches(MoneyReason.RESERVATION_ENDLESS)
def _(market: Market) -> None:
    reserve(market, reserved(market, 5, life=None))


@reaches(MoneyReason.RESERVATION_SHORTENED)
def _(market: Market) -> None:
    reserve(market, reserved(market, 5, life=2 * HOUR))
    renew(market, HOUR)


@reaches(MoneyReason.DEBIT_CAP_EXCEEDED)
def _(market: Market) -> None:
    grant_credit(market, 10)
    pay(market, payment(50_011))


@reaches(MoneyReason.NOTHING_TO_COLLECT)
def _(market: Market) -> None:
    collect(market, "alice", "0" * 64)


# --- receipts ---


@reaches(MoneyReason.RECEIPT_EXISTS)
def _(market: Market) -> None:
    appoint_cashier(market)
    make_receipt(market, receipt_terms())
    make_receipt(market, receipt_terms(amount=1))


@reaches(MoneyReason.RECEIPT_UNKNOWN)
def _(market: Market) -> None:
    use_receipt(market, receipt_terms())


@reaches(MoneyReason.RECEIPT_NOT_OPEN)
def _(market: Market) -> None:
    appoint_cashier(market)
    make_receipt(market, receipt_terms())
    market.submit(BANK, CASH, "void_receipt", "R-1")
    use_receipt(market, receipt_terms())


@reaches(MoneyReason.RECEIPT_EXPIRED)
def _(market: Market) -> None:
    appoint_cashier(market)
    make_receipt(market, receipt_terms())
    market.ledger.advance(timedelta(hours=1))
    use_receipt(market, receipt_terms())


@reaches(MoneyReason.RECEIPT_DIFFERS)
def _(market: Market) -> None:
    appoint_cashier(market)
    make_receipt(market, receipt_terms())
    use_receipt(market, receipt_terms(amount=1))
