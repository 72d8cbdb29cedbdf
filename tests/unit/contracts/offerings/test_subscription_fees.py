"""What intermediaries take for subscriptions: with the price of the units, or not at all."""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.money import CASH, appoint_cashier, collect, signed_receipt
from tests.unit.contracts.offerings.stage import (
    LONG_STOP,
    MONEY,
    PAID_LATER,
    PRICE,
    SETTLEMENT,
    P,
    PrimaryMarket,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.cash.models import Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.offerings.models import Status
from tallystick.contracts.payments import Fee
from tallystick.contracts.statements import Side

HOUSE = "fee-house"


def line(payer: Side = "buyer", **changes: int) -> FeeLine:
    parts = {"kind": FeeKind.SUBSCRIPTION, "payer": payer, "receiver": HOUSE, **changes}
    return FeeLine.model_validate(parts)


@pytest.fixture
def market(primary: PrimaryMarket) -> PrimaryMarket:
    """Let subscribers pay the broker-dealer one per cent."""
    primary.register(HOUSE)
    set_fees(primary, line(basis_points=100), by=P.BROKER_DEALER)
    return primary


def sums(market: PrimaryMarket) -> Reconciliation:
    return market.submit(P.BANK, CASH, "reconciliation", "USD").load(Reconciliation)


def test_the_fee_of_a_subscription_is_taken_with_the_price_of_its_units(
    market: PrimaryMarket,
) -> None:
    """SS-56, F33: of what is issued, not of what is ordered, and no cent is lost."""
    market.offer()
    market.subscribe("a", "alice", 1000)
    market.subscribe("b", "bob", 600)
    market.to_the_issue()
    assert sums(market).accrued == 0
    issued = market.issue_page("a", "b")

    prices = {each: market.units(each) * PRICE for each in ("alice", "bob")}
    fees = {each: -(-price // 100) for each, price in prices.items()}
    for holder, price in prices.items():
        assert market.free_money(holder) == MONEY - price - fees[holder]
    assert market.money("treasury") == sum(prices.values())
    assert sums(market).holds
    collect(market, HOUSE, issued.transaction_id)
    assert market.money(HOUSE) == sum(fees.values())


def test_the_fee_is_known_before(market: PrimaryMarket) -> None:
    """SS-56."""
    asked = ("quote_fees", P.BROKER_DEALER, "subscription", "ACME", 630 * PRICE)
    quote = market.evaluate(Chaincode.SETTLEMENT, *asked).load(tuple[Fee, ...])

    assert [(fee.payer, fee.amount) for fee in quote] == [("buyer", 158)]


def test_who_gets_no_units_pays_no_fee(market: PrimaryMarket) -> None:
    """SS-56: cancelled, and paid back after the soft cap was missed."""
    market.offer()
    market.subscribe("a", "alice", 10)
    market.subscribe("b", "bob", 300)
    market.cancel("a", "alice")
    market.close()
    market.allocate()
    market.refund("b")

    assert market.status() is Status.FAILED
    assert [market.free_money(each) for each in ("alice", "bob")] == [MONEY, MONEY]
    assert sums(market).accrued == 0


def test_the_fee_waits_with_the_price_so_nobody_walks_out_by_spending_the_rest(
    market: PrimaryMarket,
) -> None:
    """SS-98, SS-100: all the free money can go, and the issue still happens."""
    market.offer()
    market.subscribe("a", "alice", 1000)
    market.subscribe("b", "bob", 600)
    assert market.free_money("alice") == MONEY - 1000 * PRICE - 250
    market.submit(P.BANK, CASH, "withdraw", "USD", "alice", MONEY - 1000 * PRICE - 250)
    market.to_the_issue()
    market.issue_page("a", "b")

    price = market.units("alice") * PRICE
    assert market.free_money("alice") == 1000 * PRICE + 250 - price - -(-price // 100)
    assert sums(market).holds


def test_who_can_pay_the_price_and_not_the_fee_has_not_paid(market: PrimaryMarket) -> None:
    """SS-98: it is told so at once, and pays once it has the money."""
    market.offer()
    market.place(market.order("a", "alice", 400))
    market.submit(P.BANK, CASH, "withdraw", "USD", "alice", MONEY - 400 * PRICE - 99)

    assert refused(market.pay, "a") == "INSUFFICIENT_AVAILABLE"
    market.deposit("alice", 1)
    market.pay("a")
    assert market.free_money("alice") == 0


@pytest.mark.parametrize(
    "fees",
    [
        pytest.param([line(flat=MAX_QUANTITY, basis_points=1)], id="by itself"),
        pytest.param([line(flat=MAX_QUANTITY - 400 * PRICE + 1)], id="with the price"),
        pytest.param(
            [line(flat=2**52), line(flat=2**52).model_copy(update={"receiver": "bob"})],
            id="with another",
        ),
    ],
)
def test_a_fee_that_is_no_amount_stands_against_its_subscription(
    fees: list[FeeLine], market: PrimaryMarket
) -> None:
    """SS-98: alone, or with what waits beside it."""
    market.offer()
    set_fees(market, *fees, by=P.BROKER_DEALER)

    assert refused(market.subscribe, "a", "alice", 400) == "FEE_TOO_LARGE"
    set_fees(market, by=P.BROKER_DEALER)
    market.subscribe("a", "alice", 400)
    market.to_the_issue()
    market.issue_page("a")
    assert market.free_money("alice") == MONEY - 400 * PRICE


def test_the_fee_is_the_one_published_when_the_order_was_placed(market: PrimaryMarket) -> None:
    """SS-56: nobody raises it for who is bound, also not while the signer stands by its order."""
    market.offer()
    order = market.order("a", "alice", 400)
    market.place(order)
    set_fees(market, line(flat=5_000), by=P.BROKER_DEALER)
    market.confirm(order)
    market.pay("a")
    market.subscribe("b", "bob", 400)
    market.to_the_issue()
    market.issue_page("a", "b")

    left = [MONEY - 400 * PRICE - market.free_money(each) for each in ("alice", "bob")]
    assert left == [100, 5_000]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([line(basis_points=101)], id="raised"),
        pytest.param([line(basis_points=99)], id="lowered"),
        pytest.param([], id="given up"),
        pytest.param([line(flat=1000)], id="the same for all units, more for fewer"),
    ],
)
def test_an_order_is_placed_at_the_fees_that_its_signer_accepted_or_not_at_all(
    lines: list[FeeLine], market: PrimaryMarket
) -> None:
    """SS-56: a new schedule asks for a new signature, and leaves id and money as they were."""
    market.offer()
    order = market.order("a", "alice", 400)
    set_fees(market, *lines, by=P.BROKER_DEALER)
    rows = market.ledger.world.rows_of(SETTLEMENT).values
    before = dict(rows)

    with pytest.raises(Refusal) as refusal:
        market.place(order)
    assert refusal.value.code == "SUBSCRIPTION_FEES_DIFFER"
    assert (refusal.value.facts["accepted"], refusal.value.facts["published"]) == (1, 2)
    assert market.ledger.world.rows_of(SETTLEMENT).values == before
    market.place(market.order("a", "alice", 400))


def test_who_accepted_no_fees_pays_none(primary: PrimaryMarket) -> None:
    """SS-56: nor does it accept any before they are published."""
    primary.offer()
    order = primary.order("a", "alice", 400)
    early = primary.order("b", "bob", 400, fee_schedule_version=1)

    assert order.fee_schedule_version is None
    assert refused(primary.place, early) == "SUBSCRIPTION_FEES_DIFFER"
    primary.register(HOUSE)
    set_fees(primary, line(flat=1), by=P.BROKER_DEALER)
    assert refused(primary.place, order) == "SUBSCRIPTION_FEES_DIFFER"
    primary.place(early)


def test_nobody_but_the_signer_changes_what_fees_it_accepts(market: PrimaryMarket) -> None:
    """SS-56: the version is under the signature."""
    market.offer()
    order = market.order("a", "alice", 400)
    intent = market.sign("alice", order)
    set_fees(market, line(flat=5_000), by=P.BROKER_DEALER)
    raised = order.model_copy(update={"fee_schedule_version": 2})
    act = (P.BROKER_DEALER, SETTLEMENT, "subscribe")

    refusal = refused(market.submit, *act, subscription=raised, intent=intent)
    assert refusal == "INTENT_SIGNATURE_INVALID"


def test_no_fee_is_taken_of_what_is_paid_off_the_ledger(market: PrimaryMarket) -> None:
    """SS-56, SS-100: there is no money here to take it from, as with trades."""
    appoint_cashier(market)
    market.offer(receipts_of=[P.BANK], **PAID_LATER)
    market.place(market.order("a", "alice", 1000))
    market.close()
    market.allocate()
    paid = market.receipt("a", 1000 * PRICE)
    receipt = signed_receipt(market, paid, life=LONG_STOP)
    market.submit(P.BROKER_DEALER, CASH, "make_receipt", receipt=receipt)
    market.pay_by("a", paid)
    market.fund()
    market.issue_page("a")

    assert (market.units("alice"), market.free_money("alice")) == (1000, MONEY)
    assert sums(market).accrued == 0


def test_no_intermediary_takes_anything_of_an_issuers_proceeds(market: PrimaryMarket) -> None:
    """SS-56, F33: the issuer agreed neither to who acts for subscribers nor to what it takes."""
    market.offer()
    market.subscribe("a", "alice", 400)
    taken = refused(set_fees, market, line("seller", flat=10), by=P.BROKER_DEALER)
    market.to_the_issue()
    market.issue_page("a")

    assert (taken, market.money("treasury")) == ("FEE_PAYER_WRONG", 400 * PRICE)


@pytest.mark.parametrize(
    ("kind", "taker"), [(FeeKind.SUBSCRIPTION, P.ATS), (FeeKind.TRADE, P.BROKER_DEALER)]
)
def test_nobody_publishes_a_fee_that_it_never_takes(
    kind: FeeKind, taker: P, market: PrimaryMarket
) -> None:
    """SS-56: of trades venues take fees, and of subscriptions who acts for clients."""
    fee = line(flat=1).model_copy(update={"kind": kind})

    assert refused(set_fees, market, fee, by=taker) == "LICENCE_MISSING"
