"""Cycles in which two currencies are due: each nets by itself; a trade leaves with all its legs.

Dollars are owed by one bank and euros by another. Nothing on the ledger knows a rate between them.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.contracts.money import SALT
from tests.unit.contracts.netting.books import BOTH, MEMBERS, books, covers, settled_gross
from tests.unit.contracts.netting.cleared import CLEARING, HOUR, SETTLEMENT, ClearedMarket

from tallystick.contracts.cash.models import CashAccount, CreditGrant, Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting.obligations import Due, Kind, Line, Obligation, nets_of
from tallystick.contracts.netting.removal import Removal, in_order_of_removal
from tallystick.contracts.netting.shortage import covered
from tallystick.contracts.participants import Participant
from tallystick.contracts.trades.terms import DvpModel, LegKind, TradeLeg

EURO_BANK = "EuroBankMSP"
BANKS = {"USD": Participant.BANK, "EUR": EURO_BANK}
MODELS = pytest.mark.parametrize("model", [DvpModel.NET_MONEY, DvpModel.NET])


class Deal(NamedTuple):
    """A sale of ACME; ``swapped`` is what the buyer gives in the other currency as well."""

    trade: str
    seller: str
    buyer: str
    amount: int
    cash: str
    swapped: int = 0
    quantity: int = 1


@pytest.fixture(scope="session")
def opened_in_two(opened_clearing: ClearedMarket) -> ClearedMarket:
    market = opened_clearing.fork()
    market.license(market.licence(EURO_BANK, "settlement-bank"))
    market.submit(EURO_BANK, Chaincode.CASH, "open_cash", "EUR", "EUR")
    for member in MEMBERS:
        market.issue(member, 20)
    return market


@pytest.fixture
def cleared(opened_in_two: ClearedMarket) -> ClearedMarket:
    return opened_in_two.fork()


def deposit(market: ClearedMarket, cash: str, holder: str, amount: int) -> None:
    market.submit(BANKS[cash], Chaincode.CASH, "deposit", cash, holder, amount)


def account(market: ClearedMarket, cash: str, holder: str) -> CashAccount:
    return market.evaluate(Chaincode.CASH, "account", cash, holder).load(CashAccount)


def money(market: ClearedMarket) -> dict[str, tuple[int, int]]:
    """Return the dollars and euros of members who have any."""
    found = {
        each: (account(market, "USD", each).amount, account(market, "EUR", each).amount)
        for each in MEMBERS
    }
    return {member: each for member, each in found.items() if any(each)}


def agree(market: ClearedMarket, deal: Deal, model: DvpModel) -> str:
    other = "USD" if deal.cash == "EUR" else "EUR"
    swap = TradeLeg(
        kind=LegKind.MONEY,
        asset=other,
        sender=deal.buyer,
        receiver=deal.seller,
        quantity=deal.swapped or 1,
    )
    terms = market.terms(deal.trade, quantity=deal.quantity, amount=deal.amount).model_copy(
        update={
            "seller": deal.seller,
            "buyer": deal.buyer,
            "cash": deal.cash,
            "legs": (swap,) if deal.swapped else (),
            "model": model,
        }
    )
    market.agree(terms)
    return deal.trade


def clear(
    market: ClearedMarket, deals: Sequence[Deal], model: DvpModel, *, collateral: bool = False
) -> None:
    """Settle trades in one cycle."""
    names = [agree(market, each, model) for each in deals]
    terms = market.cycle_terms(model=model)
    market.open_cycle(terms.model_copy(update={"draws_collateral": collateral}))
    market.accept(*names)
    market.settle_cycle()


def assert_conserved(market: ClearedMarket, **supply: int) -> None:
    """Assert that of each currency there is what there was, added up in two ways."""
    for cash, bank in BANKS.items():
        asked = (Chaincode.CASH, "reconciliation", cash)
        sums = market.submit(bank, *asked).load(Reconciliation)
        assert sums.holds, cash
        assert sums.supply - sums.lent == supply[cash]
    assert sum(market.units(each) for each in MEMBERS) == 20 * len(MEMBERS)


# --- nets ---


@MODELS
def test_each_currency_nets_by_itself(model: DvpModel, cleared: ClearedMarket) -> None:
    """SS-93: what comes in in euros is nothing for what is owed in dollars."""
    deposit(cleared, "USD", "ben", 30)
    deposit(cleared, "EUR", "ann", 20)
    deals = (
        Deal("T-1", "ann", "ben", 100, "USD"),
        Deal("T-2", "ben", "ann", 70, "USD"),
        Deal("T-3", "ann", "ben", 50, "EUR"),
        Deal("T-4", "ben", "ann", 70, "EUR"),
    )

    clear(cleared, deals, model)

    assert cleared.dropped() == {}
    assert money(cleared) == {"ann": (30, 0), "ben": (0, 20)}
    cash = [each for each in cleared.report().assets if each.kind is Kind.CASH]
    assert [(each.asset, each.gross, each.net, each.transfers) for each in cash] == [
        ("EUR", 120, 20, 1),
        ("USD", 170, 30, 1),
    ]
    assert_conserved(cleared, USD=30, EUR=20)


CHAIN = (
    Deal("T-1", "ben", "ann", 100, "EUR"),
    Deal("T-2", "cat", "ben", 50, "USD", swapped=100),
    Deal("T-3", "dan", "cat", 50, "USD"),
    Deal("T-4", "dan", "ann", 10, "USD"),
)
"""Ben gives cat the euros that ann gives him, with dollars that cat needs for dan's."""


