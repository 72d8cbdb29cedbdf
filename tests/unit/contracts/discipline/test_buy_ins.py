"""Buy-ins: called when the pack allows, executed by the agent, or settled in money."""

from dataclasses import replace

import pytest
from tests.unit.contracts.discipline.stage import (
    A_SECOND,
    AMOUNT,
    DEARER,
    P,
    call,
    compensate,
    execute,
    fail,
    give_up,
    go_to,
    matched,
    note,
    row,
    terms,
    withdraw,
)
from tests.unit.contracts.refusals.record_dates import split

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import BuyIn, BuyInStatus, Cause
from tallystick.contracts.discipline.rules import BUY_IN_TRANSITIONS, BuyInStep, buy_in_after
from tallystick.contracts.statements import Representation, SubAccountOpened
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import LegKind, TradeLeg

FOURTH_CUT_OFF = "2026-04-09T21:00:00Z"
DUE = "2026-04-16T21:00:00Z"
"""Called after the cut-off of 9 April, so as of the 10th: four business days later is the 16th."""


def buy_in(market: Market) -> BuyIn:
    found = fail(market).buy_in
    assert found is not None
    return found


def bought(
    market: Market,
    *,
    amount: int = DEARER,
    seller: str = "carol",
    quantity: int = 100,
    legs: tuple[TradeLeg, ...] = (),
) -> None:
    """Let the buyer have the units from another seller, at once."""
    agreed = terms(
        market,
        "T-2",
        quantity=quantity,
        amount=amount,
        seller=seller,
        legs=legs,
        cycle=0,
        settlement_day="2026-04-10",
    )
    market.agree(agreed)
    go_to(market, "2026-04-10T15:00:00Z")
    market.lock("T-2")
    market.settle("T-2")


@pytest.fixture
def failing(disciplined: Market) -> Market:
    """Alice has failed four business days for want of securities; carol has some."""
    disciplined.onboard("carol")
    disciplined.issue("carol", 1000)
    matched(disciplined)
    go_to(disciplined, FOURTH_CUT_OFF)
    note(disciplined, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller")
    return disciplined


# --- states ---


@pytest.mark.parametrize("step", list(BuyInStep))
@pytest.mark.parametrize("status", [None, *BuyInStatus])
def test_a_buy_in_takes_the_steps_in_the_table_and_no_other(
    status: BuyInStatus | None, step: BuyInStep
) -> None:
    """F144, W12."""
    before = None
    if status is not None:
        before = BuyIn(status=status, agent="A", called_at=DUE, execution_due=DUE)
    following = BUY_IN_TRANSITIONS.get((status, step))

    if following is None:
        with pytest.raises(Refusal, match="BUY_IN_STATUS"):
            buy_in_after("T-1", before, step, DUE)
    else:
        assert buy_in_after("T-1", before, step, DUE) is following


def test_every_status_is_reached_and_two_are_final() -> None:
    reached = set(BUY_IN_TRANSITIONS.values())
    left = {status for status, _ in BUY_IN_TRANSITIONS if status is not None}

    assert reached == set(BuyInStatus)
    assert reached - left == {BuyInStatus.EXECUTED, BuyInStatus.COMPENSATED}


# --- the call ---


def test_a_buy_in_is_called_from_the_second_of_the_fourth_cut_off_on(failing: Market) -> None:
    """F144, W33: refused at T-1 s, done at T."""
    failing.ledger.advance(-A_SECOND)
    with pytest.raises(Refusal, match="BUY_IN_NOT_DUE"):
        call(failing)
    failing.ledger.advance(A_SECOND)
    call(failing)

    assert (buy_in(failing).status, buy_in(failing).execution_due) == ("called", DUE)


def test_days_for_which_the_seller_is_not_responsible_do_not_count(failing: Market) -> None:
    note(failing, "2026-04-07", Cause.NEITHER_SIDE, None)

    with pytest.raises(Refusal, match="BUY_IN_NOT_DUE"):
        call(failing)


def test_only_who_may_act_for_clients_can_be_the_agent(failing: Market) -> None:
    with pytest.raises(Refusal, match="LICENCE_MISSING"):
        call(failing, P.ISSUER)

    assert fail(failing).buy_in is None


def test_the_seller_may_still_deliver(failing: Market) -> None:
    call(failing)
    failing.lock()
    failing.settle()

    assert row(failing).status == "settled"
    with pytest.raises(Refusal, match="TRADE_STATUS"):
        give_up(failing)


# --- the ends ---


@pytest.mark.parametrize(
    ("amount", "difference"),
    [
        pytest.param(DEARER, DEARER - AMOUNT, id="dearer: the seller pays the difference"),
        pytest.param(AMOUNT - 1, 0, id="cheaper: nothing is paid"),
    ],
)
def test_the_agent_buys_elsewhere_and_the_trade_ends(
    amount: int, difference: int, failing: Market
) -> None:
    """F144, W12."""
    call(failing)
    before = failing.money("alice"), failing.money("bob")
    bought(failing, amount=amount)
    execute(failing)

    assert failing.units("bob") == 100
    assert (failing.money("alice"), failing.money("bob")) == (
        before[0] - difference,
        before[1] - amount + difference,
    )
    assert (row(failing).status, row(failing).replaced_by) == ("bought-in", "T-2")
    assert (buy_in(failing).status, buy_in(failing).compensation) == ("executed", difference)


def open_account(market: Market, owner: str, account: str) -> None:
    """Open a sub-account that trades through the broker."""
    opened = SubAccountOpened(identity=owner, account=account)
    intent = market.sign(owner, opened)
    market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "open_sub_account", opened, intent)
    market.wallets[account] = replace(market.wallets[owner], identity=account)
    market.entrust(account)


