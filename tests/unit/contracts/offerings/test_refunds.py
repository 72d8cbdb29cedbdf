"""Subscriptions that end without units: all money comes back, whoever acts or does not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.offerings.stage import (
    COOLING_OFF_S,
    HOUR,
    LONG_STOP,
    MONEY,
    PAID_LATER,
    PRICE,
    SETTLEMENT,
    P,
    PrimaryMarket,
)
from tests.unit.contracts.refusals.record_dates import split

from tallystick.contracts.offerings.models import (
    SubscriptionStatus,
)

SECOND, A_MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def everything_is_back(market: PrimaryMarket) -> bool:
    everybody = ("alice", "bob", "carol")
    return (
        all(market.free_money(each) == MONEY for each in everybody)
        and market.free_money("treasury") == 0
        and market.supply() == 0
    )


def cancelled(market: PrimaryMarket) -> None:
    market.cancel("a", "alice")
    market.cancel("b", "bob")


def cancelled_in_the_last_second_of_cooling_off(market: PrimaryMarket) -> None:
    market.submit(P.ISSUER, SETTLEMENT, "close_offering", "O-1")
    market.ledger.advance(timedelta(seconds=COOLING_OFF_S) - SECOND)
    cancelled(market)


def rejected(market: PrimaryMarket) -> None:
    market.reject("a")
    market.reject("b", by=P.TRANSFER_AGENT)


def rejected_when_funded(market: PrimaryMarket) -> None:
    market.to_the_issue()
    assert refused(market.reject, "a", "b") == "OFFERING_STATUS"
    market.reject("a", "b", by=P.TRANSFER_AGENT)


def withdrawn(market: PrimaryMarket) -> None:
    market.withdraw()
    market.refund("a", "b")


def withdrawn_when_closed(market: PrimaryMarket) -> None:
    market.close()
    withdrawn(market)


def withdrawn_when_allocated(market: PrimaryMarket) -> None:
    market.close()
    market.allocate()
    withdrawn(market)


def withdrawn_when_funded(market: PrimaryMarket) -> None:
    market.to_the_issue()
    withdrawn(market)


def lapsed_when_open(market: PrimaryMarket) -> None:
    market.ledger.advance(LONG_STOP)
    market.lapse()
    market.refund("a", "b")


def lapsed_when_funded(market: PrimaryMarket) -> None:
    market.to_the_issue()
    lapsed_when_open(market)


def taken_back_when_nobody_acts(market: PrimaryMarket) -> None:
    market.to_the_issue()
    market.ledger.advance(LONG_STOP)
    market.refund("a", by=P.ATS)
    market.refund("b", by=P.BANK)


@pytest.mark.parametrize(
    "end",
    [
        cancelled,
        cancelled_in_the_last_second_of_cooling_off,
        rejected,
        rejected_when_funded,
        withdrawn,
        withdrawn_when_closed,
        withdrawn_when_allocated,
        withdrawn_when_funded,
        lapsed_when_open,
        lapsed_when_funded,
        taken_back_when_nobody_acts,
    ],
    ids=lambda end: end.__name__,
)
def test_an_end_at_any_stage_returns_all_money(
    end: Callable[[PrimaryMarket], None], primary: PrimaryMarket
) -> None:
    """SS-101, W20, F16."""
    primary.offer()
    primary.subscribe("a", "alice", 800)
    primary.subscribe("b", "bob", 700)
    assert not everything_is_back(primary)

    end(primary)

    assert everything_is_back(primary)


def test_an_investor_goes_back_on_an_order_until_its_cooling_off_is_over(
    primary: PrimaryMarket,
) -> None:
    """SS-101: to the second."""
    primary.offer()
    primary.subscribe("a", "alice", 800)
    primary.ledger.advance(HOUR)
    primary.subscribe("b", "bob", 800)
    primary.submit(P.ISSUER, SETTLEMENT, "close_offering", "O-1")
    primary.ledger.advance(timedelta(seconds=COOLING_OFF_S) - HOUR)
    assert refused(primary.cancel, "a", "alice") == "COOLING_OFF_OVER"

    primary.cancel("b", "bob")

    assert primary.view("b").subscription.status is SubscriptionStatus.CANCELLED


def test_an_allotment_that_is_not_wanted_need_not_be_paid(primary: PrimaryMarket) -> None:
    primary.offer(**PAID_LATER)
    primary.place(primary.order("a", "alice", 500))
    primary.place(primary.order("b", "bob", 500))
    primary.close()
    primary.allocate()
    primary.pay("a")
    assert refused(primary.cancel, "a", "alice") == "OFFERING_STATUS"

    primary.cancel("b", "bob")

    primary.ledger.advance(timedelta(days=1))
    assert primary.fund().payload == b"funded"


def test_the_rest_of_a_held_payment_is_refunded_after_the_long_stop(
    primary: PrimaryMarket,
) -> None:
    """Who was not reached by the pages of an issue takes its money back."""
    primary.offer(**PAID_LATER)
    primary.place(primary.order("a", "alice", 1000))
    primary.place(primary.order("b", "bob", 1000))
    primary.close()
    primary.allocate()
    primary.pay("a")
    primary.pay("b")
    primary.fund()
    primary.issue_page("a")
    assert refused(primary.refund, "b") == "UNITS_ALLOTTED"
    primary.ledger.advance(LONG_STOP)
    assert refused(primary.issue_page, "b") == "OFFERING_TOO_LATE"

    primary.refund("b")
    primary.conclude()

    assert primary.free_money("bob") == MONEY
    assert primary.units("alice") == 500


def test_money_that_waits_cannot_be_spent_elsewhere(primary: PrimaryMarket) -> None:
    """W20: prefunded, so nobody orders with money that is gone."""
    primary.offer(hard_cap=10_000, maximum=10_000)
    primary.subscribe("a", "alice", 3000)
    order = primary.order("b", "alice", 2000)
    primary.place(order)

    assert refused(primary.pay, "b") == "INSUFFICIENT_AVAILABLE"


def test_after_a_split_nothing_is_issued_for_the_price_of_before(primary: PrimaryMarket) -> None:
    """F157, SS-101: the issuer withdraws it, and everybody gets all money back."""
    primary.issue("carol", 100)
    primary.offer()
    primary.subscribe("a", "alice", 500)
    primary.ledger.advance(HOUR)
    split(primary, 2)

    assert refused(primary.place, primary.order("b", "bob", 500)) == "OFFER_DIFFERS"
    primary.to_the_issue()
    assert refused(primary.issue_page, "a") == "OFFER_DIFFERS"
    primary.withdraw()
    primary.refund("a")

    assert (primary.units("alice"), primary.free_money("alice")) == (0, MONEY)


SKEWS = pytest.mark.parametrize(
    "skew_s", [pytest.param(30, id="later"), 0, pytest.param(-30, id="earlier")]
)
"""By how much the second event bears a later second than the first, by its submitter's clock."""


