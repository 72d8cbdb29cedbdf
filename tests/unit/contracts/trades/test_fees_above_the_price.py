"""Fees that are more than the price: who has the money pays them, who has not does not settle."""

from typing import NamedTuple

import pytest
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.money import CASH, collect, grant_credit
from tests.unit.contracts.netting.books import For
from tests.unit.contracts.netting.cleared import SETTLEMENT, ClearedMarket, cleared_of

from tallystick.chaincode import Refusal
from tallystick.contracts.cash.models import Reconciliation
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import Side
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import DvpModel

HOUSE = "fee-house"
PRICE = 100
WAYS = pytest.mark.parametrize("way", ["locked", "at-once", DvpModel.NET_MONEY, DvpModel.NET])


class Purse(NamedTuple):
    """What the sides of a trade have before it, in cents, and what its venue takes of each."""

    seller: int
    buyer: int
    seller_fee: int
    buyer_fee: int


def line(payer: Side, fee: int) -> FeeLine:
    return FeeLine(kind=FeeKind.TRADE, payer=payer, receiver=HOUSE, flat=fee)


def trading(market: Market, purse: Purse) -> ClearedMarket:
    """Return a market in which the sides have so much, and the venue takes so much."""
    cleared = cleared_of(market)
    cleared.onboard("ann", "ben")
    cleared.register(HOUSE)
    cleared.issue("ann", 10)
    for holder, amount in (("ann", purse.seller), ("ben", purse.buyer)):
        if amount:
            cleared.deposit(holder, amount)
    set_fees(cleared, line("seller", purse.seller_fee), line("buyer", purse.buyer_fee))
    return cleared


def settle(market: ClearedMarket, way: str) -> str:
    """Let ann sell ben her units; return the reason why that did not settle, or nothing."""
    model = DvpModel(way) if way in tuple(DvpModel) else DvpModel.GROSS
    market.trade("T-1", "ann", "ben", For(10, PRICE), model)
    try:
        if way == "locked":
            market.lock()
            market.settle()
        elif way == "at-once":
            market.submit(Participant.CLEARING, SETTLEMENT, "settle_at_once", "T-1")
        else:
            market.open_cycle(market.cycle_terms(model=model))
            market.accept("T-1")
            market.settle_cycle()
    except Refusal as refusal:
        return refusal.code
    return "" if model is DvpModel.GROSS else why_dropped(market)


def why_dropped(market: ClearedMarket) -> str:
    return " ".join(code for codes in market.dropped().values() for code in codes)


def all_money(market: Market) -> Reconciliation:
    asked = (CASH, "reconciliation", "USD")
    return market.submit(Participant.BANK, *asked).load(Reconciliation)


@WAYS
@pytest.mark.parametrize(
    ("purse", "left"),
    [
        pytest.param(Purse(0, 100, 100, 0), (0, 0), id="all that a seller gets"),
        pytest.param(Purse(50, 100, 150, 0), (0, 0), id="more than a seller gets, and it has more"),
        pytest.param(Purse(0, 400, 0, 300), (100, 0), id="thrice the price, of the buyer"),
        pytest.param(Purse(900, 1_100, 1_000, 1_000), (0, 0), id="of both, ten times the price"),
    ],
)
def test_a_fee_above_the_price_is_taken_from_who_has_it(
    way: str, purse: Purse, left: tuple[int, int], market: Market
) -> None:
    """SS-56, SS-89: gross and net leave the same money, and none is lost."""
    trading_market = trading(market, purse)

    assert settle(trading_market, way) == ""

    assert (trading_market.money("ann"), trading_market.money("ben")) == left
    assert (trading_market.units("ann"), trading_market.units("ben")) == (0, 10)
    sums = all_money(trading_market)
    taken = purse.seller_fee + purse.buyer_fee
    assert sums.holds
    assert sums.accrued + trading_market.money(HOUSE) == taken


@WAYS
@pytest.mark.parametrize(
    "purse",
    [
        pytest.param(Purse(0, 100, 101, 0), id="a cent more than a seller gets"),
        pytest.param(Purse(49, 100, 150, 0), id="a cent more than a seller has then"),
        pytest.param(Purse(0, 399, 0, 300), id="a cent more than a buyer has left"),
        pytest.param(Purse(0, 100, MAX_QUANTITY, 0), id="the largest amount there is"),
    ],
)
def test_who_cannot_pay_a_fee_above_the_price_does_not_settle_and_keeps_everything(
    way: str, purse: Purse, market: Market
) -> None:
    """SS-56, SS-89, SS-109: nobody pays in part, or in units."""
    trading_market = trading(market, purse)

    reason = settle(trading_market, way)

    netted = way in tuple(DvpModel)
    assert reason == ("COVER_MISSING" if netted else "INSUFFICIENT_AVAILABLE")
    assert (trading_market.money("ann"), trading_market.money("ben")) == (purse[0], purse[1])
    assert (trading_market.units("ann"), trading_market.units("ben")) == (10, 0)
    assert (all_money(trading_market).accrued, trading_market.money(HOUSE)) == (0, 0)


