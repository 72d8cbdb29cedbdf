"""Trades that are open over a record date: who is owed what an action gives, and gets it."""

from datetime import timedelta

import pytest
from tests.unit.contracts.actions_stage import (
    A_DAY,
    AGENT,
    SETTLEMENT,
    agree_for_long,
    dividend,
    enter,
    entitled,
    fund,
    given,
    pay,
    raise_claim,
    record,
    report,
    resolve_claim,
    sold_over_a_record_date,
    withhold,
)
from tests.unit.contracts.acts import refused
from tests.unit.contracts.claims_stage import (
    agree_on_legs,
    claim_of,
    funded,
    paid,
    units_leg,
    units_of,
)
from tests.unit.contracts.refusals.record_dates import split
from tests.unit.contracts.trades.stage import settle_at_once

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.models import DueClaims
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market


@pytest.fixture
def market(market: Market) -> Market:
    return sold_over_a_record_date(market)


def test_who_bought_before_the_ex_day_gets_what_the_seller_got_as_holder(market: Market) -> None:
    """W30: the seller was on the register at the record date, the buyer is owed."""
    funded(market)
    raise_claim(market)
    with pytest.raises(Refusal, match="ENTITLEMENT_CLAIMED"):
        pay(market, "alice")
    market.settle()
    resolve_claim(market)
    assert paid(market, "alice", "bob") == [3000, 2000]
    assert (claim_of(market).status, report(market).remaining) == ("settled", 0)


def test_the_claim_of_a_trade_that_settled_meanwhile_is_settled_at_once(market: Market) -> None:
    """W30."""
    funded(market)
    market.settle()
    raise_claim(market)
    assert paid(market, "alice", "bob") == [3000, 2000]


def test_the_claim_of_a_trade_that_ends_otherwise_is_dropped(market: Market) -> None:
    """W30: no height at which anybody is paid twice."""
    funded(market)
    raise_claim(market)
    market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    resolve_claim(market)
    assert paid(market, "alice") == [5000]
    assert claim_of(market).status == "dropped"


def test_each_side_pays_its_own_tax_and_sums_stay_exact(market: Market) -> None:
    """W30, F151, F155."""
    withhold(market, "alice", 3000)
    funded(market, 3333, numerator=10, denominator=3, tax_account="revenue")
    market.settle()
    raise_claim(market)
    sums = report(market)
    assert (entitled(market, "alice").net, entitled(market, "bob").net) == (1400, 1333)
    assert sums.totals.funded == sums.totals.gross + sums.dust
    assert paid(market, "alice", "bob") == [1400, 1333]
    assert (market.money("revenue"), report(market).remaining) == (600, 0)


def test_who_sold_after_the_ex_day_and_delivered_before_the_record_date_is_owed(
    market: Market,
) -> None:
    """W30: a reverse claim."""
    terms = dividend(
        market,
        record_at=market.after(2 * A_DAY),
        distribution=given(market, payable_at=market.after(3 * A_DAY)),
    )
    market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-1", "another trade is looked at")
    record(market, terms)
    agree_for_long(market, 300, "T-2")
    market.lock("T-2")
    market.settle("T-2")
    market.ledger.advance(A_DAY)
    market.submit(AGENT, "token", "seal_record_dates", "ACME")
    enter(market, "alice", "bob")
    fund(market, 5000)
    raise_claim(market, "T-2")
    market.ledger.advance(A_DAY)
    assert claim_of(market, "T-2").is_reverse
    assert paid(market, "alice") == [5000]
    assert entitled(market, "bob").due == 0


def test_who_was_paid_gets_what_a_later_claim_adds(market: Market) -> None:
    """W30: the buyer held units of its own, and was paid for them before."""
    market.issue("bob", 100)
    record(market, dividend(market))
    enter(market, "alice", "bob")
    fund(market, 5500)
    market.ledger.advance(A_DAY)
    assert paid(market, "bob") == [500]
    market.settle()
    raise_claim(market)
    assert paid(market, "bob", "alice") == [2000, 3000]
    assert report(market).remaining == 0


def test_a_claim_is_in_the_units_of_the_record_date(market: Market) -> None:
    """W30: a split between trade and record date."""
    market.ledger.advance(timedelta(hours=1))
    split(market, 2)
    record(market, dividend(market))
    enter(market, "alice")
    raise_claim(market)
    assert units_of(market) == [800]
    market.settle()
    resolve_claim(market)
    assert (entitled(market, "alice").gross, entitled(market, "bob").gross) == (6000, 4000)


def test_a_split_in_the_second_of_the_record_date_comes_after_it(market: Market) -> None:
    """W30, F157: to the second."""
    record(market, dividend(market))
    split(market, 2)
    enter(market, "alice")
    raise_claim(market)
    assert units_of(market) == [400]


def test_trades_for_which_a_claim_is_due_are_found(market: Market) -> None:
    """W30: until it is raised, and none that was made when the action was not part of it."""
    record(market, dividend(market))
    agree_for_long(market, 10, "T-9")
    enter(market, "alice")

    def due() -> tuple[str, ...]:
        found = market.submit(Participant.CLEARING, SETTLEMENT, "due_market_claims", "D-1")
        return found.load(DueClaims).trades

    assert due() == ("T-1",)
    raise_claim(market)
    assert due() == ()


# --- trades of several legs ---


def test_a_trade_has_one_claim_with_a_line_for_each_leg_of_units(market: Market) -> None:
    """W30: whoever gives units in it owes, and waits."""
    market.create_security("BETA")
    market.list_security("BETA")
    market.issue("alice", 5, "BETA")
    others = units_leg("carol", "bob", 100), units_leg("alice", "carol", 5, "BETA")
    agree_on_legs(market, *others)
    raise_claim(market, "T-2")

    assert [(line.leg, line.giver, line.units) for line in claim_of(market, "T-2").lines] == [
        ("T-2@0", "alice", 400),
        ("T-2@1", "carol", 100),
    ]
    for giver in ("alice", "carol"):
        assert refused(pay, market, giver) == "ENTITLEMENT_CLAIMED"
    market.settle("T-2")
    resolve_claim(market, "T-2")
    assert paid(market, "alice", "bob", "carol") == [3000, 2500, 4500]
    assert report(market).remaining == 0


def test_what_somebody_gets_and_gives_in_one_trade_counts_as_one(market: Market) -> None:
    """W30: bob passes units on that it never held; nobody is uncovered."""
    agree_on_legs(market, units_leg("bob", "carol", 300), is_locked=False)
    raise_claim(market, "T-2")
    assert [entitled(market, each).claimed for each in ("alice", "carol")] == [400, 0]
    settle_at_once(market, "T-2")
    resolve_claim(market, "T-2")

    assert paid(market, "alice", "bob", "carol") == [3000, 500, 6500]
    assert report(market).remaining == 0


@pytest.mark.parametrize("seconds", [0, 30])
def test_what_is_locked_is_due_as_the_split_has_left_it_whatever_the_clocks(
    market: Market, seconds: int
) -> None:
    """F157: the split is later, and its proposal bears an earlier second."""
    market.ledger.advance(timedelta(minutes=1))
    agree_for_long(market, 100, "T-2")
    market.lock("T-2")
    market.ledger.now -= timedelta(seconds=seconds)
    split(market, 2)
    market.ledger.advance(timedelta(minutes=1))
    market.settle("T-2")
    assert (market.units("alice"), market.units("bob")) == (1800, 200)