@MODELS
@pytest.mark.parametrize(
    ("euros", "dropped", "left"),
    [
        pytest.param(
            100, (), {"cat": (0, 100), "dan": (60, 0)}, id="nobody is short: all of it settles"
        ),
        pytest.param(
            99,
            ("T-1", "T-2", "T-3"),
            {"ann": (0, 99), "ben": (50, 0), "dan": (10, 0)},
            id="a cent of euros is missing: trades in dollars leave as well",
        ),
    ],
)
def test_a_shortage_in_one_currency_goes_on_in_the_other_where_trades_bind_them(
    model: DvpModel,
    euros: int,
    dropped: tuple[str, ...],
    left: dict[str, tuple[int, int]],
    cleared: ClearedMarket,
) -> None:
    """SS-93, SS-94: and no further; what is due in dollars alone settles."""
    deposit(cleared, "EUR", "ann", euros)
    deposit(cleared, "USD", "ann", 10)
    deposit(cleared, "USD", "ben", 50)

    clear(cleared, CHAIN, model)

    assert cleared.dropped() == dict.fromkeys(dropped, ("COVER_MISSING",))
    assert money(cleared) == left
    assert_conserved(cleared, USD=60, EUR=euros)


@MODELS
@pytest.mark.parametrize("means", ["money", "credit", "collateral"])
@pytest.mark.parametrize(("cash", "other"), [("USD", "EUR"), ("EUR", "USD")])
def test_what_a_member_has_in_one_currency_covers_nothing_in_the_other(
    model: DvpModel, means: str, cash: str, other: str, cleared: ClearedMarket
) -> None:
    """SS-94, SS-95: money, debt caps and collateral alike."""
    provide(cleared, means, other)
    deals = (Deal("T-1", "ann", "ben", 100, cash), Deal("T-2", "ann", "ben", 100, other))

    clear(cleared, deals, model, collateral=True)

    assert cleared.dropped() == {"T-1": ("COVER_MISSING",)}
    assert cleared.units("ben") == 21
    assert account(cleared, other, "ann").amount == 100
    position = next(each for each in cleared.report().positions if each.net == -100)
    used = {"money": 0, "credit": position.credit, "collateral": position.collateral}
    assert (position.asset, used[means]) == (other, 0 if means == "money" else 100)


def provide(market: ClearedMarket, means: str, cash: str) -> None:
    """Give ben 100 of a currency by some means."""
    if means == "credit":
        until = market.after(24 * HOUR)
        grant = CreditGrant(cash=cash, holder="ben", cap=100, valid_until=until, salt=SALT)
        market.submit(BANKS[cash], Chaincode.CASH, "grant_credit", credit=grant)
        return
    deposit(market, cash, "ben", 100)
    if means == "collateral":
        market.pledge("ben", 100, cash)


