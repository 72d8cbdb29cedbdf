"""The life of an offering: its table, its moments, and what it leaves."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.offerings.stage import (
    A_DAY,
    COOLING_OFF_S,
    ISIN,
    LASTS,
    LONG_STOP,
    MONEY,
    OPENS_AFTER,
    PAID_LATER,
    PRICE,
    SETTLEMENT,
    P,
    PrimaryMarket,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.offerings.models import AllocationRule, Status
from tallystick.contracts.offerings.states import TRANSITIONS, Step

S = Status
SECOND = timedelta(seconds=1)


def approve(market: PrimaryMarket) -> object:
    return market.submit(P.REGULATOR, SETTLEMENT, "approve_offering", "O-1")


def close_early(market: PrimaryMarket) -> object:
    return market.submit(P.ISSUER, SETTLEMENT, "close_offering", "O-1")


def let_lapse(market: PrimaryMarket) -> object:
    market.ledger.advance(LONG_STOP)
    return market.lapse()


STEPS: dict[Step, Callable[[PrimaryMarket], object]] = {
    Step.APPROVE: approve,
    Step.ACCEPT: PrimaryMarket.accept,
    Step.CLOSE: close_early,
    Step.ALLOT: lambda market: market.give(a=50),
    Step.ALLOCATE: PrimaryMarket.allocate,
    Step.FUND: PrimaryMarket.fund,
    Step.ISSUE: lambda market: market.issue_page("a"),
    Step.CONCLUDE: PrimaryMarket.conclude,
    Step.WITHDRAW: PrimaryMarket.withdraw,
    Step.LAPSE: let_lapse,
}
"""Each as somebody entitled takes it. What fails for want of orders is shown by itself."""


def announced(market: PrimaryMarket) -> None:
    market.announce(
        market.offered(
            soft_cap=50, cooling_off_s=0, allocation=AllocationRule.DISCRETIONARY, maximum=100
        )
    )


def to_open(market: PrimaryMarket) -> None:
    announced(market)
    market.accept()
    market.ledger.advance(OPENS_AFTER)
    market.subscribe("a", "alice", 50)


def to_closed(market: PrimaryMarket) -> None:
    to_open(market)
    close_early(market)
    market.give(a=50)


def to_allocated(market: PrimaryMarket) -> None:
    to_closed(market)
    market.allocate()


def to_funded(market: PrimaryMarket) -> None:
    to_allocated(market)
    market.fund()


def to_issuing(market: PrimaryMarket) -> None:
    to_funded(market)
    market.issue_page("a")


def to_issued(market: PrimaryMarket) -> None:
    to_issuing(market)
    market.conclude()


def to_failed(market: PrimaryMarket) -> None:
    to_closed(market)
    market.give(a=0)
    market.allocate()


def to_withdrawn(market: PrimaryMarket) -> None:
    announced(market)
    market.withdraw()


WAYS: dict[Status, Callable[[PrimaryMarket], None]] = {
    S.ANNOUNCED: announced,
    S.OPEN: to_open,
    S.CLOSED: to_closed,
    S.ALLOCATED: to_allocated,
    S.FUNDED: to_funded,
    S.ISSUING: to_issuing,
    S.ISSUED: to_issued,
    S.FAILED: to_failed,
    S.WITHDRAWN: to_withdrawn,
}


@pytest.mark.parametrize("status", list(Status))
def test_an_offering_takes_the_steps_in_the_table_and_no_other(
    status: Status, primary: PrimaryMarket
) -> None:
    """SS-101."""
    WAYS[status](primary)
    assert primary.status() is status
    for step, act in STEPS.items():
        market = primary.fork()
        following = TRANSITIONS.get((status, step))
        if following is None:
            assert refused(act, market) == "OFFERING_STATUS", step
            assert market.status() is status
        elif (status, step) == (S.ISSUING, Step.ISSUE):
            assert refused(act, market) == "SUBSCRIPTION_STATUS", "it has its units"
        else:
            act(market)
            assert market.status() is following, step


def test_orders_are_taken_from_the_first_second_to_the_last(primary: PrimaryMarket) -> None:
    """SS-101, F13."""
    primary.announce(primary.offered())
    primary.accept()
    primary.ledger.advance(OPENS_AFTER - SECOND)
    early = primary.order("early", "alice", 50)
    assert refused(primary.place, early) == "OFFERING_TOO_EARLY"
    primary.ledger.advance(SECOND)
    primary.place(primary.order("first", "alice", 50))
    primary.ledger.advance(LASTS - SECOND)
    primary.place(primary.order("last", "alice", 50))
    primary.ledger.advance(SECOND)

    late = primary.order("late", "alice", 50)

    assert refused(primary.place, late) == "OFFERING_TOO_LATE"
    assert refused(primary.pay, "last") == "OFFERING_TOO_LATE"


def test_only_the_issuer_closes_before_the_end(primary: PrimaryMarket) -> None:
    primary.offer()
    close = ("close_offering", "O-1")
    primary.ledger.advance(LASTS - SECOND)
    assert refused(primary.submit, P.BANK, SETTLEMENT, *close) == "NOT_THE_OFFEROR"
    primary.ledger.advance(SECOND)

    primary.submit(P.BANK, SETTLEMENT, *close)

    assert primary.status() is S.CLOSED


def test_nothing_is_allocated_before_every_cooling_off_is_over(primary: PrimaryMarket) -> None:
    primary.offer()
    primary.subscribe("a", "alice", 500)
    close_early(primary)
    primary.ledger.advance(timedelta(seconds=COOLING_OFF_S - 1))
    assert refused(primary.allocate) == "OFFERING_TOO_EARLY"
    primary.ledger.advance(SECOND)

    assert primary.allocate().payload == b"allocated"


# --- how it comes out ---


def test_no_unit_exists_before_the_issue_and_then_units_come_against_money(
    primary: PrimaryMarket,
) -> None:
    """W20, SS-101, F19: the register is not distorted while money waits."""
    primary.offer()
    primary.subscribe("a", "alice", 500)
    primary.subscribe("b", "bob", 300)
    primary.to_the_issue()
    assert primary.supply() == 0
    assert primary.free_money("alice") == MONEY - 500 * PRICE
    assert primary.money("alice") == MONEY, "it is hers until she has units"

    primary.issue_page("a", "b")
    primary.conclude()

    assert (primary.units("alice"), primary.units("bob")) == (500, 300)
    assert primary.money("alice") == primary.free_money("alice") == MONEY - 500 * PRICE
    assert primary.money("treasury") == 800 * PRICE
    assert primary.status() is S.ISSUED


def test_what_is_ordered_beyond_the_hard_cap_is_scaled_down_and_paid_back(
    primary: PrimaryMarket,
) -> None:
    """SS-101, W20: the worked example of the documentation."""
    primary.offer()
    primary.subscribe("a", "alice", 1000)
    primary.ledger.advance(SECOND)
    primary.subscribe("b", "bob", 600)
    primary.to_the_issue()
    primary.issue_page("a", "b")

    assert (primary.units("alice"), primary.units("bob")) == (630, 370)
    assert primary.free_money("alice") == MONEY - 630 * PRICE
    assert primary.free_money("bob") == MONEY - 370 * PRICE


def test_the_soft_cap_missed_by_one_multiple_everybody_gets_everything_back(
    primary: PrimaryMarket,
) -> None:
    """W20, SS-101, F18."""
    primary.offer()
    primary.subscribe("a", "alice", 300)
    primary.subscribe("b", "bob", 90)
    primary.close()

    assert primary.allocate().payload == b"failed"

    primary.refund("a", "b")
    assert primary.free_money("alice") == primary.free_money("bob") == MONEY
    assert primary.supply() == 0


def test_the_soft_cap_reached_to_the_unit_is_enough(primary: PrimaryMarket) -> None:
    primary.offer()
    primary.subscribe("a", "alice", 310)
    primary.subscribe("b", "bob", 90)
    primary.to_the_issue()

    assert primary.status() is S.FUNDED


def test_orders_that_are_not_paid_do_not_count(primary: PrimaryMarket) -> None:
    primary.offer(allocation=AllocationRule.FIRST_COME)
    primary.place(primary.order("a", "alice", 1000))
    primary.subscribe("b", "bob", 400)
    primary.to_the_issue()

    assert primary.view("a").allotted == 0
    assert primary.view("b").allotted == 400


def test_who_pays_first_comes_first(primary: PrimaryMarket) -> None:
    primary.offer(allocation=AllocationRule.FIRST_COME)
    primary.place(primary.order("a", "alice", 800))
    primary.place(primary.order("b", "bob", 800))
    primary.pay("b")
    primary.ledger.advance(SECOND)
    primary.pay("a")
    primary.to_the_issue()

    assert (primary.view("a").allotted, primary.view("b").allotted) == (200, 800)


def test_an_issuer_chooses_within_bounds(primary: PrimaryMarket) -> None:
    primary.offer(allocation=AllocationRule.DISCRETIONARY)
    for subscription, investor in (("a", "alice"), ("b", "bob"), ("c", "carol")):
        primary.subscribe(subscription, investor, 700)
    primary.close()
    assert refused(primary.give, a=705) == "ALLOTMENT_OUT_OF_BOUNDS"
    assert refused(primary.give, a=710) == "ALLOTMENT_OUT_OF_BOUNDS"
    primary.give(a=700, b=310)
    assert refused(primary.allocate) == "HARD_CAP_EXCEEDED"
    assert refused(primary.allocate, P.TRANSFER_AGENT) == "NOT_THE_OFFEROR"
    primary.give(b=300)
    primary.allocate()
    primary.fund()
    primary.refund("c")
    primary.issue_page("a", "b")
    primary.conclude()

    assert [primary.units(each) for each in ("alice", "bob", "carol")] == [700, 300, 0]
    assert primary.free_money("carol") == MONEY


def test_a_round_is_issued_in_pages_each_whole_or_not_at_all(primary: PrimaryMarket) -> None:
    primary.offer()
    primary.subscribe("a", "alice", 300)
    primary.subscribe("b", "bob", 300)
    primary.subscribe("c", "carol", 300)
    primary.to_the_issue()
    primary.issue_page("a")
    assert refused(primary.conclude) == "ISSUE_OUTSTANDING"
    assert refused(primary.issue_page, "b", "a") == "SUBSCRIPTION_STATUS"
    assert primary.units("bob") == 0
    assert primary.free_money("treasury") == 300 * PRICE

    primary.issue_page("b", "c")
    primary.conclude()

    assert primary.supply() == 900
    assert primary.money("treasury") == 900 * PRICE


# --- paid once it is allotted ---


def test_an_allotment_can_be_paid_until_its_last_second(primary: PrimaryMarket) -> None:
    """SS-101: order, allocation, payment, issuance."""
    primary.offer(**PAID_LATER)
    primary.place(primary.order("a", "alice", 1000))
    primary.place(primary.order("b", "bob", 1000))
    assert refused(primary.pay, "a") == "OFFERING_STATUS"
    primary.close()
    primary.allocate()
    primary.pay("a")
    assert primary.free_money("alice") == MONEY - 500 * PRICE
    assert refused(primary.fund) == "PAYMENT_OUTSTANDING"
    primary.ledger.advance(A_DAY - SECOND)
    late = primary.fork()
    primary.pay("b")
    primary.fund()
    late.ledger.advance(SECOND)
    assert refused(late.pay, "b") == "OFFERING_TOO_LATE"
    late.fund()

    late.issue_page("a")
    primary.issue_page("a", "b")

    assert (primary.supply(), late.supply()) == (1000, 500)


def test_allotments_that_are_not_paid_can_miss_the_soft_cap(primary: PrimaryMarket) -> None:
    """W20: what counts is money in escrow, not promises."""
    primary.offer(**PAID_LATER)
    primary.place(primary.order("a", "alice", 390))
    primary.place(primary.order("b", "bob", 10))
    primary.close()
    primary.allocate()
    primary.pay("a")
    assert refused(primary.fund) == "PAYMENT_OUTSTANDING"
    primary.ledger.advance(A_DAY)

    assert primary.fund().payload == b"failed"

    primary.refund("a", "b")
    assert primary.free_money("alice") == MONEY


# --- before it opens ---


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, "past"),
        ({"soft_cap": 1010}, "soft cap"),
        ({"minimum": 1000, "maximum": 990}, "least"),
        ({"maximum": 1010}, "more than the hard cap"),
        ({"minimum": 15}, "multiples"),
        ({"price": 2**50}, "account"),
        ({"payment_period_s": 1}, "prepaid"),
        ({"payment": "after-allocation"}, "needs time"),
    ],
)
def test_terms_must_fit_together(
    changes: dict[str, object], cause: str, primary: PrimaryMarket
) -> None:
    with pytest.raises(Refusal, match=cause) as refusal:
        primary.announce(primary.offered(**changes))
    assert refusal.value.code == "OFFERING_TERMS_WRONG"


def test_the_long_stop_leaves_time_to_cool_off_and_to_pay(primary: PrimaryMarket) -> None:
    terms = primary.offered()
    times = {"cooling_off_s": int((LONG_STOP - OPENS_AFTER - LASTS).total_seconds())}
    wrong = terms.model_copy(update=times)

    assert refused(primary.announce, wrong) == "OFFERING_TERMS_WRONG"


def test_a_depository_takes_in_what_it_can_name(primary: PrimaryMarket) -> None:
    """SS-99: eligibility, identifier, acceptance by who keeps the register."""
    primary.announce(primary.offered())
    other = ISIN.model_copy(update={"value": "US0000000002"})
    accept = ("accept_offering", "O-1")
    agent = P.TRANSFER_AGENT
    assert refused(primary.submit, agent, SETTLEMENT, *accept, [other]) == "IDENTIFIER_DIFFERS"
    assert refused(primary.submit, agent, SETTLEMENT, *accept, []) == "INVALID_ARGUMENT"

    primary.accept()

    assert primary.offering().identifiers == (ISIN,)