@SKEWS
@pytest.mark.parametrize("is_accepted", [True, False], ids=["accepted", "only announced"])
def test_an_offering_announced_before_a_split_is_of_another_unit_whatever_the_clocks(
    skew_s: int, primary: PrimaryMarket, *, is_accepted: bool
) -> None:
    """F157: the order of the ledger counts; two in one second have one, too."""
    primary.issue("carol", 100)
    terms = primary.offered()
    primary.ledger.advance(A_MINUTE)
    primary.announce(terms)
    if is_accepted:
        primary.accept()
    primary.ledger.advance(timedelta(seconds=skew_s))
    split(primary, 2)
    primary.ledger.advance(HOUR)

    if is_accepted:
        assert refused(primary.place, primary.order("a", "alice", 500)) == "OFFER_DIFFERS"
    else:
        assert refused(primary.accept) == "OFFER_DIFFERS"


@SKEWS
def test_an_offering_announced_after_a_split_is_of_the_units_of_now_whatever_the_clocks(
    skew_s: int, primary: PrimaryMarket
) -> None:
    """F157."""
    primary.issue("carol", 100)
    primary.ledger.advance(A_MINUTE)
    split(primary, 2)
    primary.ledger.advance(timedelta(seconds=skew_s))
    primary.offer()
    primary.subscribe("a", "alice", 500)
    primary.to_the_issue()
    primary.issue_page("a")

    assert (primary.units("alice"), primary.money("alice")) == (500, MONEY - 500 * PRICE)
