"""Cycles in which a member defaults: its collateral is used, its trades leave, others follow.

What moves at one height:

- a trade settles in its cycle: units and price, and so much of the collateral, of what is committed
  to its order, and of a credit, as pays for it. Of a member in default nothing else is taken, and
  nothing is lent to it;
- units wait for a trade from when its cycle takes it, and until that settles: then they go over,
  also those of the member in default, or are free;
- collateral is given, and given back.

Trades that leave move nothing. One of them settles later, in another cycle, after the default.
"""

from collections.abc import Mapping, Sequence

from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses.acting import HOUR, P, accept, endow, open_cycle, settle
from tests.scenarios.courses.lending import (
    OWED,
    Kept,
    Sale,
    give_back,
    lend,
    lent,
    reserve,
    sold,
    supply,
    told,
    trade,
)
from tests.scenarios.height_rows import (
    limits_of,
    money_of,
    settled_trades,
    trades_in,
    units_of,
    waiting_money_of,
    waiting_units_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine, refused
from tests.unit.contracts.money import SALT

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting.models import CycleView, DefaultNotice
from tallystick.contracts.statements import ReservationUse
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

COLLATERAL, COMMITTED = "collateral", "money committed to orders"
WAITING_UNITS, WAITING_MONEY = "units that wait", "money that waits"
ENDS = START + 12 * HOUR

UNITS = {"alice": 100, "bob": 20, "carol": 10}
MONEY = {"bob": 500, "carol": 30, "dan": 200}
CREDIT = {"bob": 100, "carol": 5}
"""What the bank lends at most: bob has it too, and gets none of it in default."""

RESERVED = {
    "first-margin": Kept("bob", ReservationUse.COLLATERAL, 30),
    "second-margin": Kept("bob", ReservationUse.COLLATERAL, 25),
    "N-3-buy": Kept("bob", ReservationUse.ORDER, 25),
    "E-1-buy": Kept("bob", ReservationUse.ORDER, 15),
    "carols-margin": Kept("carol", ReservationUse.COLLATERAL, 20),
}
DEFAULTER, GIVEN_BACK = "bob", "second-margin"

TRADES = {
    "E-1": Sale("alice", "bob", 2, 15),
    "E-2": Sale("bob", "alice", 2, 15),
    "N-1": Sale("alice", "bob", 4, 40),
    "N-2": Sale("carol", "bob", 1, 60),
    "N-3": Sale("alice", "bob", 3, 25),
    "N-4": Sale("alice", "dan", 3, 30),
    "N-5": Sale("bob", "dan", 20, 90),
    "N-6": Sale("alice", "carol", 2, 25),
    "N-7": Sale("dan", "carol", 1, 30),
    "G-1": Sale("bob", "dan", 6, 50),
    "G-2": Sale("alice", "bob", 2, 60),
    "G-3": Sale("carol", "bob", 4, 80),
    "G-4": Sale("alice", "carol", 1, 6),
}
"""By name; those named G have their units held, one by one.

E-1 and E-2 come to nothing net, so bob owes nothing in them but what he has committed to E-1.

When carol pays for G-4 she owes her bank all that it lends her, and has her collateral alone.
"""

CYCLES = {
    "C-1": (DvpModel.NET, ("E-1", "E-2")),
    "C-2": (DvpModel.NET_MONEY, ("G-1", "G-2", "G-3", "G-4")),
    "C-3": (DvpModel.NET, ("N-1", "N-2", "N-3", "N-4", "N-5", "N-6", "N-7")),
}
DROPPED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "C-1": {},
    "C-2": {"G-3": ["MEMBER_IN_DEFAULT"]},
    "C-3": {
        "N-2": ["MEMBER_IN_DEFAULT"],
        "N-5": ["MEMBER_IN_DEFAULT"],
        "N-7": ["COVER_MISSING"],
    },
}
"""What leaves and why; N-7 because carol has not got what bob owes her in N-2."""

AGAIN, LATER = "C-4", "N-2"


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let bob default while three cycles are open, and let him meet what is left after that."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob", "carol", "dan")
    await endow(market, units=UNITS, money=MONEY)
    await give_means(market)
    for cycle, (model, names) in CYCLES.items():
        for name in names:
            await trade(market, name, TRADES[name], model)
        keeps = model is DvpModel.NET
        rules = {"model": model, "draws_collateral": True, "keeps_dropped": keeps}
        await fill(market, cycle, names, **rules)
    await say(market, "declare_default")
    network.clock.stand_still(market.now() + HOUR)
    for cycle in ("C-1", "C-3", "C-2"):
        await settle(market, P.CLEARING, "settle_cycle", cycle)
        assert await dropped(market, cycle) == DROPPED[cycle]
    await fill(market, AGAIN, [LATER], model=DvpModel.NET, settles_whole=True)
    network.clock.stand_still(market.now() + HOUR)
    again = (market, P.CLEARING, "settle_cycle", AGAIN)
    assert await refused(lambda: settle(*again)) == "MEMBER_IN_DEFAULT"
    await say(market, "lift_default")
    await settle(*again)
    await give_back(market, GIVEN_BACK, RESERVED[GIVEN_BACK])