@pytest.mark.parametrize("seller", ["alice", "alice-2", "bob-2"])
def test_what_the_seller_or_the_buyer_sells_by_any_account_is_no_replacement(
    failing: Market, seller: str
) -> None:
    """F144, W12: who has both sides names any price, and the other would pay it."""
    owner = seller.partition("-")[0]
    if seller != owner:
        open_account(failing, owner, seller)
        failing.issue(seller, 100)
    call(failing)
    bought(failing, seller=seller)
    before = failing.money("alice"), row(failing)

    with pytest.raises(Refusal, match="REPLACEMENT_WRONG"):
        execute(failing)
    assert (failing.money("alice"), row(failing)) == before


@pytest.mark.parametrize("account", ["desk", "desk-2"])
def test_what_the_agent_sells_itself_is_no_replacement(failing: Market, account: str) -> None:
    """F144, W12: it would name the price that the seller pays it."""
    failing.onboard("desk")
    desk = Representation(identity="desk", organization=P.BROKER_DEALER)
    failing.submit(
        P.BROKER_DEALER, Chaincode.IDENTITY, "represent", desk, failing.sign("desk", desk)
    )
    if account != "desk":
        open_account(failing, "desk", account)
    failing.issue(account, 100)
    call(failing)
    bought(failing, seller=account)

    with pytest.raises(Refusal, match="REPLACEMENT_WRONG"):
        execute(failing)
    assert row(failing).status == "proposed"


def leg(sender: str, receiver: str, kind: LegKind = LegKind.MONEY, quantity: int = 7) -> TradeLeg:
    asset = "ACME" if kind is LegKind.UNITS else "USD"
    return TradeLeg(kind=kind, asset=asset, sender=sender, receiver=receiver, quantity=quantity)


@pytest.mark.parametrize(
    ("due", "legs", "is_same"),
    [
        pytest.param((), (leg("carol", "bob"),), False, id="money comes back"),
        pytest.param((), (leg("bob", "carol", LegKind.UNITS),), False, id="units go back"),
        pytest.param((leg("alice", "bob", LegKind.UNITS),), (), False, id="units are missing"),
        pytest.param(
            (leg("alice", "bob", LegKind.UNITS),),
            (leg("carol", "bob", LegKind.UNITS),),
            True,
            id="the same units come from the other seller",
        ),
    ],
)
def test_a_replacement_has_the_same_further_legs(
    disciplined: Market, due: tuple[TradeLeg, ...], legs: tuple[TradeLeg, ...], *, is_same: bool
) -> None:
    """F144: a price says nothing beside something else that goes over."""
    disciplined.onboard("carol")
    disciplined.issue("carol", 1000)
    disciplined.deposit("carol", 1000)
    matched(disciplined, legs=due)
    go_to(disciplined, FOURTH_CUT_OFF)
    note(disciplined, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller")
    call(disciplined)
    disciplined.issue("bob", 10)
    bought(disciplined, legs=legs)

    if is_same:
        execute(disciplined)
        assert row(disciplined).status == "bought-in"
    else:
        with pytest.raises(Refusal, match="REPLACEMENT_WRONG"):
            execute(disciplined)


def test_what_was_bought_before_the_call_is_no_replacement(failing: Market) -> None:
    bought(failing)
    failing.ledger.advance(A_SECOND)
    call(failing)

    with pytest.raises(Refusal, match="REPLACEMENT_WRONG"):
        execute(failing)


def test_a_trade_replaces_one_other(disciplined: Market) -> None:
    disciplined.onboard("carol")
    disciplined.issue("carol", 1000)
    for trade in ("T-1", "T-3"):
        matched(disciplined, trade)
    go_to(disciplined, FOURTH_CUT_OFF)
    for trade in ("T-1", "T-3"):
        note(disciplined, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller", trade)
        call(disciplined, trade=trade)
    bought(disciplined)
    execute(disciplined)

    with pytest.raises(Refusal, match="REPLACEMENT_WRONG"):
        execute(disciplined, trade="T-3")


def test_money_is_due_from_the_second_at_which_the_agents_time_is_over(failing: Market) -> None:
    """F144: refused at T-1 s, done at T."""
    call(failing)
    before = failing.money("bob")
    go_to(failing, DUE)
    failing.ledger.advance(-A_SECOND)
    with pytest.raises(Refusal, match="EXECUTION_NOT_DUE"):
        compensate(failing)
    failing.ledger.advance(A_SECOND)
    compensate(failing)

    assert failing.money("bob") == before + DEARER - AMOUNT
    assert (row(failing).status, buy_in(failing).status) == ("cancelled", "compensated")


def test_an_agent_that_gives_up_makes_money_due_at_once(failing: Market) -> None:
    call(failing)
    give_up(failing)
    compensate(failing)

    assert buy_in(failing).compensation == DEARER - AMOUNT


def test_a_buyer_may_wait_again_and_call_again(failing: Market) -> None:
    call(failing)
    withdraw(failing)
    with pytest.raises(Refusal, match="BUY_IN_STATUS"):
        execute(failing)
    call(failing)

    assert buy_in(failing).status == "called"


@pytest.mark.parametrize(("quantity", "is_enough"), [(100, False), (200, True)])
def test_after_a_split_the_replacement_is_of_as_many_units_as_are_due_then(
    failing: Market, quantity: int, *, is_enough: bool
) -> None:
    """F157: half of it is no replacement."""
    call(failing)
    go_to(failing, "2026-04-10T01:00:00Z")
    split(failing, 2)
    bought(failing, quantity=quantity)

    if is_enough:
        execute(failing)
        assert buy_in(failing).compensation == DEARER - AMOUNT
    else:
        with pytest.raises(Refusal, match="REPLACEMENT_WRONG"):
            execute(failing)
