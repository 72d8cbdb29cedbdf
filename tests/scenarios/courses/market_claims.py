"""Trades over a record date: entitlement moves from one side to the other, and money follows it.

What moves at one height:

- a claim is open, and so much of its giver's entitlement waits;
- a claim is settled, its giver is entitled for fewer units, its taker for as many more, and nothing
  of it waits; a reverse claim, or one of a trade that is settled already, does not wait before;
- a claim is dropped, and what waited is the giver's again;
- a holder is noted as paid for so many units, and has the money for them out of the payer's.

Between the settlement of a trade and that of its claim lie heights at which the units have gone
over, and what they brought has not: it waits there, and neither side can be paid with it.
"""

from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses.acting import DAY, HOUR, P, endow, pay, settle
from tests.scenarios.courses.claiming import (
    CLAIMED,
    DIVIDEND,
    ENTITLED,
    MOVES,
    PAYER,
    PRICE,
    acts_of_dividend,
    claim,
    deliver,
    enter,
    having_of,
    how_far,
    paid_for,
    resolve,
    supply,
    trade,
)
from tests.scenarios.height_rows import entitlement_of, market_claim_of, settled_trades
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine, refused

from tallystick.contracts.actions.models import ClaimStatus
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

UNITS = {"alice": 100, "carol": 50, "dan": 10}
MONEY = {"bob": 1_000, PAYER: 5_000}
TRADES = {
    "T-1": ("alice", 40),
    "T-2": ("alice", 20),
    "T-3": ("carol", 30),
    "T-4": ("dan", 10),
}
"""By name seller and units; bob buys. Only the last is traded ex, and settled in time."""

DROPPED = "T-2"
AT_RECORD_DATE = {"alice": 100, "carol": 50, "bob": 10}
PAID_FOR = {"alice": (60,), "bob": (30, 70), "carol": (20,), "dan": (10,)}
"""For how many units in all each holder has been paid, after each payment."""


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let trades be open over a record date, and settle, and end without delivery."""
    market = await opened_at_nine(network)
    await market.onboard(*UNITS, *MONEY)
    await endow(market, units=UNITS, money=MONEY)
    for name in ("T-1", "T-2", "T-3"):
        await agree_on(market, name)
    network.clock.stand_still(START + DAY)
    await agree_on(market, "T-4")
    await deliver(market, "T-4")
    await enter(market, network, AT_RECORD_DATE)
    await bring_over(market, network)


async def agree_on(market: Market, name: str) -> None:
    seller, quantity = TRADES[name]
    await trade(market, name, quantity, seller=seller)


async def bring_over(market: Market, network: LocalNetwork) -> None:
    """Raise a claim of each trade, and resolve those that wait; pay in pages between."""
    for name in ("T-1", "T-2"):
        await claim(market, name)
    await deliver(market, "T-3")
    for name in ("T-3", "T-4"):
        await claim(market, name)
    network.clock.stand_still(market.now() + HOUR)
    await pay(market, DIVIDEND, "bob", "carol")
    assert await refused(lambda: pay(market, DIVIDEND, "alice")) == "ENTITLEMENT_CLAIMED"
    await deliver(market, "T-1")
    await settle(market, P.ATS, "cancel", DROPPED, "an error")
    for name in ("T-1", DROPPED):
        await resolve(market, name)
    await pay(market, DIVIDEND, "alice", "bob", "dan")


# --- what must be so ---


def acts_of_trades() -> dict[str, Holdings]:
    """Return what moves with each trade, as its claim waits, and as it is settled."""
    acts = {}
    for name, (seller, units) in TRADES.items():
        is_reverse = name == "T-4"
        worth = -units if is_reverse else units
        acts[name] = holdings(
            {SECURITY: {seller: -units, "bob": units}, CASH: {seller: PRICE, "bob": -PRICE}}
        )
        acts[f"{name} waits"] = holdings({CLAIMED: {seller: units}})
        acts[f"{name} claimed"] = holdings({ENTITLED: {seller: -worth, "bob": worth}})
    return acts


def acts_of_payments() -> dict[str, Holdings]:
    """Return what moves with each payment."""
    return {
        f"{holder} for {units}": paid_for(holder, units - before)
        for holder, paid in PAID_FOR.items()
        for before, units in zip((0, *paid), paid, strict=False)
    }


def happened(state: StateView) -> set[str]:
    """Return how trades, their claims and the action stand, and for what holders are paid."""
    done = settled_trades(state) | how_far(state)
    for name in TRADES:
        row = market_claim_of(state, DIVIDEND, name)
        if row is not None and row.status is not ClaimStatus.DROPPED:
            done.add(f"{name} {'waits' if row.status is ClaimStatus.OPEN else 'claimed'}")
    for holder, paid in PAID_FOR.items():
        entitlement = entitlement_of(state, DIVIDEND, holder)
        so_far = 0 if entitlement is None else entitlement.paid_units
        done |= {f"{holder} for {units}" for units in paid if units <= so_far}
    return done


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts_of_trades() | acts_of_dividend(AT_RECORD_DATE) | acts_of_payments(),
    holdings=having_of(*UNITS, *MONEY),
    happened=happened,
    supply=supply,
    moves=MOVES,
    steps=[
        {"T-4"},
        {"entered"},
        {"funded"},
        {"T-1 waits"},
        {"T-2 waits"},
        {"T-3"},
        {"T-3 claimed"},
        {"T-4 claimed"},
        {"bob for 30", "carol for 20"},
        {"T-1"},
        {"T-1 waits", "T-1 claimed"},
        {"T-2 waits"},
        {"alice for 60", "bob for 70", "dan for 10"},
    ],
)
