"""Two venues and one investor: limits hold over both, and neither learns of the other.

SS-96, and line 4 of what part two must show.
"""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.compliance.stage import bind, rule
from tests.unit.contracts.money import (
    ATS,
    BROKER,
    CASH,
    OTHER_VENUE,
    SALT,
    account,
    instruct,
    license_other_venue,
    lock_of,
    reserve,
    reserved,
)
from tests.unit.contracts.test_accounts import answer, link, shown
from tests.unit.contracts.trades.orders import an_order, place

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.cash.models import Reservation, ReservationAnswer
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.payments import CashInstruction, Draw
from tallystick.contracts.statements import OrderSide
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import TradePage
from tallystick.contracts.trades.terms import Order, TradeTerms

VENUES = (ATS, OTHER_VENUE)


@pytest.fixture
def market(market: Market) -> Market:
    """Bob has 50 000 cents, an account at each of two venues, and ACME a limit of 15 units."""
    license_other_venue(market)
    market.list_security("ACME", venue=OTHER_VENUE)
    for number, venue in enumerate(VENUES, 1):
        linked = answer(shown(market, number=number, venue=venue), "bob")
        link(market, linked)
    bind(market, rule("maximum-holding", units=15))
    return market


def may_reserve(market: Market, venue: str, amount: int) -> ReservationAnswer:
    outcome = market.submit(venue, CASH, "may_reserve", "USD", "bob", amount)
    return outcome.load(ReservationAnswer)


def orders_seen_by(market: Market, venue: str) -> list[tuple[str, str]]:
    outcome = market.submit(venue, CASH, "reservations", "USD", "bob")
    return [(each.keeper, each.name) for each in outcome.load(tuple[Reservation, ...])]


def agree(market: Market, name: str, venue: str) -> TradeTerms:
    """Let alice and bob agree on 10 ACME at a venue, to fill orders of both."""
    terms = market.terms(name)
    sides = {"sell": (OrderSide.SELL, "alice"), "buy": (OrderSide.BUY, "bob")}
    filled = {}
    for side, (wants, holder) in sides.items():
        order = f"{name}-{side}"
        place(market, an_order(market, order, venue=venue, side=wants, holder=holder, quantity=10))
        filled[side] = Order(order=order, broker=BROKER, is_placed=True)
    terms = terms.model_copy(update={"venue": venue, **filled})
    market.submit(venue, Chaincode.SETTLEMENT, "propose_trade", terms=terms)
    market.consent(terms, "buyer")
    market.consent(terms, "seller")
    return terms


def settle_order(market: Market, venue: str, amount: int, name: str) -> Outcome:
    """Lock the money of a trade that fills an order of the venue."""
    draw = Draw(cash="USD", holder="bob", keeper=venue, reservation="O-1", amount=amount)
    payment = lock_of(amount, name)
    return instruct(market, CashInstruction(draws=(draw,), lock=(payment,), secret=SALT))


def test_the_prefunded_limit_holds_over_both_venues(market: Market) -> None:
    """SS-96."""
    reserve(market, reserved(market, 30_000))
    assert may_reserve(market, OTHER_VENUE, 20_001) == ReservationAnswer(allowed=False, most=20_000)
    too_much = reserved(market, 20_001, keeper=OTHER_VENUE)
    assert refused(reserve, market, too_much) == "RESERVATION_TOO_LARGE"
    reserve(market, reserved(market, 20_000, keeper=OTHER_VENUE))

    settle_order(market, ATS, 30_000, "T-1")
    assert refused(settle_order, market, ATS, 1, "T-2") == "INSUFFICIENT_AVAILABLE"
    settle_order(market, OTHER_VENUE, 20_000, "T-2")
    assert (account(market).held, account(market).reserved) == (50_000, 0)


def test_a_rule_of_the_security_holds_over_both_venues(market: Market) -> None:
    """SS-96: ten units at each would be twenty, and nobody may hold more than fifteen."""
    for name, venue in zip(("T-1", "T-2"), VENUES, strict=True):
        agree(market, name, venue)
    market.lock("T-1")
    market.settle("T-1")

    assert refused(market.lock, "T-2") == "HOLDING_ABOVE_LIMIT"
    assert market.units("bob") == 10


def test_neither_venue_sees_the_others_orders(market: Market) -> None:
    """SS-96."""
    for amount, venue in zip((100, 200), VENUES, strict=True):
        reserve(market, reserved(market, amount, keeper=venue))

    for venue in VENUES:
        assert orders_seen_by(market, venue) == [(venue, "O-1")]


def test_neither_venue_sees_the_others_terms(market: Market) -> None:
    for name, venue in zip(("T-1", "T-2"), VENUES, strict=True):
        agree(market, name, venue)

    for own, venue in zip(("T-1", "T-2"), VENUES, strict=True):
        page = market.submit(venue, Chaincode.SETTLEMENT, "trades").load(TradePage)
        assert [line.trade.trade for line in page.trades if line.terms] == [own]
