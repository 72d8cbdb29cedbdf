"""What a cycle settles and what it does not, and what it leaves behind."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.contracts.netting.books import MEMBERS, For
from tests.unit.contracts.netting.cleared import CLEARING, HOUR, SETTLEMENT, ClearedMarket

from tallystick.chaincode import Refusal
from tallystick.contracts.cash.models import CashAccount
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Binding
from tallystick.contracts.events import UnitsTransferred, read_event
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding
from tallystick.contracts.trades.terms import DvpModel

NET_MONEY = DvpModel.NET_MONEY


def held(market: ClearedMarket, holder: str) -> int:
    holding = market.evaluate(Chaincode.TOKEN, "holding", "ACME", holder).load(Holding)
    return holding.held


def cycle_of(market: ClearedMarket, *trades: str, **changes: object) -> None:
    """Open a cycle with these trades in it."""
    market.open_cycle(market.cycle_terms().model_copy(update=changes))
    market.accept(*trades)


# --- what settles ---


def test_a_ring_of_members_without_anything_settles(cleared: ClearedMarket) -> None:
    """SS-93: no trade of it could settle by itself."""
    ring = list(zip(MEMBERS, (*MEMBERS[1:], MEMBERS[0]), strict=True))
    for seller, buyer in ring:
        cleared.trade(f"T-{seller}", seller, buyer, For(quantity=5, amount=100))
    cycle_of(cleared, *(f"T-{seller}" for seller, _ in ring))

    cleared.settle_cycle()

    assert {cleared.status(f"T-{seller}") for seller, _ in ring} == {"settled"}
    assert cleared.holdings() == {}
    assert [(each.gross, each.net, each.reduction) for each in cleared.report().assets] == [
        (400, 0, 10_000),
        (20, 0, 10_000),
    ]


def test_net_positions_go_over_in_one_transaction(cleared: ClearedMarket) -> None:
    """SS-91, SS-93: units and money of all trades, in as few transfers as that takes."""
    cleared.issue("ann", 10)
    cleared.deposit("ben", 300)
    cleared.deposit("cat", 100)
    cleared.trade("T-1", "ann", "ben", For(quantity=10, amount=300))
    cleared.trade("T-2", "ben", "cat", For(quantity=6, amount=100))
    cycle_of(cleared, "T-1", "T-2")

    outcome = cleared.settle_cycle()

    assert cleared.holdings() == {"ann": (0, 0, 300), "ben": (4, 0, 100), "cat": (6, 0, 0)}
    assert outcome.event_types.count("token.Transferred") == 2
    assert outcome.event_types.count("cash.EntryMade") == 2
    assert outcome.event_types.count("settlement.TradeSettled") == 2
    assert [
        (each.kind, each.gross, each.net, each.trades, each.transfers, each.reduction)
        for each in cleared.report().assets
    ] == [("cash", 400, 300, 2, 2, 2500), ("security", 16, 10, 2, 2, 3750)]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.permutations(MEMBERS), st.integers(1, 9)), max_size=5))
def test_gross_and_net_leave_the_same_positions(
    opened_clearing: ClearedMarket, trades: list[tuple[list[str], int]]
) -> None:
    """SS-93: post-net balances are post-gross balances."""
    funded = opened_clearing.fork()
    for member in MEMBERS:
        funded.issue(member, 50)
        funded.deposit(member, 500)
    after = []
    for model in (DvpModel.GROSS, NET_MONEY, DvpModel.NET):
        market = funded.fork()
        names = []
        for number, ((seller, buyer, *_), size) in enumerate(trades):
            about = For(quantity=size, amount=11 * size)
            names.append(market.trade(f"T-{number}", seller, buyer, about, model).trade)
        if model is DvpModel.GROSS:
            for name in names:
                market.lock(name)
                market.settle(name)
        elif names:
            market.open_cycle(market.cycle_terms(model=model))
            market.accept(*names)
            market.settle_cycle()
        after.append(market.holdings())

    assert after[0] == after[1] == after[2]


# --- DvP 2 ---


def test_under_model_2_units_are_held_for_each_trade_and_money_is_netted(
    cleared: ClearedMarket,
) -> None:
    """SS-91, F142, W11."""
    cleared.issue("ann", 10)
    cleared.issue("ben", 6)
    cleared.deposit("ben", 60)
    for name, seller, buyer, about in (
        ("T-1", "ann", "ben", For(quantity=10, amount=100)),
        ("T-2", "ben", "ann", For(quantity=6, amount=40)),
    ):
        cleared.trade(name, seller, buyer, about, NET_MONEY)
    cycle_of(cleared, "T-1", "T-2", model=NET_MONEY)
    assert (held(cleared, "ann"), held(cleared, "ben")) == (10, 6)
    assert cleared.money("ben") == 60

    outcome = cleared.settle_cycle()

    assert cleared.holdings() == {"ann": (6, 0, 60), "ben": (10, 0, 0)}
    told = [read_event(each) for each in outcome.events]
    assert [(each.quantity, each.hold) for each in told if isinstance(each, UnitsTransferred)] == [
        (10, "T-1@0"),
        (6, "T-2@0"),
    ]
    assert [(each.kind, each.net, each.reduction) for each in cleared.report().assets] == [
        ("cash", 60, 5714),
        ("security", 16, 0),
    ]


def test_units_that_cannot_be_held_keep_a_batch_of_trades_out(cleared: ClearedMarket) -> None:
    cleared.issue("ann", 10)
    for name in ("T-1", "T-2"):
        cleared.trade(name, "ann", "ben", For(quantity=6), NET_MONEY)
    cleared.open_cycle(cleared.cycle_terms(model=NET_MONEY))

    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        cleared.accept("T-1", "T-2")

    assert cleared.status("T-1") == "proposed"
    assert held(cleared, "ann") == 0


@pytest.mark.parametrize(
    ("keeps_dropped", "status", "on_hold"),
    [
        pytest.param(True, "failing", 5, id="waits for another cycle, with its units held"),
        pytest.param(False, "cancelled", 0, id="ends, and its units are free"),
    ],
)
def test_what_becomes_of_a_dropped_trade_the_cycle_says(
    *, keeps_dropped: bool, status: str, on_hold: int, cleared: ClearedMarket
) -> None:
    cleared.issue("ann", 5)
    cleared.trade("T-1", "ann", "ben", For(quantity=5, amount=100), NET_MONEY)
    cycle_of(cleared, "T-1", model=NET_MONEY, keeps_dropped=keeps_dropped)

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-1": ("COVER_MISSING",)}
    assert cleared.status("T-1") == status
    assert held(cleared, "ann") == on_hold


def test_a_dropped_trade_settles_in_a_later_cycle(cleared: ClearedMarket) -> None:
    cleared.issue("ann", 5)
    cleared.trade("T-1", "ann", "ben", For(quantity=5, amount=100), NET_MONEY)
    cycle_of(cleared, "T-1", model=NET_MONEY)
    cleared.settle_cycle()
    cleared.deposit("ben", 100)
    cleared.open_cycle(cleared.cycle_terms("C-2", NET_MONEY))

    cleared.accept("T-1", cycle="C-2")
    cleared.settle_cycle("C-2")

    assert cleared.status("T-1") == "settled"
    assert cleared.holdings() == {"ann": (0, 0, 100), "ben": (5, 0, 0)}


def test_a_dropped_trade_that_nobody_wants_any_more_gives_its_units_back(
    cleared: ClearedMarket,
) -> None:
    """SS-89."""
    cleared.issue("ann", 5)
    cleared.trade("T-1", "ann", "ben", For(quantity=5, amount=100), NET_MONEY)
    cycle_of(cleared, "T-1", model=NET_MONEY)
    cleared.settle_cycle()

    cleared.submit(Participant.ATS, SETTLEMENT, "cancel", "T-1", "no longer wanted")

    assert held(cleared, "ann") == 0


# --- compliance ---


def test_each_trade_is_judged_as_it_would_be_gross(cleared: ClearedMarket) -> None:
    """SS-93, W10: what comes to nothing net may still be what somebody may not do."""
    cleared.register("eve")
    cleared.entrust("eve")
    cleared.trade("T-1", "ann", "eve", For(amount=10))
    cleared.trade("T-2", "eve", "ann", For(amount=10))
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    assert cleared.dropped() == {
        "T-1": ("RECEIVER_NOT_VERIFIED",),
        "T-2": ("SENDER_NOT_VERIFIED",),
    }


def test_the_end_state_of_the_whole_cycle_is_judged(cleared: ClearedMarket) -> None:
    """SS-93, W10: each trade fits under the limit, both together do not."""
    cleared.issue("ann", 12)
    cleared.bind(Binding(rule="maximum-holding", parameters={"*": {"units": 10}}))
    cleared.deposit("ben", 200)
    for name in ("T-1", "T-2"):
        cleared.trade(name, "ann", "ben", For(quantity=6, amount=100))
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-2": ("HOLDING_ABOVE_LIMIT",)}
    assert cleared.units("ben") == 6


def test_what_somebody_sells_counts_gross_where_rules_limit_sales(cleared: ClearedMarket) -> None:
    """SS-73: units bought in the same cycle are no way around a volume limit."""
    volume = {"units": 10, "window": "P1M"}
    cleared.bind(Binding(rule="volume-window", parameters={"*": volume}))
    cleared.issue("ann", 10)
    cleared.issue("ben", 10)
    for name, seller, buyer in (
        ("T-1", "ann", "ben"),
        ("T-2", "ben", "ann"),
        ("T-3", "ann", "ben"),
    ):
        cleared.trade(name, seller, buyer, For(quantity=6, amount=10))
    cycle_of(cleared, "T-1", "T-2", "T-3")

    outcome = cleared.settle_cycle()

    assert cleared.dropped() == {"T-3": ("VOLUME_EXCEEDED",)}
    assert outcome.event_types.count("token.SaleNoted") == 2


def test_a_rule_that_objects_to_much_is_asked_again_until_it_objects_to_nothing(
    cleared: ClearedMarket,
) -> None:
    cleared.bind(Binding(rule="maximum-holding", parameters={"*": {"units": 6}}))
    cleared.issue("ann", 6)
    cleared.deposit("ben", 3)
    for name in ("T-1", "T-2", "T-3"):
        cleared.trade(name, "ann", "ben", For(quantity=2))
    cycle_of(cleared, "T-1", "T-2", "T-3")
    cleared.issue("ben", 3)

    cleared.settle_cycle()

    assert cleared.dropped() == dict.fromkeys(("T-2", "T-3"), ("HOLDING_ABOVE_LIMIT",))
    assert cleared.units("ben") == 5


# --- shortage, credit, collateral, default ---


def test_a_shortage_takes_along_what_depends_on_it_and_nothing_else(
    cleared: ClearedMarket,
) -> None:
    """SS-93: ben pays cat with what ann should have paid him."""
    for member in ("ben", "cat", "dan"):
        cleared.issue(member, 1)
    cleared.deposit("dan", 5)
    cleared.trade("T-1", "ben", "ann", For(amount=100))
    cleared.trade("T-2", "cat", "ben", For(amount=100))
    cleared.trade("T-3", "cat", "dan", For(amount=5))
    cycle_of(cleared, "T-1", "T-2", "T-3")
    cleared.issue("cat", 1)

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-1": ("COVER_MISSING",), "T-2": ("COVER_MISSING",)}
    assert cleared.status("T-3") == "settled"


def test_credit_covers_what_a_member_owes_net_and_is_seen(cleared: ClearedMarket) -> None:
    """SS-95: within the cap of its bank."""
    cleared.issue("ann", 2)
    cleared.deposit("ben", 60)
    cleared.lend("ben", 40)
    cleared.trade("T-1", "ann", "ben", For(amount=100))
    cleared.trade("T-2", "ann", "ben", For(amount=1))
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-2": ("COVER_MISSING",)}
    (used,) = [each for each in cleared.report().positions if each.credit]
    assert (used.member, used.net, used.credit, used.collateral) == ("ben", -100, 40, 0)


@pytest.mark.parametrize(
    ("draws", "settled"),
    [
        pytest.param(True, 1, id="drawn before trades leave"),
        pytest.param(False, 0, id="not drawn, since the cycle says nothing of it"),
    ],
)
def test_collateral_covers_what_nothing_else_does(
    *, draws: bool, settled: int, cleared: ClearedMarket
) -> None:
    """SS-94."""
    cleared.issue("ann", 1)
    cleared.deposit("ben", 100)
    cleared.pledge("ben", 70)
    cleared.trade("T-1", "ann", "ben", For(amount=80))
    cycle_of(cleared, "T-1", draws_collateral=draws)

    cleared.settle_cycle()

    report = cleared.report()
    assert report.settled == settled
    assert sum(each.collateral for each in report.positions) == 50 * settled
    assert cleared.money("ben") == 100 - 80 * settled


def test_the_default_of_a_member_leaves_it_what_it_pledged_and_others_their_own(
    cleared: ClearedMarket,
) -> None:
    """SS-94: its trades leave, the rest is netted anew, and nobody owes more than gross."""
    cleared.issue("ann", 2)
    cleared.issue("cat", 1)
    cleared.deposit("ben", 500)
    cleared.deposit("dan", 30)
    cleared.pledge("ben", 50)
    cleared.trade("T-1", "ann", "ben", For(amount=40))
    cleared.trade("T-2", "cat", "ben", For(amount=60))
    cleared.trade("T-3", "ann", "dan", For(amount=30))
    cycle_of(cleared, "T-1", "T-2", "T-3", draws_collateral=True)
    cleared.submit(CLEARING, SETTLEMENT, "declare_default", default=cleared.notice("ben"))

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-2": ("MEMBER_IN_DEFAULT",)}
    assert cleared.holdings()["ben"] == (1, 0, 460)
    assert cleared.holdings()["dan"] == (1, 0, 0)
    assert cleared.holdings()["cat"] == (1, 0, 0)


def test_without_collateral_nothing_that_a_defaulter_owes_settles(cleared: ClearedMarket) -> None:
    """SS-94."""
    cleared.issue("ann", 1)
    cleared.deposit("ben", 500)
    cleared.trade("T-1", "ann", "ben", For(amount=40))
    cycle_of(cleared, "T-1", draws_collateral=True)
    notice = cleared.notice("ben")
    outcome = cleared.submit(CLEARING, SETTLEMENT, "declare_default", default=notice)
    assert "ben" not in str(outcome.events)

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-1": ("MEMBER_IN_DEFAULT",)}
    cleared.submit(CLEARING, SETTLEMENT, "lift_default", default=notice)
    cleared.open_cycle(cleared.cycle_terms("C-2"))
    cleared.accept("T-1", cycle="C-2")
    cleared.settle_cycle("C-2")
    assert cleared.status("T-1") == "settled"


def test_money_committed_to_an_order_pays_for_its_trade_in_the_cycle(
    cleared: ClearedMarket,
) -> None:
    """SS-96: it stays committed until the cycle settles, and if the trade leaves, after it."""
    cleared.issue("ann", 2)
    cleared.deposit("ben", 180)
    for order in ("T-1-buy", "T-2-buy"):
        cleared.commit("ben", 90, order)
    cleared.trade("T-1", "ann", "ben", For(amount=90))
    cleared.trade("T-2", "ann", "ben", For(amount=100))
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    account = cleared.evaluate(Chaincode.CASH, "account", "USD", "ben").load(CashAccount)
    assert cleared.dropped() == {"T-2": ("COVER_MISSING",)}
    assert (account.amount, account.reserved) == (90, 90)


def test_what_is_committed_to_a_settled_trade_is_free_though_no_money_goes_over(
    cleared: ClearedMarket,
) -> None:
    """SS-96: as it is when money of others goes over in the cycle."""
    cleared.deposit("ben", 90)
    cleared.commit("ben", 90, "T-1-buy")
    cleared.trade("T-1", "ann", "ben", For(amount=90))
    cleared.trade("T-2", "ben", "ann", For(amount=90))
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    account = cleared.evaluate(Chaincode.CASH, "account", "USD", "ben").load(CashAccount)
    assert cleared.dropped() == {}
    assert (account.amount, account.reserved) == (90, 0)


def test_a_trade_that_settles_net_pays_the_venues_fees_and_one_that_leaves_does_not(
    cleared: ClearedMarket,
) -> None:
    cleared.register("house")
    line = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver="house", flat=3)
    cleared.submit(Participant.ATS, SETTLEMENT, "set_fees", [line])
    cleared.issue("ann", 2)
    cleared.deposit("ben", 103)
    cleared.trade("T-1", "ann", "ben", For(amount=100))
    cleared.trade("T-2", "ann", "ben", For(amount=1))
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-2": ("COVER_MISSING",)}
    assert (cleared.money("ann"), cleared.money("ben"), cleared.money("house")) == (100, 0, 3)


def test_a_trade_in_what_nobody_knows_stops_no_other(cleared: ClearedMarket) -> None:
    cleared.issue("ann", 1)
    cleared.deposit("ben", 1)
    cleared.trade("T-1", "ann", "ben")
    odd = cleared.terms("T-2", quantity=1, amount=1).model_copy(
        update={"cash": "XAU", "seller": "ann", "buyer": "ben", "model": DvpModel.NET}
    )
    cleared.agree(odd)
    cycle_of(cleared, "T-1", "T-2")

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-2": ("CASH_UNKNOWN",)}


@pytest.mark.parametrize(
    "model", [pytest.param(DvpModel.NET, id="net"), pytest.param(NET_MONEY, id="held")]
)
def test_a_cycle_settles_units_of_now_though_they_were_agreed_before_a_split(
    model: DvpModel, cleared: ClearedMarket
) -> None:
    cleared.issue("ann", 10)
    cleared.issue("cat", 3)
    cleared.deposit("ben", 100)
    cleared.trade("T-1", "ann", "ben", For(quantity=4, amount=50), model)
    cycle_of(cleared, "T-1", model=model)
    cleared.ledger.advance(HOUR / 2)
    cleared.split(3)

    cleared.settle_cycle()

    assert cleared.status("T-1") == "settled"
    assert (cleared.units("ann"), cleared.units("ben")) == (18, 12)


def test_a_trade_of_which_a_split_leaves_a_part_of_a_unit_is_dropped(
    cleared: ClearedMarket,
) -> None:
    cleared.issue("ann", 10)
    cleared.deposit("ben", 100)
    cleared.trade("T-1", "ann", "ben", For(quantity=3, amount=50))
    cycle_of(cleared, "T-1")
    cleared.ledger.advance(HOUR / 2)
    cleared.split(1, 10)

    cleared.settle_cycle()

    assert cleared.dropped() == {"T-1": ("AGREED_FRACTION",)}


# --- the worked example of the documents ---

EXAMPLE = (
    ("T-1", "ann", "ben", For(quantity=10, amount=100)),
    ("T-2", "ben", "cat", For(quantity=10, amount=105)),
    ("T-3", "cat", "ann", For(quantity=10, amount=98)),
    ("T-4", "dan", "ben", For(quantity=5, amount=60)),
)


@pytest.mark.parametrize(
    ("pledged", "dropped", "money", "units"),
    [
        pytest.param(0, {"T-4": ("COVER_MISSING",)}, (303, 7, 9768), (30, 0), id="none"),
        pytest.param(20, {}, (363, 62, 8292), (35, 5), id="some"),
    ],
)
def test_the_documents_example_comes_out_as_they_say_with_collateral(
    pledged: int,
    dropped: dict[str, tuple[str, ...]],
    money: tuple[int, int, int],
    units: tuple[int, int],
    cleared: ClearedMarket,
) -> None:
    """SS-93, SS-94, F141."""
    cleared.issue("dan", 5)
    cleared.deposit("ben", 40 + pledged)
    cleared.deposit("cat", 10)
    if pledged:
        cleared.pledge("ben", pledged)
    cleared.open_cycle(cleared.cycle_terms().model_copy(update={"draws_collateral": True}))
    for name, seller, buyer, about in EXAMPLE:
        cleared.trade(name, seller, buyer, about)
        cleared.accept(name)
        cleared.ledger.advance(timedelta(minutes=1))

    cleared.settle_cycle()

    cents, acme = cleared.report().assets
    assert cleared.dropped() == dropped
    assert (cents.gross, cents.net, cents.reduction) == money
    assert (acme.gross, acme.net) == units
    assert sum(each.collateral for each in cleared.report().positions) == (15 if pledged else 0)
