"""Offerings in every state in which something is done with one."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.money import signed_receipt
from tests.unit.contracts.offerings.stage import ISIN
from tests.unit.contracts.permissions import offerings
from tests.unit.contracts.permissions.roles import P

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.testing import Market

SETTLEMENT = Chaincode.SETTLEMENT
PAGE: JsonValue = ["a"]


def announce_briefly(market: Market) -> None:
    """Announce an offering that nobody takes any further before its long stop."""
    brief = {
        "ends_at": market.after(timedelta(hours=1)),
        "long_stop_at": market.after(timedelta(hours=2)),
    }
    terms = offerings.terms(market, offerings.LAPSING).model_copy(update=brief)
    market.submit(P.ISSUER, SETTLEMENT, "announce_offering", terms)


def _announce(market: Market, offering: str) -> None:
    terms = offerings.terms(market, offering)
    market.submit(P.ISSUER, SETTLEMENT, "announce_offering", terms)


def _accept(market: Market, offering: str) -> None:
    market.submit(P.TRANSFER_AGENT, SETTLEMENT, "accept_offering", offering, [ISIN])


def _order(market: Market, offering: str) -> None:
    order = offerings.order(market, "a", offering)
    intent = market.sign("bob", order)
    market.submit(P.BROKER_DEALER, SETTLEMENT, "subscribe", subscription=order, intent=intent)


def _pay(market: Market, offering: str) -> None:
    market.submit(P.BROKER_DEALER, SETTLEMENT, "pay_subscription", offering, "a")


def _close(market: Market, offering: str) -> None:
    market.submit(P.ISSUER, SETTLEMENT, "close_offering", offering)
    chosen = offerings.allotments()
    market.submit(P.ISSUER, SETTLEMENT, "allot", offering, allotments=chosen)


def _allocate(market: Market, offering: str) -> None:
    market.submit(P.ISSUER, SETTLEMENT, "allocate_offering", offering)


def _fund(market: Market, offering: str) -> None:
    market.submit(P.BANK, SETTLEMENT, "fund_offering", offering)


def _issue(market: Market, offering: str) -> None:
    market.submit(P.TRANSFER_AGENT, SETTLEMENT, "issue_units", offering, PAGE)


def _withdraw(market: Market, offering: str) -> None:
    market.submit(P.ISSUER, SETTLEMENT, "withdraw_offering", offering, "second thoughts")


_TO_ORDERS = (_announce, _accept, _order)
_TO_CLOSE = (*_TO_ORDERS, _pay, _close)
_TO_ALLOCATION = (*_TO_CLOSE, _allocate)

PATHS: Mapping[str, tuple[Callable[[Market, str], None], ...]] = {
    offerings.ANNOUNCED: (_announce,),
    offerings.OPEN: _TO_ORDERS,
    offerings.CLOSED: _TO_CLOSE,
    offerings.ALLOCATED: _TO_ALLOCATION,
    offerings.FUNDED: (*_TO_ALLOCATION, _fund),
    offerings.ISSUING: (*_TO_ALLOCATION, _fund, _issue),
    offerings.WITHDRAWN: (*_TO_ORDERS, _pay, _withdraw),
    offerings.PAID_LATER: (*_TO_ORDERS, _close, _allocate),
}
"""How each offering has come to where it is."""


def offer(market: Market) -> None:
    """Bring each offering to its state; let a bank sign that bob has paid one off the ledger."""
    for offering, steps in PATHS.items():
        for step in steps:
            step(market, offering)
    paid = signed_receipt(market, offerings.receipt(market), life=timedelta(days=9))
    market.submit(P.BROKER_DEALER, Chaincode.CASH, "make_receipt", receipt=paid)