def test_a_member_in_default_loses_trades_in_both_currencies(cleared: ClearedMarket) -> None:
    """SS-94: but for what it has pledged in each."""
    for cash in BANKS:
        deposit(cleared, cash, "ben", 500)
    cleared.pledge("ben", 100, "EUR")
    cleared.submit(CLEARING, SETTLEMENT, "declare_default", default=cleared.notice("ben"))
    deals = (Deal("T-1", "ann", "ben", 100, "USD"), Deal("T-2", "ann", "ben", 100, "EUR"))

    clear(cleared, deals, DvpModel.NET, collateral=True)

    assert cleared.dropped() == {"T-1": ("MEMBER_IN_DEFAULT",)}
    assert money(cleared) == {"ann": (0, 100), "ben": (500, 400)}
    assert_conserved(cleared, USD=500, EUR=500)


# --- any book ---

deals = st.tuples(
    st.permutations(MEMBERS), st.integers(1, 4), st.sampled_from(("USD", "EUR")), st.integers(0, 9)
)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.lists(deals, min_size=1, max_size=5))
def test_gross_and_net_leave_the_same_of_every_currency(
    opened_in_two: ClearedMarket, drawn: list[tuple[list[str], int, str, int]]
) -> None:
    """SS-93, SS-89: post-net balances are post-gross balances, and nothing is made or lost."""
    funded = opened_in_two.fork()
    for member in MEMBERS:
        for cash in BANKS:
            deposit(funded, cash, member, 500)
    book = [
        Deal(f"T-{number}", seller, buyer, 11 * size, cash, swapped, size)
        for number, ((seller, buyer, *_), size, cash, swapped) in enumerate(drawn)
    ]
    after = []
    for model in (DvpModel.GROSS, DvpModel.NET_MONEY, DvpModel.NET):
        market = funded.fork()
        if model is DvpModel.GROSS:
            for name in [agree(market, each, model) for each in book]:
                market.lock(name)
                market.settle(name)
        else:
            clear(market, book, model)
        assert_conserved(market, USD=2_000, EUR=2_000)
        after.append((money(market), [market.units(each) for each in MEMBERS]))

    assert after[0] == after[1] == after[2]


def in_two(book: Sequence[Obligation]) -> list[Obligation]:
    """Return a book of which every other trade is paid in euros, and every third in both."""
    return [_paid_in(trade, number) for number, trade in enumerate(book)]


def _paid_in(trade: Obligation, number: int) -> Obligation:
    units, paid = trade.dues
    euros = paid.model_copy(update={"asset": "EUR"})
    dues: tuple[Due, ...] = (units, euros if number % 2 else paid)
    if number % 3 == 0:
        dues = (units, paid, euros)
    return trade.model_copy(update={"dues": dues})


def both_covers() -> st.SearchStrategy[dict[Line, int]]:
    """Draw what members have, of units and of both currencies."""
    return st.tuples(covers(), covers()).map(
        lambda drawn: {
            **drawn[0],
            **{
                line._replace(asset="EUR"): each
                for line, each in drawn[1].items()
                if line.kind is Kind.CASH
            },
        }
    )


@given(books().map(in_two), both_covers(), st.sampled_from(Removal), st.randoms())
def test_of_any_book_in_two_currencies_what_is_left_is_covered_in_each(
    book: list[Obligation], cover: dict[Line, int], removal: Removal, random: Random
) -> None:
    """SS-93: nets of each currency add up to zero; the result knows no order of the input."""
    result = covered(in_order_of_removal(book, removal), cover, BOTH)

    assert {*result.kept}.isdisjoint(each.trade for each in result.removed)
    assert len(result.kept) + len(result.removed) == len(book)
    for asset in ("USD", "EUR"):
        assert sum(net for line, net in result.nets.items() if line.asset == asset) == 0
    assert all(cover.get(line, 0) + net >= 0 for line, net in result.nets.items())
    assert result.nets == nets_of(due for each in result.kept for due in each.dues)
    assert settled_gross({}, result.kept) == result.nets
    random.shuffle(book)
    assert covered(in_order_of_removal(book, removal), cover, BOTH) == result