async def give_means(market: Market) -> None:
    """Let the bank lend, and members give collateral and commit money to an order."""
    for holder, cap in CREDIT.items():
        await lend(market, holder, cap, ENDS)
    for name, kept in RESERVED.items():
        await reserve(market, name, kept, until=ENDS)


async def fill(market: Market, cycle: str, names: Sequence[str], **rules: object) -> None:
    """Open a cycle, and let it take trades."""
    await open_cycle(market, cycle, **rules)
    await accept(market, cycle, *names)


async def say(market: Market, function: str) -> None:
    """Let who clears say that bob is in default, or that he is not any more."""
    notice = DefaultNotice(member=DEFAULTER, venue=P.ATS, evidence_hash=EVIDENCE, salt=SALT)
    await market.submit(P.CLEARING, Chaincode.SETTLEMENT, function, default=notice)


async def dropped(market: Market, cycle: str) -> Mapping[str, Sequence[str]]:
    """Return the trades that a cycle did not settle, with the codes of the reasons."""
    contract = market.gateways[P.CLEARING].network(market.channel_id)
    answer = await contract.contract(Chaincode.SETTLEMENT).evaluate("cycle", cycle)
    report = CycleView.model_validate_json(answer).report
    assert report is not None, "the cycle has ended, and who clears may read"
    return {each.trade: [found.code for found in each.findings] for each in report.dropped}


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what moves with each trade, with units that wait for it, and with money reserved."""
    settled = {
        "E-1": sold(TRADES["E-1"], drawn("bob", {"E-1-buy": 15})),
        "E-2": sold(TRADES["E-2"]),
        "N-1": sold(TRADES["N-1"], drawn("bob", {"first-margin": 30, "second-margin": 10})),
        "N-2": sold(TRADES["N-2"], lent("carol", -5)),
        "N-3": sold(TRADES["N-3"], drawn("bob", {"N-3-buy": 25})),
        "N-4": sold(TRADES["N-4"]),
        "N-6": sold(TRADES["N-6"], drawn("carol", {"carols-margin": 10}), lent("carol", 5)),
        "G-1": sold(TRADES["G-1"]),
        "G-2": sold(TRADES["G-2"], drawn("bob", {"second-margin": 10})),
        "G-4": sold(TRADES["G-4"], drawn("carol", {"carols-margin": 6})),
    }
    _, gross = CYCLES["C-2"]
    held = {f"{name} held": holdings({WAITING_UNITS: waiting_for(name)}) for name in gross}
    reserved = {
        f"{name} reserved": drawn(kept.holder, {name: -kept.amount})
        for name, kept in RESERVED.items()
    }
    back = {f"{GIVEN_BACK} given back": drawn(DEFAULTER, {GIVEN_BACK: 5})}
    return settled | held | reserved | back


def drawn(holder: str, amounts: Mapping[str, int]) -> Holdings:
    """Return what moves when so much of reservations is used; placed, it is less than nothing."""
    moved = holdings({WAITING_MONEY: {holder: -sum(amounts.values())}})
    for name, amount in amounts.items():
        moved.update(holdings({asset_of(RESERVED[name].use): {name: -amount}}))
    return moved


def waiting_for(name: str) -> Mapping[str, int]:
    return {TRADES[name].seller: TRADES[name].units}


def asset_of(use: ReservationUse) -> str:
    return COLLATERAL if use is ReservationUse.COLLATERAL else COMMITTED


def having(state: StateView) -> Holdings:
    """Return units and money, what of it waits, what is owed, and each reservation."""
    limits = limits_of(state, CASH)
    found = holdings(
        {
            SECURITY: units_of(state, SECURITY),
            WAITING_UNITS: waiting_units_of(state, SECURITY),
            CASH: money_of(state, CASH),
            WAITING_MONEY: waiting_money_of(state, CASH),
            OWED: {holder: row.drawn for holder, row in limits.items()},
        }
    )
    for row in limits.values():
        for each in row.reservations:
            found[asset_of(each.use), each.name] += each.amount
    return found


def happened(state: StateView) -> set[str]:
    """Return which trades are settled, and which wait in a cycle that holds their units."""
    _, gross = CYCLES["C-2"]
    known = trades_in(state)
    held = {
        f"{name} held" for name in gross if name in known and known[name].status is Status.IN_CYCLE
    }
    return settled_trades(state) | held


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts(),
    holdings=having,
    happened=happened,
    told=told,
    supply=supply,
    moves={
        "cash.release_reservation",
        "cash.reserve",
        "settlement.accept_trades",
        "settlement.settle_cycle",
    },
    steps=[
        *({f"{name} reserved"} for name in RESERVED),
        {"G-1 held", "G-2 held", "G-3 held", "G-4 held"},
        {"E-1", "E-2"},
        {"N-1", "N-3", "N-4", "N-6"},
        {"G-1 held", "G-2 held", "G-3 held", "G-4 held", "G-1", "G-2", "G-4"},
        {"N-2"},
        {f"{GIVEN_BACK} given back"},
    ],
)
