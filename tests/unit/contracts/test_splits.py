"""Splits: one event, and everything that counts units follows it."""

from datetime import timedelta

import pytest
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.refusals.record_dates import schedule, split
from tests.unit.contracts.refusals.scenarios import approve, draw
from tests.unit.contracts.test_register_replay import replayed, rows

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import (
    Allowance,
    HoldExecution,
    Holding,
    HoldLine,
    Security,
)
from tallystick.contracts.replay import count_differences, differences, miscounted
from tallystick.contracts.statements import UnitsHeld
from tallystick.contracts.testing import EVIDENCE, Market

TOKEN = Chaincode.TOKEN
AGENT = Participant.TRANSFER_AGENT
A_DAY = timedelta(days=1)


@pytest.fixture
def listening() -> ListeningMarket:
    market = ListeningMarket()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.deposit("bob", 50_000)
    return market


def hold(market: Market, quantity: int) -> None:
    held = UnitsHeld(
        security="ACME",
        holder="alice",
        hold="h-1",
        quantity=quantity,
        notary=Participant.CLEARING,
        receiver="bob",
        expires_at=market.after(A_DAY),
    )
    market.submit(Participant.BROKER_DEALER, TOKEN, "place_hold", held)


def holding(market: Market, holder: str = "alice") -> Holding:
    return market.evaluate(TOKEN, "holding", "ACME", holder).load(Holding)


def supply(market: Market) -> int:
    return market.evaluate(TOKEN, "supply", "ACME").load(int)


def test_a_split_multiplies_all_that_counts_units(market: Market) -> None:
    """F157."""
    market.submit(AGENT, TOKEN, "set_cap", "ACME", 5000)
    hold(market, 200)
    market.submit(AGENT, TOKEN, "freeze_units", "ACME", "alice", 100, "a court")
    approve(market, 50)
    split(market, 3)
    line = holding(market)
    assert (line.quantity, line.held, line.frozen, line.available) == (3000, 600, 300, 2100)
    held = market.evaluate(TOKEN, "holds", "ACME", "alice").load(tuple[HoldLine, ...])
    assert [each.quantity for each in held] == [600]
    allowed = market.evaluate(TOKEN, "allowance", "ACME", "alice", Participant.CLEARING)
    assert allowed.load(Allowance).quantity == 150
    assert supply(market) == 3000
    assert market.evaluate(TOKEN, "security", "ACME").load(Security).terms.cap == 15_000


def test_a_split_writes_two_rows_however_many_hold(listening: ListeningMarket) -> None:
    """F157: that of the security, and the count of splits; and it tells one event."""
    before = dict(rows(listening))
    (told,) = split(listening, 2).events
    changed = {key for key, value in rows(listening).items() if before.get(key) != value}
    assert (told.type, len(changed)) == ("token.SecuritySplit", 2)


def test_a_reverse_split_is_refused_while_anybody_would_have_a_fraction(market: Market) -> None:
    """F157: who and how much is named; it is ended, and the split is exact."""
    market.transfer("alice", "bob", 13)
    market.submit(AGENT, TOKEN, "pause", "ACME", "a split")
    with pytest.raises(Refusal, match="SPLIT_FRACTION") as refused:
        split(market, 1, 10)
    assert "987 units of ACME of alice" in refused.value.message
    assert "(1 more: SPLIT_FRACTION)" in refused.value.message
    market.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 7, EVIDENCE)
    market.submit(AGENT, TOKEN, "redeem", "ACME", "bob", 3, EVIDENCE)
    split(market, 1, 10)
    assert (market.units("alice"), market.units("bob"), supply(market)) == (98, 1, 99)


def test_a_reverse_split_is_refused_while_a_hold_would_have_a_fraction(market: Market) -> None:
    hold(market, 15)
    with pytest.raises(Refusal, match="15 units"):
        split(market, 1, 10)


def test_a_hold_of_before_is_executed_in_units_of_now(market: Market) -> None:
    hold(market, 20)
    split(market, 5)
    execution = HoldExecution(security="ACME", holder="alice", hold="h-1", quantity=100)
    market.submit(Participant.CLEARING, TOKEN, "execute_hold", execution)
    assert (market.units("alice"), market.units("bob")) == (4900, 100)
    assert holding(market).held == 0


@pytest.mark.parametrize("is_locked", [True, False])
def test_an_open_trade_is_transformed_by_a_split(market: Market, *, is_locked: bool) -> None:
    """W30: the units that are due follow the split, the money does not."""
    market.agree(market.terms(quantity=10, amount=500))
    if is_locked:
        market.lock()
    market.ledger.advance(timedelta(hours=1))
    split(market, 4)
    if not is_locked:
        market.lock()
    market.settle()
    assert (market.units("bob"), market.money("alice")) == (40, 500)


def test_a_trade_agreed_after_a_split_is_in_units_of_now(market: Market) -> None:
    """W30."""
    split(market, 4)
    market.ledger.advance(timedelta(seconds=1))
    market.agree(market.terms(quantity=10))
    market.lock()
    market.settle()
    assert market.units("bob") == 10


def test_events_rebuild_every_row_over_splits_and_record_dates(listening: ListeningMarket) -> None:
    """SS-19, W1: from the one event of a split, at every height."""
    market = listening
    acts = (
        lambda: hold(market, 20),
        lambda: approve(market, 51),
        lambda: schedule(market),
        lambda: split(market, 3),
        lambda: draw(market, 2),
        lambda: market.submit(Participant.CLEARING, TOKEN, "release_hold", "ACME", "alice", "h-1"),
        lambda: split(market, 1, 2),
        lambda: market.ledger.advance(A_DAY),
        lambda: market.transfer("alice", "bob", 7),
        lambda: market.issue("bob", 9),
        lambda: split(market, 2),
        lambda: market.transfer("bob", "alice", 3),
    )
    for act in acts:
        act()
        register = replayed(market.__class__(ledger=market.ledger, outcomes=list(market.outcomes)))
        assert differences(register.rows, rows(market).items()) == []
        assert list(count_differences(register.positions, rows(market).items())) == []
        assert list(miscounted(register.rows, rows(market).items())) == []
