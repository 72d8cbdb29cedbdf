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

from collections.abc import Mapping

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
from tallystick.contracts.instants import instant
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

ENTITLED, CLAIMED, WAITING = "units that bring something", "units claimed", "money that waits"
UNITS = {"alice": 100, "carol": 50, "dan": 10}
MONEY = {"bob": 1_000, "acme": 5_000}
EACH = 5
TRADES = {
    "T-1": ("alice", 40),
    "T-2": ("alice", 20),
    "T-3": ("carol", 30),
    "T-4": ("dan", 10),
}
"""By name seller and units; bob buys. Only the last is traded ex, and settled in time."""

PRICE = 100
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
        await trade(market, name)
    network.clock.stand_still(START + DAY)
    given = {"asset": CASH, "numerator": EACH, "payer": "acme"}
    terms = distribution(market, "D-1", ActionType.CASH_DIVIDEND, **given)
    ex_day = market.now().date().isoformat()
    await trade(market, "T-4")
    await settle(market, P.CLEARING, "settle_at_once", "T-4")
    await recorded(market, network, terms.model_copy(update={"ex_day": ex_day}), *AT_RECORD_DATE)
    await fund(market, "D-1", "acme", sum(AT_RECORD_DATE.values()) * EACH)
    await claim(market, network)


async def trade(market: Market, name: str) -> None:
    """Agree on a trade that may settle within a month."""
    seller, quantity = TRADES[name]
    terms = market.terms(name, quantity=quantity, amount=PRICE)
    until = instant(market.now() + 30 * DAY)
    await agree(market, terms.model_copy(update={"seller": seller, "expires_at": until}))


async def claim(market: Market, network: LocalNetwork) -> None:
    """Raise a claim of each trade, and resolve those that wait; pay in pages between."""
    clearing = P.CLEARING
    for name in ("T-1", "T-2"):
        await settle(market, clearing, "raise_market_claim", "D-1", name)
    await settle(market, clearing, "settle_at_once", "T-3")
    for name in ("T-3", "T-4"):
        await settle(market, clearing, "raise_market_claim", "D-1", name)
    network.clock.stand_still(market.now() + HOUR)
    await pay(market, "D-1", "bob", "carol")
    assert await refused(lambda: pay(market, "D-1", "alice")) == "ENTITLEMENT_CLAIMED"
    await settle(market, clearing, "settle_at_once", "T-1")
    await settle(market, P.ATS, "cancel", DROPPED, "an error")
    for name in ("T-1", DROPPED):
        await settle(market, clearing, "resolve_market_claim", "D-1", name)
    await pay(market, "D-1", "alice", "bob", "dan")


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


def acts_of_dividend() -> dict[str, Holdings]:
    """Return what moves as all are entered, as the dividend is funded, and as it is paid."""
    acts = {
        "entered": holdings({ENTITLED: AT_RECORD_DATE}),
        "funded": holdings({WAITING: {"acme": sum(AT_RECORD_DATE.values()) * EACH}}),
    }
    for holder, paid_for in PAID_FOR.items():
        for before, units in zip((0, *paid_for), paid_for, strict=False):
            amount = (units - before) * EACH
            acts[f"{holder} for {units}"] = holdings(
                {CASH: {holder: amount, "acme": -amount}, WAITING: {"acme": -amount}}
            )
    return acts


def having(state: StateView) -> Holdings:
    """Return units and money, what of it waits, and what everybody is entitled for."""
    rows = {each: entitlement_of(state, "D-1", each) for each in (*UNITS, *MONEY)}
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


def happened(state: StateView) -> set[str]:
    """Return how trades, their claims and the action stand, and for what holders are paid."""
    done = settled_trades(state)
    for name in TRADES:
        claim_row = market_claim_of(state, "D-1", name)
        if claim_row is not None and claim_row.status is not ClaimStatus.DROPPED:
            done.add(f"{name} {'waits' if claim_row.status is ClaimStatus.OPEN else 'claimed'}")
    for holder, paid_for in PAID_FOR.items():
        row = entitlement_of(state, "D-1", holder)
        paid = 0 if row is None else row.paid_units
        done |= {f"{holder} for {units}" for units in paid_for if units <= paid}
    action = action_of(state, "D-1")
    if action is not None and action.status in {Status.ENTERED, Status.FUNDED}:
        done |= {"entered", "funded"} if action.status is Status.FUNDED else {"entered"}
    return done


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units and of money, and for how many units all are entitled."""
    totals = totals_of(state, "D-1")
    return {**trades.supply(state), ENTITLED: 0 if totals is None else totals.entitled}


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts_of_trades() | acts_of_dividend(),
    holdings=having,
    happened=happened,
    supply=supply,
    moves={
        "settlement.enter_entitlements",
        "settlement.fund_action",
        "settlement.pay_entitlements",
        "settlement.raise_market_claim",
        "settlement.resolve_market_claim",
        "settlement.settle_at_once",
    },
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