NO_AMOUNT = line("seller", MAX_QUANTITY).model_copy(update={"basis_points": 100})


@WAYS
def test_a_fee_that_is_no_amount_stands_against_its_trade_which_can_be_ended(
    way: str, market: Market
) -> None:
    """SS-89, SS-109: nothing of it stays locked."""
    trading_market = trading(market, Purse(0, 100, 0, 0))
    set_fees(trading_market, NO_AMOUNT)

    assert settle(trading_market, way) == "FEE_TOO_LARGE"

    trading_market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-1", "no such fee")
    assert (trading_market.money("ben"), trading_market.units("ann")) == (100, 10)
    trading_market.transfer("ann", "ben", 10)
    assert trading_market.units("ben") == 10


def test_a_fee_that_is_no_amount_is_in_the_way_of_no_other_trade_of_its_cycle(
    market: Market,
) -> None:
    """SS-98: the trade is named, and leaves; the others settle."""
    trading_market = trading(market, Purse(0, 300, 0, 0))
    trading_market.trade("T-1", "ann", "ben", For(4, PRICE), DvpModel.NET_MONEY)
    set_fees(trading_market, NO_AMOUNT)
    trading_market.trade("T-2", "ann", "ben", For(6, PRICE), DvpModel.NET_MONEY)
    trading_market.open_cycle(trading_market.cycle_terms(model=DvpModel.NET_MONEY))
    trading_market.accept("T-2")
    set_fees(trading_market)
    trading_market.accept("T-1")
    trading_market.settle_cycle()

    assert trading_market.dropped() == {"T-2": ("FEE_TOO_LARGE",)}
    assert (trading_market.units("ben"), trading_market.money("ann")) == (4, PRICE)


def test_a_fee_that_is_no_amount_is_recorded_as_a_failure(market: Market) -> None:
    """SS-98: what is locked stays locked, and settles once the venue has set its maximum."""
    trading_market = trading(market, Purse(0, 100, 0, 0))
    trading_market.trade("T-1", "ann", "ben", For(10, PRICE), DvpModel.GROSS)
    trading_market.lock()
    set_fees(trading_market, NO_AMOUNT)
    trading_market.submit(Participant.CLEARING, SETTLEMENT, "record_failure", "T-1")

    assert failure_of(trading_market) == ["FEE_TOO_LARGE"]
    set_fees(trading_market, NO_AMOUNT.model_copy(update={"maximum": PRICE}))
    trading_market.settle()
    assert (trading_market.money("ann"), trading_market.units("ben")) == (0, 10)


def failure_of(market: Market) -> list[str]:
    """Return the reasons why a trade could not be delivered when that was recorded last."""
    view = market.evaluate(SETTLEMENT, "trade", "T-1").load(TradeView)
    assert view.failure is not None
    return [each.code for each in view.failure.findings]


def test_a_fee_above_the_price_may_be_lent_and_is_collected(market: Market) -> None:
    """SS-95: credit covers it within its cap, and the house gets all of it."""
    trading_market = trading(market, Purse(0, 100, 150, 0))
    grant_credit(trading_market, 50, "ann")
    trading_market.trade("T-1", "ann", "ben", For(10, PRICE), DvpModel.GROSS)
    trading_market.lock()
    settled = trading_market.settle()

    assert all_money(trading_market).lent == 50
    collect(trading_market, HOUSE, settled.transaction_id)
    assert trading_market.money(HOUSE) == 150
    assert all_money(trading_market).holds


def test_what_stands_against_a_settlement_says_that_the_fee_does(market: Market) -> None:
    """SS-98: a recorded failure names it; what is locked stays locked, and settles once cured."""
    trading_market = trading(market, Purse(0, 100, 150, 0))
    trading_market.trade("T-1", "ann", "ben", For(10, PRICE), DvpModel.GROSS)
    trading_market.lock()
    trading_market.submit(Participant.CLEARING, SETTLEMENT, "record_failure", "T-1")

    assert failure_of(trading_market) == ["INSUFFICIENT_AVAILABLE"]
    trading_market.deposit("ann", 50)
    trading_market.settle()
    assert (trading_market.money("ann"), trading_market.units("ben")) == (0, 10)
