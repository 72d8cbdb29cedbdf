"""Market claims of trades of several legs, whose lines are hindered, tried again, and made up for.

What moves at one height:

- a line of a claim waits, is settled, or is dropped, as a claim of one line does;
- lines that are hindered move nothing, and hold up no other line of their claim: each is tried
  again, and moves once its giver has what it owes;
- what somebody gets by one line and gives by another counts as one.

A claim moves entitlement and no money. So a giver who has no money left, or whose units are frozen
or stopped since, owes and gives all the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses.acting import DAY, HOUR, P, endow, pay, settle
from tests.scenarios.courses.claiming import (
    CLAIMED,
    DIVIDEND,
    EACH,
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
from tests.scenarios.height_rows import is_paid, market_claim_of, settled_trades
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine, refused

from tallystick.contracts.actions.models import ClaimStatus
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import Basis, LedgerEvent, MoneyTransferred
from tallystick.contracts.trades.terms import LegKind, TradeLeg
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

UNITS = {"alice": 100, "carol": 50, "dan": 30}
MONEY = {"bob": 1_000, "carol": 100, "dan": 100, PAYER: sum(UNITS.values()) * EACH}

LEGS: Mapping[str, tuple[tuple[str, str, int], ...]] = {
    "T-1": (("alice", "bob", 40), ("carol", "bob", 20)),
    "T-2": (("alice", "bob", 50),),
    "T-3": (("alice", "dan", 30),),
    "T-4": (("dan", "carol", 20),),
    "T-5": (("dan", "bob", 10), ("bob", "dan", 4)),
}
"""Of each trade the legs of units: sender, receiver, units. The first is its seller and buyer."""

DROPPED = "T-3"
PAID_FOR = {"carol": 50, "alice": 10, "bob": 116, "dan": 4}
"""For how many units each holder is paid in the end, and at once."""


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let five trades be open over a record date; alice has promised more than she can give."""
    market = await opened_at_nine(network)
    await market.onboard(*UNITS, "bob", PAYER)
    await endow(market, units=UNITS, money=MONEY)
    for name in LEGS:
        await agree_on(market, name)
    network.clock.stand_still(START + DAY)
    await enter(market, network, UNITS)
    network.clock.stand_still(market.now() + HOUR)
    await pay(market, DIVIDEND, "carol")
    await hinder(market)
    await settle_in_spite_of_a_freeze(market)
    await make_up(market)
    await count_as_one(market)
    await pay(market, DIVIDEND, "alice", "bob", "dan")


async def agree_on(market: Market, name: str) -> None:
    """Agree on a trade of several legs."""
    (seller, buyer, quantity), *further = LEGS[name]
    legs = tuple(
        TradeLeg(
            kind=LegKind.UNITS, asset=SECURITY, sender=sender, receiver=receiver, quantity=units
        )
        for sender, receiver, units in further
    )
    await trade(market, name, quantity, seller=seller, buyer=buyer, legs=legs)


async def hinder(market: Market) -> None:
    """Raise claims: carol has been paid, and alice has too little for all, until a trade ends."""
    for name in ("T-1", "T-3", "T-2"):
        await claim(market, name)
    assert await refused(lambda: claim(market, "T-1")) == "ENTITLEMENT_PAID"
    assert await refused(lambda: claim(market, "T-2")) == "MARKET_CLAIM_UNCOVERED"
    await settle(market, P.ATS, "cancel", DROPPED, "an error")
    await resolve(market, DROPPED)
    await claim(market, "T-2")


async def settle_in_spite_of_a_freeze(market: Market) -> None:
    """Settle claims of alice, whose units are frozen and whose security is paused by then."""
    for name in ("T-1", "T-2"):
        await deliver(market, name)
    await market.submit(P.BANK, Chaincode.CASH, "withdraw", CASH, "alice", 2 * PRICE)
    trustee = (P.TRANSFER_AGENT, Chaincode.TOKEN)
    await market.submit(*trustee, "freeze", SECURITY, "alice", "a court")
    await market.submit(*trustee, "pause", SECURITY, "a court")
    for name in ("T-1", "T-2"):
        await resolve(market, name)
    await market.submit(*trustee, "resume", SECURITY)
    await market.submit(*trustee, "unfreeze", SECURITY, "alice")


