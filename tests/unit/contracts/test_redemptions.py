"""Redemptions at maturity: whose units can end is paid, who waits is told why, and both are one."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.contracts.actions_stage import (
    A_DAY,
    BROKER,
    agree_for_long,
    claim,
    dividend,
    enter,
    entitled,
    fund,
    open_payer,
    pay,
    reclaim,
    record,
    report,
)
from tests.unit.contracts.acts import refused
from tests.unit.contracts.register_acts import as_agent

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.records import DecisionRecord, Recomputation
from tallystick.contracts.events import RedemptionsHindered, read_event
from tallystick.contracts.statements import ClaimWithdrawn
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market

HOLDERS = ("alice", "bob")
UNITS, PRICE = 500, 5


@pytest.fixture(scope="module")
def redeemed(opened_market: Market) -> Market:
    """Let ACME be redeemed at 5 a unit: alice and bob hold 500 each, and it is payable."""
    market = opened_market.fork()
    open_payer(market)
    market.transfer("alice", "bob", UNITS)
    record(market, dividend(market, action_type=ActionType.REDEMPTION))
    enter(market, *HOLDERS)
    fund(market, 2 * UNITS * PRICE)
    market.ledger.advance(A_DAY)
    return market


@pytest.fixture
def market(redeemed: Market) -> Market:
    return redeemed.fork()


def hold_for_a_trade(market: Market) -> None:
    agree_for_long(market, 1)
    market.lock()


def freeze_one(market: Market) -> None:
    as_agent(market, "freeze_units", "ACME", "alice", 1, "a court order")


def stop(market: Market) -> None:
    as_agent(market, "freeze", "ACME", "alice", "theft")


def sell_one(market: Market) -> None:
    market.transfer("alice", "bob", 1)


def unverify(market: Market) -> None:
    said = ClaimWithdrawn(subject="alice", topic=KYC, issuer=KYC_HOUSE)
    intent = market.sign(KYC_HOUSE, said)
    market.submit(BROKER, Chaincode.IDENTITY, "revoke_claim", said, intent)


def paid_and_left(market: Market, holder: str) -> tuple[int, int]:
    """Return what a holder has got, and how many units it has."""
    return entitled(market, holder).paid, market.units(holder)


@pytest.mark.parametrize(
    ("hinder", "code"),
    [
        pytest.param(hold_for_a_trade, "INSUFFICIENT_AVAILABLE", id="units are held for a trade"),
        pytest.param(freeze_one, "INSUFFICIENT_AVAILABLE", id="units are frozen"),
        pytest.param(sell_one, "INSUFFICIENT_AVAILABLE", id="units were sold since"),
        pytest.param(stop, "SENDER_FROZEN", id="the holder is stopped"),
        pytest.param(unverify, "SENDER_NOT_VERIFIED", id="the holder's claim was revoked"),
    ],
)
def test_whose_units_cannot_end_waits_and_the_others_are_paid(
    hinder: Callable[[Market], object], code: str, market: Market
) -> None:
    """F159: one holder does not stop a page, is not paid, and keeps its units."""
    hinder(market)
    had = market.units("alice")
    told = [read_event(each) for each in pay(market, *HOLDERS).events]

    assert [each.code for each in entitled(market, "alice").hindrances] == [code]
    assert paid_and_left(market, "alice") == (0, had)
    assert paid_and_left(market, "bob") == (UNITS * PRICE, 2 * UNITS - had - UNITS)
    assert RedemptionsHindered(action="D-1", holders=1) in told


def test_what_was_hindered_is_paid_once_it_can_be(market: Market) -> None:
    """F159: by a later page, once, and the note is gone."""
    freeze_one(market)
    pay(market, *HOLDERS)
    as_agent(market, "unfreeze_units", "ACME", "alice", 1, "lifted")
    pay(market, "alice")

    assert paid_and_left(market, "alice") == (UNITS * PRICE, 0)
    assert (entitled(market, "alice").hindrances, report(market).remaining) == ((), 0)
    assert refused(pay, market, "alice") == "ENTITLEMENT_PAID"


def test_a_holder_claims_what_it_gets_for_its_units(market: Market) -> None:
    """F159: it is told at once what stands against it, and nothing changes."""
    stop(market)
    pay(market, "alice")
    assert refused(claim, market, "alice") == "SENDER_FROZEN"
    as_agent(market, "unfreeze", "ACME", "alice")
    claim(market, "alice")

    assert paid_and_left(market, "alice") == (UNITS * PRICE, 0)


def test_where_enforcement_is_renounced_units_end_as_their_holder_asks(market: Market) -> None:
    """F159: the agent cannot end them, not even for money."""
    as_agent(market, "renounce_enforcement", "ACME")
    pay(market, *HOLDERS)
    (found,) = entitled(market, "alice").hindrances
    assert (found.code, market.units("alice")) == ("ENFORCEMENT_RENOUNCED", UNITS)
    claim(market, "alice")

    assert paid_and_left(market, "alice") == (UNITS * PRICE, 0)


def test_a_pause_of_trading_does_not_stop_a_redemption(market: Market) -> None:
    """F159: at maturity trading has ended, as a rule."""
    as_agent(market, "pause", "ACME", "matured")
    pay(market, *HOLDERS)

    assert [paid_and_left(market, each) for each in HOLDERS] == [(UNITS * PRICE, 0)] * 2


def test_the_decision_to_end_units_for_money_can_be_worked_out_again(market: Market) -> None:
    """SS-80, F159: of those that have ended; what hinders others is noted with the action."""
    freeze_one(market)
    decision = pay(market, *HOLDERS).transaction_id
    record = market.evaluate(Chaincode.TOKEN, "decision", "ACME", decision).load(DecisionRecord)
    again = market.evaluate(Chaincode.TOKEN, "recompute", "ACME", decision).load(Recomputation)

    assert [(leg.sender, leg.receiver, leg.quantity) for leg in record.legs] == [
        ("bob", None, UNITS)
    ]
    assert "giver-in-good-standing" in {each.rule for each in record.results}
    assert again.agrees


def test_nobody_is_paid_twice_in_one_page(market: Market) -> None:
    assert refused(pay, market, "alice", "alice") == "ENTITLEMENT_PAID"
    assert paid_and_left(market, "alice") == (0, UNITS)


def test_who_was_not_paid_in_time_keeps_its_units_and_the_payer_gets_its_money(
    market: Market,
) -> None:
    """F153, F159."""
    freeze_one(market)
    pay(market, *HOLDERS)
    market.ledger.advance(8 * A_DAY)
    reclaim(market)

    assert paid_and_left(market, "alice") == (0, UNITS)
    assert report(market).totals.reclaimed == UNITS * PRICE


acts = st.lists(
    st.sampled_from(
        [
            hold_for_a_trade,
            freeze_one,
            stop,
            sell_one,
            lambda market: as_agent(market, "unfreeze", "ACME", "alice"),
            lambda market: as_agent(market, "unfreeze_units", "ACME", "alice", 1, "lifted"),
            lambda market: market.transfer("bob", "alice", 1),
            lambda market: pay(market, "alice"),
            lambda market: pay(market, *HOLDERS),
            lambda market: claim(market, "bob"),
            lambda market: claim(market, "alice"),
        ]
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@for_all(acts=acts)
def test_a_holder_is_paid_exactly_for_the_units_that_have_ended(
    redeemed: Market, acts: list[Callable[[Market], object]]
) -> None:
    """F159, SS-89: whatever comes in between, and in what order."""
    market = redeemed.fork()
    for act in acts:
        with suppress(Refusal):
            act(market)
        paid = sum(entitled(market, each).paid for each in HOLDERS)
        ended = 2 * UNITS - sum(market.units(each) for each in HOLDERS)
        assert paid == ended * PRICE
        assert all(entitled(market, each).paid in {0, UNITS * PRICE} for each in HOLDERS)
        assert report(market).remaining == 2 * UNITS * PRICE - paid
