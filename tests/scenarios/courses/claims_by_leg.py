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
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import (
    DAY,
    HOUR,
    P,
    agree,
    distribution,
    endow,
    fund,
    pay,
    recorded,
    settle,
)
from tests.scenarios.height_rows import (
    action_of,
    entitlement_of,
    market_claim_of,
    money_of,
    settled_trades,
    totals_of,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine, refused

from tallystick.contracts.actions.models import ClaimStatus
from tallystick.contracts.actions.states import Status
from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import Basis, LedgerEvent, MoneyTransferred
from tallystick.contracts.instants import instant
from tallystick.contracts.trades.terms import LegKind, TradeLeg
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

ENTITLED, CLAIMED, WAITING = "units that bring something", "units claimed", "money that waits"
UNITS = {"alice": 100, "carol": 50, "dan": 30}
MONEY = {"bob": 1_000, "carol": 100, "dan": 100, "acme": 900}
EACH = 5
FUNDED = 180 * EACH
PRICE = 100

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
    await market.onboard(*UNITS, "bob", "acme")
    await endow(market, units=UNITS, money=MONEY)
    for name in LEGS:
        await trade(market, name)
    network.clock.stand_still(START + DAY)
    given = {"asset": CASH, "numerator": EACH, "payer": "acme"}
    terms = distribution(market, "D-1", ActionType.CASH_DIVIDEND, **given)
    ex_day = market.now().date().isoformat()
    await recorded(market, network, terms.model_copy(update={"ex_day": ex_day}), *UNITS)
    await fund(market, "D-1", "acme", FUNDED)
    network.clock.stand_still(market.now() + HOUR)
    await pay(market, "D-1", "carol")
    await hinder(market)
    await settle_in_spite_of_a_freeze(market)
    await make_up(market)
    await count_as_one(market)
    await pay(market, "D-1", "alice", "bob", "dan")


async def trade(market: Market, name: str) -> None:
    """Agree on a trade of several legs that may settle within a month."""
    (seller, buyer, quantity), *further = LEGS[name]
    legs = tuple(
        TradeLeg(
            kind=LegKind.UNITS, asset=SECURITY, sender=sender, receiver=receiver, quantity=units
        )
        for sender, receiver, units in further
    )
    sides = {"seller": seller, "buyer": buyer, "legs": legs}
    until = {"expires_at": instant(market.now() + 30 * DAY)}
    terms = market.terms(name, quantity=quantity, amount=PRICE)
    await agree(market, terms.model_copy(update={**sides, **until}))


async def claim(market: Market, name: str) -> None:
    """Raise a market claim, or try its hindered lines again."""
    await settle(market, P.CLEARING, "raise_market_claim", "D-1", name)


async def resolve(market: Market, name: str) -> None:
    await settle(market, P.CLEARING, "resolve_market_claim", "D-1", name)


async def deliver(market: Market, name: str) -> None:
    await settle(market, P.CLEARING, "settle_at_once", name)


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


def acts_of_dividend() -> dict[str, Holdings]:
    """Return what moves as all are entered, as the dividend is funded, and as it is paid."""
    acts = {"entered": holdings({ENTITLED: UNITS}), "funded": holdings({WAITING: {"acme": FUNDED}})}
    for holder, units in PAID_FOR.items():
        amount = units * EACH
        acts[f"{holder} paid"] = holdings(
            {CASH: {holder: amount, "acme": -amount}, WAITING: {"acme": -amount}}
        )
    return acts | {"withdrawn": holdings({CASH: {"alice": -2 * PRICE}})}


def having(state: StateView) -> Holdings:
    """Return units and money, what of it waits, and what everybody is entitled for."""
    rows = {each: entitlement_of(state, "D-1", each) for each in (*UNITS, "bob")}
    known = {holder: row for holder, row in rows.items() if row is not None}
    return holdings(
        {
            SECURITY: units_of(state, SECURITY),
            CASH: money_of(state, CASH),
            WAITING: waiting_money_of(state, CASH),
            ENTITLED: {holder: row.units for holder, row in known.items()},
            CLAIMED: {holder: row.claimed for holder, row in known.items()},
        }
    )


WORDS = {
    ClaimStatus.OPEN: "waits",
    ClaimStatus.HINDERED: "hindered",
    ClaimStatus.SETTLED: "claimed",
}


def happened(state: StateView) -> set[str]:
    """Return how trades, the lines of their claims and the action stand, and who is paid."""
    done = settled_trades(state)
    for name in LEGS:
        row = market_claim_of(state, "D-1", name)
        known = () if row is None else row.lines
        done |= {f"{each.leg} {WORDS[each.status]}" for each in known if each.status in WORDS}
    rows = {each: entitlement_of(state, "D-1", each) for each in PAID_FOR}
    done |= {f"{each} paid" for each, row in rows.items() if row is not None and row.is_paid}
    action = action_of(state, "D-1")
    if action is not None and action.status in {Status.ENTERED, Status.FUNDED}:
        done |= {"entered", "funded"} if action.status is Status.FUNDED else {"entered"}
    return done


def told(event: LedgerEvent) -> set[str]:
    """Return whether an event tells that alice's proceeds are gone."""
    is_so = isinstance(event, MoneyTransferred) and event.basis is Basis.REDEMPTION
    return {"withdrawn"} if is_so else set()


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units and of money, and for how many units all are entitled."""
    totals = totals_of(state, "D-1")
    return {**trades.supply(state), ENTITLED: 0 if totals is None else totals.entitled}


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts_of_trades() | acts_of_claims() | acts_of_dividend(),
    holdings=having,
    happened=happened,
    told=told,
    supply=supply,
    moves={
        "cash.withdraw",
        "settlement.enter_entitlements",
        "settlement.fund_action",
        "settlement.pay_entitlements",
        "settlement.raise_market_claim",
        "settlement.resolve_market_claim",
        "settlement.settle_at_once",
    },
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
