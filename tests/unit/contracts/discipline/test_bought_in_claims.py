"""Market claims of trades that are bought in: the buyer gets what an action gives, just once."""

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.contracts.actions_stage import (
    announce,
    confirm,
    dividend,
    enter,
    entitled,
    given,
    open_payer,
    raise_claim,
    resolve_claim,
)
from tests.unit.contracts.acts import refused
from tests.unit.contracts.discipline.stage import (
    AMOUNT,
    SETTLEMENT,
    P,
    agree,
    call,
    compensate,
    give_up,
    go_to,
    matched,
    note,
    row,
    terms,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.models import DueClaims, MarketClaim
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.statements import SplitTrade
from tallystick.contracts.testing import Market

CALLED = "2026-04-09T21:00:00Z"
BOUGHT = "2026-04-10T01:00:00Z"
"""When the replacement is traded: its trade day is 10 April. It settles from 14:30Z on."""

SETTLED = "2026-04-10T15:00:00Z"
TRADES = ("T-1", "T-2")
HELD = {"alice": 1000, "carol": 1000}


class Dates(NamedTuple):
    """Of an action: the ex day, and the record date."""

    ex_day: str
    record_at: str


@pytest.fixture(scope="module")
def traded(prepared_market: Market) -> Market:
    """Alice has sold 100 to bob on 2 April and will not deliver; carol has as many as she."""
    market = prepared_market.fork()
    open_payer(market)
    market.onboard("carol")
    market.issue("carol", 1000)
    matched(market)
    return market


def announced(market: Market, dates: Dates) -> None:
    """Announce a dividend, on 2 April."""
    paid = given(market, payable_at="2026-05-01T00:00:00Z", claims_until="2026-06-01T00:00:00Z")
    action = dividend(market, **dates._asdict(), distribution=paid)
    announce(market, action)
    confirm(market, action.action)


def called(market: Market) -> None:
    """Let a buy-in be called, once the seller has failed for four business days."""
    go_to(market, CALLED)
    note(market, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller")
    call(market)


def bought_in(market: Market) -> None:
    """Let bob buy the same from carol on 10 April; then the trade has ended."""
    go_to(market, BOUGHT)
    day = {"cycle": 0, "settlement_day": "2026-04-10"}
    market.agree(terms(market, "T-2", seller="carol", amount=AMOUNT, **day))
    go_to(market, SETTLED)
    market.lock("T-2")
    market.settle("T-2")
    market.submit(P.BROKER_DEALER, SETTLEMENT, "execute_buy_in", "T-1", "T-2")


def entered(market: Market) -> None:
    """Let the record date be sealed, and everybody entered who held then."""
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME")
    enter(market, "alice", "bob", "carol")


def due(market: Market) -> tuple[str, ...]:
    found = market.submit(P.CLEARING, SETTLEMENT, "due_market_claims", "D-1")
    return found.load(DueClaims).trades


def status_of(market: Market, trade: str = "T-1") -> str:
    found = market.submit(P.CLEARING, SETTLEMENT, "market_claim", "D-1", trade)
    return found.load(MarketClaim).status


def units(market: Market) -> list[int]:
    """Return for how many units alice, bob and carol get the dividend."""
    return [entitled(market, each).units for each in ("alice", "bob", "carol")]


@pytest.mark.parametrize(
    ("dates", "claims", "expected"),
    [
        pytest.param(
            Dates("2026-04-08", "2026-04-09T00:00:00Z"),
            ("T-1",),
            [900, 100, 1000],
            id="the replacement was bought ex, after the record date: alice owes",
        ),
        pytest.param(
            Dates("2026-04-10", "2026-04-10T20:00:00Z"),
            ("T-1", "T-2"),
            [900, 100, 1000],
            id="bought ex, and settled before the record date: alice owes bob, and bob carol",
        ),
        pytest.param(
            Dates("2026-04-11", "2026-04-10T12:00:00Z"),
            ("T-2",),
            [1000, 100, 900],
            id="bought cum, and open over the record date: carol owes by the replacement",
        ),
        pytest.param(
            Dates("2026-04-11", "2026-04-10T20:00:00Z"),
            (),
            [1000, 100, 900],
            id="bought cum, and settled before the record date: bob was on the register",
        ),
        pytest.param(
            Dates("2026-04-02", "2026-04-09T00:00:00Z"),
            (),
            [1000, 0, 1000],
            id="both traded ex: the buyer is owed nothing",
        ),
    ],
)
def test_of_a_trade_and_its_replacement_one_brings_what_the_buyer_is_owed(
    dates: Dates, claims: tuple[str, ...], expected: list[int], traded: Market
) -> None:
    """W30, W12: no claim is lost, and none is settled twice."""
    market = traded.fork()
    announced(market, dates)
    called(market)
    bought_in(market)
    go_to(market, "2026-04-11T00:00:00Z")
    entered(market)

    assert due(market) == claims
    for trade in claims:
        raise_claim(market, trade)
    assert [status_of(market, each) for each in claims] == ["settled"] * len(claims)
    assert due(market) == ()
    assert units(market) == expected


@pytest.mark.parametrize(
    ("ex_day", "status", "expected"),
    [
        pytest.param("2026-04-10", "settled", [900, 100, 1000], id="bought ex: it outlives"),
        pytest.param("2026-04-11", "dropped", [1000, 0, 1000], id="bought cum: it is dropped"),
    ],
)
def test_an_open_claim_is_resolved_as_the_buy_in_has_left_it(
    ex_day: str, status: str, expected: list[int], traded: Market
) -> None:
    """W30: raised while nobody knew that the trade would be bought in."""
    market = traded.fork()
    announced(market, Dates(ex_day, "2026-04-09T00:00:00Z"))
    called(market)
    entered(market)
    raise_claim(market)
    assert refused(resolve_claim, market) == "MARKET_CLAIM_OPEN"
    bought_in(market)
    resolve_claim(market)

    assert (status_of(market), units(market)) == (status, expected)
    if status == "dropped":  # then the replacement brings its own
        raise_claim(market, "T-2")
        assert units(market) == [1000, 100, 900]
    assert due(market) == ()
    assert unresolved(market, "T-1") == "MARKET_CLAIM_OVER"


def test_a_trade_that_ends_with_money_for_its_value_drops_its_claim(traded: Market) -> None:
    """W30: what the units were worth with the dividend, clearing finds."""
    market = traded.fork()
    announced(market, Dates("2026-04-08", "2026-04-09T00:00:00Z"))
    called(market)
    entered(market)
    raise_claim(market)
    give_up(market)
    compensate(market)
    resolve_claim(market)

    assert (row(market).status, status_of(market)) == ("cancelled", "dropped")
    assert units(market) == [1000, 0, 1000]


def test_a_claim_is_lowered_when_a_part_of_its_trade_is_a_trade_of_its_own(traded: Market) -> None:
    """W30, F139: the part has its own claim, for which there is enough then."""
    market = traded.fork()
    announced(market, Dates("2026-04-08", "2026-04-06T00:00:00Z"))
    go_to(market, "2026-04-06T00:00:00Z")
    entered(market)
    raise_claim(market)
    assert refused(raise_claim, market) == "MARKET_CLAIM_EXISTS"
    for side in ("seller", "buyer"):
        agree(market, side, SplitTrade(part="T-1.1", quantity=40))
    raise_claim(market)
    raise_claim(market, "T-1.1")

    assert entitled(market, "alice").claimed == 100
    assert refused(raise_claim, market) == "MARKET_CLAIM_EXISTS"


days = st.integers(min_value=0, max_value=12)


@settings(max_examples=20, deadline=None)
@for_all(ex=days, record=st.integers(0, 24 * 12), is_raised_early=st.booleans())
def test_entitlement_is_neither_made_nor_lost_whatever_the_dates(
    traded: Market, ex: int, record: int, *, is_raised_early: bool
) -> None:
    """W30, W12: bob is owed once if he bought before the ex day, and else not at all."""
    market = traded.fork()
    start = datetime.fromisoformat("2026-04-02T16:00:00Z")
    ex_day = (start + timedelta(days=ex)).date().isoformat()
    record_at = start + timedelta(hours=record)
    announced(market, Dates(ex_day, record_at.isoformat().replace("+00:00", "Z")))
    called(market)
    if is_raised_early and record_at <= market.ledger.now:
        entered(market)
        for trade in due(market):
            raise_claim(market, trade)
    bought_in(market)
    go_to(market, "2026-04-20T00:00:00Z")
    if not is_raised_early or record_at > datetime.fromisoformat(CALLED):
        entered(market)
    for trade in due(market):
        raise_claim(market, trade)
    for trade in TRADES:
        assert unresolved(market, trade) in {"", "MARKET_CLAIM_UNKNOWN", "MARKET_CLAIM_OVER"}

    assert sum(units(market)) == sum(HELD.values())
    assert entitled(market, "bob").units == (100 if ex > 0 else 0)
    assert [entitled(market, each).claimed for each in HELD] == [0, 0]


def unresolved(market: Market, trade: str) -> str:
    """Resolve the claim of a trade if there is one; return why it was not."""
    try:
        resolve_claim(market, trade)
    except Refusal as refusal:
        return refusal.code
    return ""
