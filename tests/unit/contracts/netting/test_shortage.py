"""The arithmetic of a cycle: nets, the shortage rule and the transfers that settle what is left."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.netting.books import (
    BOTH,
    MEMBERS,
    For,
    books,
    covers,
    settled_gross,
    trade,
)

from tallystick.contracts.netting.obligations import (
    Kind,
    Line,
    Obligation,
    nets_of,
    transfers_of,
)
from tallystick.contracts.netting.removal import Removal, in_order_of_removal
from tallystick.contracts.netting.shortage import Covered, covered


def cash(**amounts: int) -> dict[Line, int]:
    return {Line(Kind.CASH, "USD", member): amount for member, amount in amounts.items()}


def units(**quantities: int) -> dict[Line, int]:
    return {Line(Kind.SECURITY, "ACME", member): each for member, each in quantities.items()}


def settle(
    trades: list[Obligation], cover: dict[Line, int], removal: Removal = Removal.LATEST
) -> Covered:
    return covered(in_order_of_removal(trades, removal), cover, BOTH)


def names(trades: tuple[Obligation, ...]) -> set[str]:
    return {each.trade for each in trades}


# --- nets ---


@given(books())
def test_nets_add_up_to_zero_in_each_asset(book: list[Obligation]) -> None:
    sums: dict[tuple[Kind, str], int] = {}
    for (kind, asset, _), net in nets_of(due for each in book for due in each.dues).items():
        sums[kind, asset] = sums.get((kind, asset), 0) + net

    assert set(sums.values()) <= {0}


@given(books())
def test_settling_nets_leaves_everybody_as_settling_each_trade_does(
    book: list[Obligation],
) -> None:
    """SS-93: post-net balances are post-gross balances."""
    after: dict[Line, int] = {}
    for each in transfers_of(nets_of(due for one in book for due in one.dues)):
        payer = Line(each.kind, each.asset, each.sender)
        payee = Line(each.kind, each.asset, each.receiver)
        after[payer] = after.get(payer, 0) - each.quantity
        after[payee] = after.get(payee, 0) + each.quantity

    assert after == settled_gross({}, book)


@given(books())
def test_nobody_both_gives_and_gets_an_asset_net(book: list[Obligation]) -> None:
    transfers = list(transfers_of(nets_of(due for each in book for due in each.dues)))

    givers = {(each.kind, each.asset, each.sender) for each in transfers}
    takers = {(each.kind, each.asset, each.receiver) for each in transfers}
    assert not givers & takers
    assert len(transfers) <= 3 * (len(MEMBERS) - 1)


def test_two_members_who_trade_with_each_other_only_owe_the_difference() -> None:
    """F140: bilateral netting is the case of two members."""
    book = [
        trade("T-1", "ann", "ben", For(quantity=10, amount=500)),
        trade("T-2", "ben", "ann", For(quantity=4, amount=220)),
    ]

    assert [tuple(each) for each in transfers_of(nets_of(d for t in book for d in t.dues))] == [
        ("cash", "USD", "ben", "ann", 280),
        ("security", "ACME", "ann", "ben", 6),
    ]


# --- the shortage rule ---


def test_a_ring_settles_though_nobody_has_anything() -> None:
    """SS-93: no trade of it could go alone."""
    ring = [
        trade(f"T-{seller}", seller, buyer, For(quantity=5, amount=100))
        for seller, buyer in zip(MEMBERS, (*MEMBERS[1:], MEMBERS[0]), strict=True)
    ]

    result = settle(ring, {})

    assert result.kept == tuple(in_order_of_removal(ring, Removal.LATEST))
    assert result.nets == {}


def test_a_shortage_cascades_until_everybody_left_is_covered() -> None:
    """Ben pays cat with what ann pays him, and cat pays dan with what ben pays her."""
    chain = [
        trade("T-1", "ben", "ann", For(amount=100)),
        trade("T-2", "cat", "ben", For(amount=100)),
        trade("T-3", "dan", "cat", For(amount=100)),
    ]
    everything = units(ben=1, cat=1, dan=1)

    result = settle(chain, {**everything, **cash(ann=99)})

    assert [(each.trade.trade, each.line.member, each.missing) for each in result.removed] == [
        ("T-1", "ann", 1),
        ("T-2", "ben", 100),
        ("T-3", "cat", 100),
    ]
    assert result.kept == ()
    assert settle(chain, {**everything, **cash(ann=100)}).removed == ()


@pytest.mark.parametrize(
    ("removal", "gone"),
    [
        pytest.param(Removal.LATEST, ["T-3"], id="what was accepted last goes first"),
        pytest.param(Removal.SMALLEST, ["T-1"], id="the least money goes first"),
        pytest.param(Removal.LARGEST, ["T-2"], id="the most money goes first"),
    ],
)
def test_the_order_of_removal_says_which_trade_of_a_short_member_goes(
    removal: Removal, gone: list[str]
) -> None:
    book = [
        trade("T-1", "ben", "ann", For(amount=10), second=1),
        trade("T-2", "ben", "ann", For(amount=30), second=2),
        trade("T-3", "ben", "ann", For(amount=20), second=3),
    ]

    result = settle(book, {**units(ben=3), **cash(ann=50)}, removal)

    assert [each.trade.trade for each in result.removed] == gone


def test_trades_alike_leave_in_the_order_of_their_ids_the_greatest_first() -> None:
    book = [trade(name, "ben", "ann") for name in ("T-2", "T-1", "T-3")]

    result = settle(book, {**units(ben=3), **cash(ann=2)})

    assert [each.trade.trade for each in result.removed] == ["T-3"]


def test_a_trade_stays_that_brings_a_short_member_what_it_owes() -> None:
    book = [
        trade("T-1", "ben", "ann", For(amount=100), second=1),
        trade("T-2", "ann", "cat", For(amount=60), second=2),
    ]

    result = settle(book, {**units(ann=1, ben=1), **cash(ann=39, cat=60)})

    assert names(result.kept) == {"T-2"}


def test_only_what_is_netted_needs_cover() -> None:
    """SS-91: under model 2 the units of each trade are held for it alone."""
    book = [trade("T-1", "ann", "ben", For(amount=5))]

    assert covered(book, cash(ben=5), [Kind.CASH]).removed == ()
    assert len(covered(book, cash(ben=5), BOTH).removed) == 1


@given(books(), covers(), st.sampled_from(Removal), st.integers())
def test_the_result_does_not_depend_on_the_order_of_the_trades(
    book: list[Obligation], cover: dict[Line, int], removal: Removal, seed: int
) -> None:
    shuffled = Random(seed).sample(book, len(book))

    assert settle(shuffled, cover, removal) == settle(book, cover, removal)


def test_fifty_permutations_of_a_book_give_one_result() -> None:
    """SS-93."""
    random = Random(1)
    book = []
    for number in range(100):
        seller, buyer = random.sample(MEMBERS, 2)
        about = For(random.randrange(1, 50), random.randrange(1, 5000))
        book.append(trade(f"T-{number}", seller, buyer, about, random.randrange(60)))
    cover = {**units(ann=40, ben=40, cat=40, dan=40), **cash(ann=900, ben=900, cat=900, dan=900)}

    results = [settle(random.sample(book, len(book)), cover) for _ in range(50)]

    assert results[0].removed
    assert results[0].kept
    assert all(each == results[0] for each in results)


@given(books(), covers(), st.sampled_from(Removal))
def test_what_is_left_is_covered_and_nothing_is_lost(
    book: list[Obligation], cover: dict[Line, int], removal: Removal
) -> None:
    """The invariants of a cycle: removed and settled are submitted, and nobody is short."""
    result = settle(book, cover, removal)

    gone = {each.trade.trade for each in result.removed}
    assert names(result.kept) | gone == {each.trade for each in book}
    assert not names(result.kept) & gone
    assert all(net + cover.get(line, 0) >= 0 for line, net in result.nets.items())
    assert settle(list(result.kept), cover, removal).removed == ()


@given(books(), covers(), st.sampled_from(Removal))
def test_a_trade_is_removed_only_while_a_member_that_owes_in_it_is_short(
    book: list[Obligation], cover: dict[Line, int], removal: Removal
) -> None:
    left = in_order_of_removal(book, removal)

    for each in settle(book, cover, removal).removed:
        nets = nets_of(due for other in left for due in other.dues)
        short = {line for line, net in nets.items() if net + cover.get(line, 0) < 0}
        concerned = [other for other in left if any(due.outgoing in short for due in other.dues)]
        assert each.line in short
        assert each.trade == concerned[0]
        left.remove(each.trade)


@given(books(), covers(), st.sampled_from(MEMBERS))
def test_what_a_default_leaves_others_to_pay_is_never_more_than_their_own_trades(
    book: list[Obligation], cover: dict[Line, int], defaulter: str
) -> None:
    """SS-94: removing trades makes nobody owe more than the trades it has made."""
    without = {line: has for line, has in cover.items() if line.member != defaulter}

    result = settle(book, without)

    gross: dict[Line, int] = {}
    for due in (due for each in book for due in each.dues):
        gross[due.outgoing] = gross.get(due.outgoing, 0) + due.quantity
    assert all(-net <= gross.get(line, 0) for line, net in result.nets.items())
    assert not any(net < 0 for line, net in result.nets.items() if line.member == defaulter)


# --- money that is committed to single trades ---


def test_what_is_committed_to_a_trade_pays_for_that_trade_only() -> None:
    """SS-96: an order's money is no cover for other trades."""
    book = [
        trade("T-1", "ben", "ann", For(amount=100), second=1),
        trade("T-2", "ben", "ann", For(amount=100), second=2),
    ]
    ann = Line(Kind.CASH, "USD", "ann")

    result = covered(
        in_order_of_removal(book, Removal.LATEST), units(ben=2), BOTH, {"T-2": (ann, 100)}
    )

    assert [each.trade.trade for each in result.removed] == ["T-1"]


@given(books(), covers(), st.data())
def test_with_committed_money_too_what_is_left_is_covered(
    book: list[Obligation], cover: dict[Line, int], data: st.DataObject
) -> None:
    backing = {}
    for each in book:
        (payment,) = each.of(Kind.CASH)
        committed = data.draw(st.integers(min_value=0, max_value=payment.quantity))
        backing[each.trade] = (payment.outgoing, committed)

    result = covered(in_order_of_removal(book, Removal.LATEST), cover, BOTH, backing)

    has = dict(cover)
    for each in result.kept:
        line, committed = backing[each.trade]
        has[line] = has.get(line, 0) + committed
    assert all(net + has.get(line, 0) >= 0 for line, net in result.nets.items())