async def make_up(market: Market) -> None:
    """Let carol have by one claim what she owes by another, for which she was paid already."""
    await deliver(market, "T-4")
    assert await refused(lambda: resolve(market, "T-1")) == "ENTITLEMENT_PAID"
    await claim(market, "T-4")
    await resolve(market, "T-1")


async def count_as_one(market: Market) -> None:
    """Let dan give by one leg more than he gets by the other."""
    await claim(market, "T-5")
    await deliver(market, "T-5")
    await resolve(market, "T-5")


# --- what must be so ---


def lines() -> Iterator[tuple[str, str, str, int]]:
    """Yield the lines of all claims: leg, giver, taker, units."""
    for name, legs in LEGS.items():
        for number, (sender, receiver, units) in enumerate(legs):
            yield f"{name}@{number}", sender, receiver, units


def acts_of_trades() -> dict[str, Holdings]:
    """Return what moves with each trade that is delivered: all its legs, and its price."""
    acts = {}
    for name, legs in LEGS.items():
        seller, buyer, _ = legs[0]
        moved: Counter[str] = Counter()
        for sender, receiver, units in legs:
            moved.update({sender: -units, receiver: units})
        acts[name] = holdings({SECURITY: moved, CASH: {seller: PRICE, buyer: -PRICE}})
    return acts


def acts_of_claims() -> dict[str, Holdings]:
    """Return what moves with each line: as it is hindered nothing, as it waits, as it settles.

    What waits is what a holder gives by all lines, less what it gets by them.
    """
    acts: dict[str, Holdings] = {}
    for leg, giver, taker, units in lines():
        counted = {taker: -units} if leg == "T-5@1" else {giver: units}
        acts[f"{leg} hindered"] = Counter()
        acts[f"{leg} waits"] = holdings({CLAIMED: counted})
        acts[f"{leg} claimed"] = holdings({ENTITLED: {giver: -units, taker: units}})
    return acts


def acts_of_money() -> dict[str, Holdings]:
    """Return what moves as each holder is paid, and as alice takes her proceeds away."""
    paid = {f"{holder} paid": paid_for(holder, units) for holder, units in PAID_FOR.items()}
    return paid | {"withdrawn": holdings({CASH: {"alice": -2 * PRICE}})}


WORDS = {
    ClaimStatus.OPEN: "waits",
    ClaimStatus.HINDERED: "hindered",
    ClaimStatus.SETTLED: "claimed",
}


def happened(state: StateView) -> set[str]:
    """Return how trades, the lines of their claims and the action stand, and who is paid."""
    done = settled_trades(state) | how_far(state)
    for name in LEGS:
        row = market_claim_of(state, DIVIDEND, name)
        known = () if row is None else row.lines
        done |= {f"{each.leg} {WORDS[each.status]}" for each in known if each.status in WORDS}
    return done | {f"{each} paid" for each in PAID_FOR if is_paid(state, DIVIDEND, each)}


def told(event: LedgerEvent) -> set[str]:
    """Return whether an event tells that alice's proceeds are gone."""
    is_so = isinstance(event, MoneyTransferred) and event.basis is Basis.REDEMPTION
    return {"withdrawn"} if is_so else set()


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts_of_trades() | acts_of_claims() | acts_of_dividend(UNITS) | acts_of_money(),
    holdings=having_of(*UNITS, "bob"),
    happened=happened,
    told=told,
    supply=supply,
    moves=MOVES | {"cash.withdraw"},
    steps=[
        {"entered"},
        {"funded"},
        {"carol paid"},
        {"T-1@0 waits", "T-1@1 hindered"},
        {"T-3@0 waits"},
        {"T-2@0 hindered"},
        {"T-3@0 waits"},
        {"T-2@0 hindered", "T-2@0 waits"},
        {"T-1"},
        {"T-2"},
        {"withdrawn"},
        {"T-1@0 waits", "T-1@0 claimed"},
        {"T-2@0 waits", "T-2@0 claimed"},
        {"T-4"},
        {"T-4@0 claimed"},
        {"T-1@1 hindered", "T-1@1 claimed"},
        {"T-5@0 waits", "T-5@1 waits"},
        {"T-5"},
        {"T-5@0 waits", "T-5@1 waits", "T-5@0 claimed", "T-5@1 claimed"},
        {"alice paid", "bob paid", "dan paid"},
    ],
)
