"""Orders of alice to sell 600 of her 1,000 units, and trades with bob that fill 250 of them.

What an order wants is committed, and what a trade has filled until it is locked.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from unittest.mock import patch

from tests.unit.contracts.discipline.stage import agree
from tests.unit.contracts.ends.ending import IN_ORDERS, Amounts, Scene, amounts, holdings
from tests.unit.contracts.ends.hindered import SIGNED, Kind, Way, anybody, without
from tests.unit.contracts.netting.cleared import ClearedMarket
from tests.unit.contracts.trades import orders
from tests.unit.contracts.trades.stage import (
    A_DAY,
    P,
    cancel,
    fail,
    withdraw,
)

from tallystick.chaincode import split_composite_key
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting import lifecycle
from tallystick.contracts.orders.permits import PERMIT_LIFE_S
from tallystick.contracts.statements import CancelTrade, SplitTrade
from tallystick.contracts.trades.terms import DvpModel

Act = Callable[[ClearedMarket], object]
SETTLEMENT = Chaincode.SETTLEMENT
ORDERED, FILLED, MONEY = 600, 250, 50_000
PRICE = 500
"""Of what is filled."""


@cache
def staged() -> ClearedMarket:
    """Return a market where alice has units and bob has money."""
    market = ClearedMarket()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.deposit("bob", MONEY)
    return market


@cache
def after(*acts: Act) -> Scene[ClearedMarket]:
    """Return a market after some acts."""
    market = staged().fork()
    had = holdings(market)
    for act in acts:
        act(market)
    return Scene(market, had)


def place(market: ClearedMarket) -> None:
    """Let alice place her order."""
    orders.place(market, orders.an_order(market, quantity=ORDERED))


def fill(market: ClearedMarket, model: DvpModel = DvpModel.GROSS) -> None:
    """Fill a part of it by a trade on which both have agreed."""
    terms = orders.filling(market, FILLED)
    market.agree(terms.model_copy(update={"model": model}))


def net(market: ClearedMarket) -> None:
    """Take the trade into a cycle that keeps nothing that leaves it."""
    market.open_cycle(market.cycle_terms().model_copy(update={"keeps_dropped": False}))
    market.accept("T-1")


def part(market: ClearedMarket) -> None:
    """Let both sides agree that a part of the trade is a trade of its own."""
    for side in ("seller", "buyer"):
        agree(market, side, SplitTrade(part="T-1a", quantity=100))


def cancel_cycle_of_many(market: ClearedMarket) -> None:
    """End the cycle as one that is too large to write the rows of its trades at once."""
    with patch.object(lifecycle, "MAX_ENDED", 0):
        market.submit(P.REGULATOR, SETTLEMENT, "cancel_cycle", "C-1", "an error")


# --- ways ---


def holder_withdraws(market: ClearedMarket) -> None:
    """End the order as its holder."""
    orders.withdraw(market, orders.an_order(market), by=P.ISSUER)


def venue_withdraws(market: ClearedMarket) -> None:
    """End the order as its venue."""
    orders.withdraw(market, orders.an_order(market), by=P.ATS)


def seller_leaves(market: ClearedMarket) -> None:
    """End order and trade as the seller."""
    holder_withdraws(market)
    withdraw(market)


def venue_cancels(market: ClearedMarket) -> None:
    """End order and trade as the venue."""
    venue_withdraws(market)
    cancel(market)


def venue_cancels_parts(market: ClearedMarket) -> None:
    """End the order and both parts of the trade as the venue."""
    venue_cancels(market)
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1a", "an error")


def sides_agree_to_cancel(market: ClearedMarket) -> None:
    """End the trade as both sides agree, and the order as its holder."""
    for side in ("seller", "buyer"):
        agree(market, side, CancelTrade())
    holder_withdraws(market)


def end_batches(market: ClearedMarket) -> None:
    """Let the trades of the cycle say what became of them, and end the order as its holder."""
    rows = map(split_composite_key, market.ledger.world.rows_of(SETTLEMENT).values)
    for batch in [parts[1] for kind, parts in rows if kind == "batch"]:
        market.submit(P.ISSUER, SETTLEMENT, "end_batch", "C-1", batch)
    holder_withdraws(market)


def let_it_expire(market: ClearedMarket) -> None:
    """Let the day be over, and the minute in which a trade may yet arrive."""
    market.ledger.advance(A_DAY + timedelta(seconds=PERMIT_LIFE_S))


def expire(market: ClearedMarket) -> None:
    """Let the day be over, and end the trade."""
    let_it_expire(market)
    market.submit(P.ISSUER, SETTLEMENT, "expire", "T-1")


def cancel_cycle(market: ClearedMarket, *, by: str) -> None:
    """End the cycle without settling anything, and the order as its holder."""
    market.submit(by, SETTLEMENT, "cancel_cycle", "C-1", "an error")
    holder_withdraws(market)


def _in_orders(units: int) -> Amounts:
    return amounts(IN_ORDERS, alice=units)


LOCKED = amounts("ACME", alice=FILLED) + amounts("USD", bob=PRICE) + _in_orders(ORDERED - FILLED)
VENUE = Way(venue_cancels, without(P.ATS))
SIDES = ("alice", "bob")

KINDS: dict[str, Kind[ClearedMarket]] = {
    "an order": Kind(
        partial(after, place),
        ("alice",),
        _in_orders(ORDERED),
        {
            "its holder withdraws it": Way(holder_withdraws, anybody(SIGNED)),
            "its venue withdraws it": Way(venue_withdraws, without(P.ATS)),
            "it expires": Way(let_it_expire),
        },
    ),
    "an order and a trade that fills it": Kind(
        partial(after, place, fill),
        SIDES,
        _in_orders(ORDERED),
        {
            "their holder leaves both": Way(seller_leaves, anybody(SIGNED)),
            "their venue ends both": VENUE,
            "they expire": Way(let_it_expire),
        },
    ),
    "an order and a trade that is locked": Kind(
        partial(after, place, fill, ClearedMarket.lock),
        SIDES,
        LOCKED,
        {
            "their venue ends both": VENUE,
            "both sides agree to end it": Way(
                sides_agree_to_cancel, without(P.BROKER_DEALER, P.ISSUER, also=SIGNED)
            ),
            "they expire": Way(expire, anybody()),
        },
    ),
    "an order and the parts of a trade": Kind(
        partial(after, place, fill, part),
        SIDES,
        _in_orders(ORDERED),
        {
            "their venue ends all": Way(venue_cancels_parts, without(P.ATS)),
            "they expire": Way(let_it_expire),
        },
    ),
    "an order and a trade that fails": Kind(
        partial(after, place, fill, ClearedMarket.lock, fail),
        SIDES,
        LOCKED,
        {"their venue ends both": VENUE, "they expire": Way(expire, anybody())},
    ),
    "an order and a trade in a cycle": Kind(
        partial(after, place, partial(fill, model=DvpModel.NET), net),
        SIDES,
        _in_orders(ORDERED),
        {
            "who clears cancels the cycle": Way(
                partial(cancel_cycle, by=P.CLEARING), without(P.ISSUER, P.CLEARING, also=SIGNED)
            ),
            "the regulator cancels the cycle": Way(
                partial(cancel_cycle, by=P.REGULATOR), anybody(SIGNED)
            ),
            "they expire": Way(let_it_expire),
        },
    ),
    "an order and a trade whose cycle has ended": Kind(
        partial(after, place, partial(fill, model=DvpModel.NET), net, cancel_cycle_of_many),
        SIDES,
        _in_orders(ORDERED),
        {
            "anybody ends its batch": Way(end_batches, anybody(SIGNED)),
            "they expire": Way(let_it_expire),
        },
    ),
}
