"""What both sides agree on afterwards: the end of a trade, an earlier moment, its partition."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.discipline.stage import (
    A_SECOND,
    AMOUNT,
    CUT_OFFS,
    PENALTY,
    P,
    agree,
    collect,
    fail,
    go_to,
    hold,
    matched,
    note,
    recorded_terms,
    row,
    terms,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause, ChangeGiven
from tallystick.contracts.discipline.rules import parted, require_unlocked
from tallystick.contracts.orders.models import Pending
from tallystick.contracts.statements import CancelTrade, ChangeAgreed, SettleEarly, SplitTrade
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel

SPLIT = SplitTrade(part="T-1a", quantity=30)
EARLY = SettleEarly(settles_from="2026-04-02T16:00:00Z")


def holdings(market: Market) -> tuple[int, int, int, int]:
    return market.units("alice"), market.units("bob"), market.money("alice"), market.money("bob")


# --- two words ---


def test_a_trade_changes_when_the_second_side_agrees_to_the_same(disciplined: Market) -> None:
    """W12: bilateral cancellation."""
    matched(disciplined)

    assert agree(disciplined, "buyer", CancelTrade()) is False
    assert row(disciplined).status == "proposed"
    assert agree(disciplined, "seller", CancelTrade()) is True
    assert row(disciplined).status == "cancelled"


def test_sides_that_agree_to_different_things_change_nothing(disciplined: Market) -> None:
    matched(disciplined)
    agree(disciplined, "buyer", SPLIT)

    assert agree(disciplined, "seller", SPLIT.model_copy(update={"quantity": 31})) is False
    assert agree(disciplined, "seller", CancelTrade()) is False
    assert agree(disciplined, "buyer", CancelTrade()) is True


def test_a_cancelled_trade_gives_its_locks_back(disciplined: Market) -> None:
    before = holdings(disciplined)
    matched(disciplined)
    disciplined.lock()
    for side in ("buyer", "seller"):
        agree(disciplined, side, CancelTrade())

    assert holdings(disciplined) == before
    disciplined.transfer("alice", "bob", 1000)
    assert disciplined.units("bob") == 1000


def test_nobody_can_speak_for_the_other_side(disciplined: Market) -> None:
    matched(disciplined)
    agree(disciplined, "buyer", CancelTrade())
    said = ChangeAgreed(
        trade="T-1",
        side="seller",
        party="alice",
        terms_hash=row(disciplined).terms_hash,
        change=CancelTrade(),
    )
    with pytest.raises(Refusal, match="SIDE_NOT_SIGNED"):
        disciplined.submit(
            P.BROKER_DEALER,
            Chaincode.SETTLEMENT,
            "agree_change",
            "T-1",
            "seller",
            change=ChangeGiven(change=CancelTrade()),
            intent=disciplined.sign("bob", said),
        )

    assert row(disciplined).status == "proposed"


# --- before its day ---


def test_a_trade_settles_before_its_day_once_both_sides_have_signed(disciplined: Market) -> None:
    """SS-98, F129: refused at T-1 s, done at T; the day by which it would fail stays."""
    matched(disciplined)
    disciplined.lock()
    agree(disciplined, "buyer", EARLY)
    go_to(disciplined, EARLY.settles_from)
    with pytest.raises(Refusal, match="SETTLEMENT_DAY_NOT_REACHED"):
        disciplined.settle()
    disciplined.ledger.advance(-A_SECOND)
    assert agree(disciplined, "seller", EARLY) is True
    with pytest.raises(Refusal, match="SETTLEMENT_DAY_NOT_REACHED"):
        disciplined.settle()

    disciplined.ledger.advance(A_SECOND)
    disciplined.settle()

    settled = row(disciplined)
    assert (settled.status, settled.settlement_day) == ("settled", "2026-04-06")


# --- partial delivery ---


def test_a_part_settles_and_what_remains_stays_a_trade(disciplined: Market) -> None:
    """F139, W12: the seller has 30 of 100 units; 30 go over, 70 wait, no cent is lost."""
    disciplined.transfer("alice", "bob", 970)
    before = holdings(disciplined)
    matched(disciplined)
    go_to(disciplined, "2026-04-06T15:00:00Z")
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        disciplined.lock()
    agree(disciplined, "buyer", SPLIT)
    agree(disciplined, "seller", SPLIT)
    disciplined.lock("T-1a")
    disciplined.settle("T-1a")

    part, rest = recorded_terms(disciplined, "T-1a"), recorded_terms(disciplined)
    assert (part.quantity, rest.quantity) == (30, 70)
    assert (part.amount, rest.amount) == (1_200_000, 2_800_000)
    assert (row(disciplined, "T-1a").status, row(disciplined).status) == ("settled", "proposed")
    assert row(disciplined).terms_hash == rest.digest
    assert holdings(disciplined) == (
        before[0] - 30,
        before[1] + 30,
        before[2] + 1_200_000,
        before[3] - 1_200_000,
    )


@given(
    quantity=st.integers(2, 10**9),
    amount=st.integers(1, 2**53 - 1),
    share=st.integers(1, 10**9 - 1),
    least=st.integers(1, 1000),
)
def test_a_split_keeps_every_unit_and_every_cent(
    quantity: int, amount: int, share: int, least: int
) -> None:
    """F139: both parts are large enough and add up to the whole, or the split is refused."""
    whole = terms(Market(), quantity=quantity, amount=amount)
    split = SplitTrade(part="T-1a", quantity=1 + share % (quantity - 1))
    smallest = min(split.quantity, quantity - split.quantity)
    if smallest < least or amount * split.quantity < quantity:
        with pytest.raises(Refusal, match="PART_TOO_SMALL"):
            parted(whole, split, least)
        return

    part, rest = parted(whole, split, least)

    assert (part.quantity, part.quantity + rest.quantity) == (split.quantity, quantity)
    assert part.amount + rest.amount == amount
    assert part.amount == amount * split.quantity // quantity
    assert min(part.amount, rest.amount) >= 1


def test_a_part_is_as_old_as_the_trade_that_it_comes_from(disciplined: Market) -> None:
    """F139, F144: days before the partition count for both, and cost what the whole would."""
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[1])
    note(disciplined, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller")
    collect(disciplined, "T-1", through="2026-04-06")
    for side in ("buyer", "seller"):
        agree(disciplined, side, SPLIT)

    assert (fail(disciplined).age, fail(disciplined, "T-1a").age) == (2, 2)
    collect(disciplined, "T-1", "T-1a", through="2026-04-30")
    assert disciplined.money("alice") == 2 * AMOUNT - 2 * PENALTY


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        pytest.param(9, "PART_TOO_SMALL", id="part below the least"),
        pytest.param(91, "PART_TOO_SMALL", id="rest below the least"),
        pytest.param(100, "PART_TOO_SMALL", id="nothing remains"),
    ],
)
def test_no_part_is_smaller_than_the_venue_allows(
    quantity: int, code: str, disciplined: Market
) -> None:
    """F139."""
    matched(disciplined)

    with pytest.raises(Refusal, match=code):
        agree(disciplined, "buyer", SPLIT.model_copy(update={"quantity": quantity}))


def test_what_is_locked_is_not_split(disciplined: Market) -> None:
    matched(disciplined)
    disciplined.lock()

    with pytest.raises(Refusal, match="TRADE_STATUS"):
        agree(disciplined, "buyer", SPLIT)


def test_a_part_takes_no_id_that_was_used(disciplined: Market) -> None:
    matched(disciplined)
    matched(disciplined, "T-1a")

    with pytest.raises(Refusal, match="TRADE_EXISTS"):
        agree(disciplined, "buyer", SPLIT)


def test_an_agreement_is_about_the_terms_that_were_known(disciplined: Market) -> None:
    """What one side said before a partition does not count for what remains after it."""
    matched(disciplined)
    agree(disciplined, "buyer", CancelTrade())
    agree(disciplined, "seller", SPLIT)
    agree(disciplined, "buyer", SPLIT)
    agree(disciplined, "seller", CancelTrade())

    assert row(disciplined).status == "proposed"


def test_parts_are_under_way_at_the_venue_until_they_settle(disciplined: Market) -> None:
    """F139: what the venue counts as under way is what remains to be delivered."""

    def under_way() -> list[tuple[str, int]]:
        lines = disciplined.evaluate(Chaincode.SETTLEMENT, "pending", P.ATS, "bob", "ACME")
        found = lines.load(tuple[Pending, ...])
        return sorted((each.name, each.quantity) for each in found)

    matched(disciplined)
    for side in ("buyer", "seller"):
        agree(disciplined, side, SPLIT)
    after_split = under_way()
    go_to(disciplined, "2026-04-06T15:00:00Z")
    disciplined.lock("T-1a")
    disciplined.settle("T-1a")

    assert after_split == [("T-1", 70), ("T-1a", 30)]
    assert under_way() == [("T-1", 70)]


def test_a_part_keeps_the_hold_of_the_trade(disciplined: Market) -> None:
    matched(disciplined)
    hold(disciplined, "buyer")
    for side in ("buyer", "seller"):
        agree(disciplined, side, SPLIT)

    with pytest.raises(Refusal, match="TRADE_ON_HOLD"):
        disciplined.lock("T-1a")


@pytest.mark.parametrize(
    ("status", "model", "may_be_split"),
    [
        pytest.param(Status.PROPOSED, DvpModel.GROSS, True, id="agreed on"),
        pytest.param(Status.LOCKED, DvpModel.GROSS, False, id="locked"),
        pytest.param(Status.FAILING, DvpModel.GROSS, False, id="failing, and locked"),
        pytest.param(Status.FAILING, DvpModel.NET_MONEY, False, id="failing, units locked"),
        pytest.param(Status.FAILING, DvpModel.NET, True, id="failing, nothing ever locked"),
    ],
)
def test_what_lacks_nothing_is_neither_split_nor_bought_in(
    status: Status, model: DvpModel, disciplined: Market, *, may_be_split: bool
) -> None:
    """F139: a trade whose legs are locked has all that it needs."""
    matched(disciplined)
    trade = row(disciplined).model_copy(update={"status": status, "model": model})
    refusal = nullcontext() if may_be_split else pytest.raises(Refusal, match="TRADE_STATUS")

    with refusal as refused:
        require_unlocked(trade, "split", "2026-04-06T15:00:00Z")

    assert (refused is None) is may_be_split
