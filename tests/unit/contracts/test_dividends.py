"""Distributions: what holders at a record date get, to the last cent, once."""

from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.unit.contracts.actions_stage import (
    A_DAY,
    AGENT,
    BROKER,
    ISSUER,
    SETTLEMENT,
    announce,
    claim,
    confirm,
    count,
    dividend,
    enter,
    entitled,
    fund,
    given,
    meeting,
    open_payer,
    pay,
    reclaim,
    record,
    report,
    split_terms,
    withhold,
)
from tests.unit.contracts.refusals.record_dates import split
from tests.unit.contracts.refusals.scenarios import approve

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.models import Action, SignedVotes, Totals
from tallystick.contracts.actions.rules import brings, entitlement, with_entered, with_paid
from tallystick.contracts.actions.terms import (
    ActionType,
    Ballot,
    Distribution,
    Elected,
    Resolution,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import Vote, VotesCast
from tallystick.contracts.testing import Market

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def market(market: Market) -> Market:
    """Let bob hold 333 of 1000, and the issuer have money."""
    market.transfer("alice", "bob", 333)
    open_payer(market)
    return market


def test_an_action_and_a_trade_of_one_name_wait_apart_in_the_same_account(market: Market) -> None:
    record(market, dividend(market))
    enter(market, "alice", "bob")
    fund(market, 5000)
    terms = market.terms("D-1").model_copy(update={"buyer": "acme"})
    market.agree(terms)

    market.lock("D-1")
    market.settle("D-1")
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")

    assert market.units("acme") == 10
    assert market.money("acme") == 100_000 - 500 - 5000


def test_a_dividend_is_paid_to_who_held_at_the_record_date(market: Market) -> None:
    """F150, F153: later sales change nothing."""
    record(market, dividend(market))
    market.transfer("alice", "bob", 600)
    before = market.money("bob")
    enter(market, "alice", "bob")
    fund(market, 5000)
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")
    assert (market.money("alice"), market.money("bob") - before) == (3335, 1665)
    assert report(market).remaining == 0


def test_units_on_hold_or_allowed_bring_their_holder_its_dividend(market: Market) -> None:
    """SS-59, F51, W2: and in a trade that is locked."""
    approve(market, 100)
    market.agree(market.terms(quantity=600))
    market.lock()
    record(market, dividend(market))
    enter(market, "alice", "bob")
    assert entitled(market, "alice").gross == 3335


def test_what_is_withheld_is_what_was_set_when_the_record_date_came(market: Market) -> None:
    """F151: a holder's own rate, or the action's; no later change."""
    withhold(market, "alice", 1500)
    terms = given(market, withholding=3000, tax_account="revenue")
    record(market, dividend(market, distribution=terms))
    withhold(market, "alice", 0)
    withhold(market, "bob", 0)
    enter(market, "alice", "bob")
    fund(market, 5000)
    market.ledger.advance(A_DAY)
    before = market.money("bob")
    pay(market, "alice", "bob")
    assert (entitled(market, "alice").withheld, entitled(market, "bob").withheld) == (500, 499)
    assert (market.money("alice"), market.money("bob") - before) == (2835, 1166)
    assert market.money("revenue") == 999


@pytest.mark.parametrize(
    ("who", "gets"),
    [
        pytest.param({"excluded": ("bob",)}, (3335, 0), id="all but those excluded"),
        pytest.param({"targets": ("bob",)}, (0, 1665), id="those aimed at"),
        pytest.param({"payer": "bob"}, (3335, 0), id="never who pays"),
    ],
)
def test_an_action_says_for_whom_it_is(
    market: Market, who: dict[str, object], gets: tuple[int, int]
) -> None:
    """F152."""
    record(market, dividend(market, distribution=given(market).model_copy(update=who)))
    enter(market, "alice", "bob")
    assert (entitled(market, "alice").gross, entitled(market, "bob").gross) == gets


def test_nothing_is_funded_before_everybody_is_entered(market: Market) -> None:
    """F150: nobody is forgotten."""
    record(market, dividend(market))
    enter(market, "alice")
    with pytest.raises(Refusal, match="ACTION_STATUS"):
        fund(market, 3335)
    told = enter(market, "bob").events[0]
    assert told.data == {"action": "D-1", "holders": 1, "is_complete": True}


def test_funded_money_waits_for_holders_and_for_nothing_else(market: Market) -> None:
    """F150."""
    record(market, dividend(market))
    enter(market, "alice", "bob")
    fund(market, 5000)
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.submit(
            Participant.BANK, Chaincode.CASH, "withdraw", "USD", "acme", market.money("acme")
        )


def test_a_signature_for_another_amount_funds_nothing(market: Market) -> None:
    record(market, dividend(market))
    enter(market, "alice", "bob")
    with pytest.raises(Refusal, match="INTENT_SIGNATURE_INVALID"):
        fund(market, 4999)


def test_a_holder_claims_from_the_second_it_is_payable_and_once(market: Market) -> None:
    """F153, F154."""
    record(market, dividend(market))
    enter(market, "alice", "bob")
    fund(market, 5000)
    market.ledger.advance(A_DAY - A_SECOND)
    with pytest.raises(Refusal, match="NOT_PAYABLE_YET"):
        claim(market, "alice")
    market.ledger.advance(A_SECOND)
    claim(market, "alice")
    assert market.money("alice") == 3335
    with pytest.raises(Refusal, match="ENTITLEMENT_PAID"):
        pay(market, "alice")


def test_what_nobody_claimed_goes_back_from_the_second_claims_end(market: Market) -> None:
    """F154, F155: with what rounding left."""
    record(market, dividend(market, distribution=given(market, 10, 7)))
    enter(market, "alice", "bob")
    fund(market, 1428)
    market.ledger.advance(A_DAY)
    claim(market, "alice")
    sums = report(market)
    assert (sums.totals.paid, sums.dust, sums.unclaimed) == (952, 1, 475)
    market.ledger.advance(8 * A_DAY - A_SECOND)
    with pytest.raises(Refusal, match="CLAIMS_OPEN"):
        reclaim(market)
    market.ledger.advance(A_SECOND)
    with pytest.raises(Refusal, match="CLAIMS_OVER"):
        claim(market, "bob")
    reclaim(market)
    assert (report(market).totals.reclaimed, report(market).remaining) == (476, 0)
    market.submit(Participant.BANK, Chaincode.CASH, "withdraw", "USD", "acme", 100_000 - 952)
    assert market.money("acme") == 0


def test_a_cancelled_action_gives_nobody_anything(market: Market) -> None:
    record(market, dividend(market))
    enter(market, "alice", "bob")
    market.submit(ISSUER, SETTLEMENT, "cancel_action", "D-1", "a mistake")
    with pytest.raises(Refusal, match="cancelled"):
        fund(market, 5000)


def test_terms_that_do_not_fit_together_are_refused(market: Market) -> None:
    terms = dividend(market).model_copy(update={"record_at": None})
    with pytest.raises(Refusal, match="needs record_at"):
        announce(market, terms)


def test_everybody_knows_what_was_announced_and_by_which_documents(market: Market) -> None:
    """SS-05, F160: documents with their hashes are part of it."""
    terms = dividend(market)
    announce(market, terms)
    row = market.evaluate(SETTLEMENT, "action", "D-1").load(Action)
    assert (row.terms, row.status, row.confirmed_at) == (terms, "announced", None)


def test_a_bonus_issue_gives_units_to_who_held(market: Market) -> None:
    """F157: 1 for 4, rounded down for each holder."""
    units = given(market, 1, 4, asset="ACME", payer=None)
    record(market, dividend(market, action_type=ActionType.BONUS, distribution=units))
    enter(market, "alice", "bob")
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")
    assert (market.units("alice"), market.units("bob")) == (667 + 166, 333 + 83)
    assert (report(market).totals.funded, report(market).dust) == (250, 1)
    with pytest.raises(Refusal, match="ACTION_STATUS"):
        market.submit(ISSUER, SETTLEMENT, "cancel_action", "D-1", "too late")
    market.ledger.advance(8 * A_DAY)
    reclaim(market)
    assert report(market).remaining == 0


def test_rights_are_distributed_as_a_security_of_their_own(market: Market) -> None:
    """F157: who holds them exercises or sells them."""
    market.create_security("RIGHTS")
    rights = given(market, 1, asset="RIGHTS", payer=None)
    record(market, dividend(market, action_type=ActionType.RIGHTS, distribution=rights))
    enter(market, "alice", "bob")
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")
    assert (market.units("alice", "RIGHTS"), market.units("bob", "RIGHTS")) == (667, 333)


def test_a_redemption_ends_units_in_the_transaction_that_pays_them(market: Market) -> None:
    """F159."""
    terms = dividend(market, action_type=ActionType.REDEMPTION)
    record(market, terms)
    enter(market, "alice", "bob")
    fund(market, 5000)
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")
    assert (market.units("alice"), market.units("bob"), market.money("alice")) == (0, 0, 3335)


def test_a_redemption_ends_all_units_that_a_split_has_made_since_the_record_date(
    market: Market,
) -> None:
    """F157, F159: nobody is paid for units and keeps them."""
    record(market, dividend(market, action_type=ActionType.REDEMPTION))
    split(market, 2)
    enter(market, "alice", "bob")
    fund(market, 5000)
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")
    assert (market.units("alice"), market.units("bob"), market.money("alice")) == (0, 0, 3335)


def test_a_bonus_is_given_in_the_units_that_a_split_has_made_of_it(market: Market) -> None:
    """F157: one for ten is one for ten before and after."""
    bonus = given(market, 1, 10, asset="ACME", payer=None)
    record(market, dividend(market, action_type=ActionType.BONUS, distribution=bonus))
    split(market, 2)
    enter(market, "alice", "bob")
    market.ledger.advance(A_DAY)
    pay(market, "alice", "bob")
    assert (market.units("alice"), market.units("bob")) == (1334 + 132, 666 + 66)


def test_the_state_of_a_debt_is_what_was_announced_and_confirmed_of_it(market: Market) -> None:
    """F159: interest is a distribution like a dividend, and a default an announcement."""
    terms = split_terms().model_copy(
        update={"action": "N-1", "action_type": ActionType.DEFAULT, "exchange": None}
    )
    announce(market, terms)
    confirm(market, "N-1")
    row = market.evaluate(SETTLEMENT, "action", "N-1").load(Action)
    assert (row.terms.action_type, row.status) == ("DFLT", "confirmed")


def test_a_split_is_executed_as_announced(market: Market) -> None:
    """F157."""
    announce(market, split_terms(3))
    confirm(market, "S-1")
    market.submit(AGENT, Chaincode.TOKEN, "pause", "ACME", "a split")
    market.submit(AGENT, SETTLEMENT, "execute_split", "S-1")
    assert market.units("bob") == 999


def test_each_holder_gets_what_it_has_elected_for_its_units(market: Market) -> None:
    """F158: cash or units, for a part each if it likes; and the default where it said nothing."""
    option = Resolution(name="dividend", choices=("cash", "units"))
    ballot = Ballot(
        resolutions=(option,),
        opens_at=market.after(A_DAY),
        closes_at=market.after(2 * A_DAY),
    )
    cash, units = (
        Elected(action="O-1", resolution="dividend", choice=choice, is_default=choice == "cash")
        for choice in option.choices
    )
    terms = (
        meeting(market, "O-1").model_copy(
            update={"action_type": ActionType.DIVIDEND_OPTION, "ballot": ballot}
        ),
        dividend(market, "D-1", distribution=given(market, elected=cash)),
        dividend(
            market,
            "D-2",
            action_type=ActionType.BONUS,
            distribution=given(market, 1, 10, asset="ACME", payer=None, elected=units),
        ),
    )
    for each in terms:
        announce(market, each)
        confirm(market, each.action)
    market.ledger.advance(A_DAY)
    market.submit(AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME")
    votes = (Vote(resolution="dividend", choice="units", units=200),)
    cast = VotesCast(action="O-1", holder="alice", votes=votes)
    market.submit(BROKER, SETTLEMENT, "cast_votes", votes=SignedVotes(statement=cast))
    market.ledger.advance(A_DAY)
    count(market, "O-1")
    for action in ("D-1", "D-2"):
        enter(market, "alice", "bob", action=action)
    fund(market, (467 + 333) * 5)
    pay(market, "alice", "bob")
    pay(market, "alice", "bob", action="D-2")
    assert (market.money("alice"), market.units("alice")) == (467 * 5, 667 + 20)
    assert (entitled(market, "bob").units, entitled(market, "bob", "D-2").units) == (333, 0)


rates = st.integers(0, 10_000)


@for_all(
    st.lists(st.tuples(st.integers(0, 10**6), rates, st.booleans()), min_size=1, max_size=20),
    st.integers(1, 10**6),
    st.integers(1, 1000),
)
def test_every_cent_that_was_funded_is_paid_withheld_dust_or_unclaimed(
    holders: list[tuple[int, int, bool]], numerator: int, denominator: int
) -> None:
    """F155: exactly, and dust is less than a cent for each holder."""
    terms = Distribution(
        asset="USD",
        numerator=numerator,
        denominator=denominator,
        payer="acme",
        payable_at="2024-01-02T00:00:00Z",
        claims_until="2024-02-02T00:00:00Z",
    )
    totals = Totals(supply=sum(units for units, _, _ in holders))
    found = [entitlement(units, terms, rate) for units, rate, _ in holders]
    for each in found:
        totals = with_entered(totals, each.units, each)
    totals = totals.model_copy(update={"funded": brings(totals.entitled, terms)})
    for each, (_, _, is_paid) in zip(found, holders, strict=True):
        totals = with_paid(totals, each) if is_paid else totals
    assert totals.funded == totals.paid + totals.withheld + totals.dust + totals.unclaimed
    assert 0 <= totals.dust < len(holders)
    unpaid = [each for each, (_, _, is_paid) in zip(found, holders, strict=True) if not is_paid]
    assert totals.unclaimed == sum(each.gross for each in unpaid)
    assert all(each.net + each.withheld == each.gross for each in found)
