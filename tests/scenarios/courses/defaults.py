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

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses.acting import HOUR, P, agree, endow, settle
from tests.scenarios.courses.credit import supply
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

from tallystick.contracts.cash.models import CreditGrant, ReservationPlace, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import LedgerEvent, MoneyReserved, ReservationReduced
from tallystick.contracts.instants import instant
from tallystick.contracts.netting.models import CycleTerms, CycleView, DefaultNotice
from tallystick.contracts.prices import price_of
from tallystick.contracts.statements import MoneyReserved as Commitment
from tallystick.contracts.statements import ReservationUse
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

OWED, COLLATERAL, COMMITTED = "debt", "collateral", "money committed to orders"
WAITING_UNITS, WAITING_MONEY = "units that wait", "money that waits"
ENDS = START + 12 * HOUR

UNITS = {"alice": 100, "bob": 20, "carol": 10}
MONEY = {"bob": 500, "carol": 30, "dan": 200}
CREDIT = {"bob": 100, "carol": 5}
"""What the bank lends at most: bob has it too, and gets none of it in default."""

RESERVED = {
    "first-margin": ("bob", ReservationUse.COLLATERAL, 30),
    "second-margin": ("bob", ReservationUse.COLLATERAL, 25),
    "N-3-buy": ("bob", ReservationUse.ORDER, 25),
    "E-1-buy": ("bob", ReservationUse.ORDER, 15),
    "carols-margin": ("carol", ReservationUse.COLLATERAL, 20),
}
"""By name whose money it is, what it is for, and how much."""

DEFAULTER, GIVEN_BACK = "bob", "second-margin"

TRADES = {
    "E-1": ("alice", "bob", 2, 15),
    "E-2": ("bob", "alice", 2, 15),
    "N-1": ("alice", "bob", 4, 40),
    "N-2": ("carol", "bob", 1, 60),
    "N-3": ("alice", "bob", 3, 25),
    "N-4": ("alice", "dan", 3, 30),
    "N-5": ("bob", "dan", 20, 90),
    "N-6": ("alice", "carol", 2, 25),
    "N-7": ("dan", "carol", 1, 30),
    "G-1": ("bob", "dan", 6, 50),
    "G-2": ("alice", "bob", 2, 60),
    "G-3": ("carol", "bob", 4, 80),
    "G-4": ("alice", "carol", 1, 6),
}
"""By name seller, buyer, units and money; those named G have their units held, one by one.

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
    for name in TRADES:
        await trade(market, name)
    for cycle, (model, names) in CYCLES.items():
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
    await give_back(market)


async def give_means(market: Market) -> None:
    """Let the bank lend, and members give collateral and commit money to an order."""
    for holder, cap in CREDIT.items():
        credit = CreditGrant(
            cash=CASH, holder=holder, cap=cap, valid_until=instant(ENDS), salt=SALT
        )
        await market.submit(P.BANK, Chaincode.CASH, "grant_credit", credit=credit)
    for name, (holder, use, amount) in RESERVED.items():
        said = Commitment(
            cash=CASH,
            holder=holder,
            keeper=P.ATS if use is ReservationUse.ORDER else P.CLEARING,
            reservation=name,
            use=use,
            amount=amount,
            expires_at=instant(ENDS),
        )
        place = (P.BROKER_DEALER, Chaincode.CASH, "reserve")
        await market.submit(*place, reservation=SignedReservation(statement=said, salt=SALT))


async def trade(market: Market, name: str) -> None:
    """Agree on a trade of the model of its cycle."""
    seller, buyer, quantity, amount = TRADES[name]
    (model,) = (model for model, names in CYCLES.values() if name in names)
    sides = {"seller": seller, "buyer": buyer, "model": model}
    price = {"price": price_of(amount, quantity)}
    terms = market.terms(name, quantity=quantity, amount=amount)
    await agree(market, terms.model_copy(update={**sides, **price}))


async def fill(market: Market, cycle: str, names: Sequence[str], **rules: object) -> None:
    """Open a cycle that takes trades for an hour and then settles, and let it take some."""
    at = instant(market.now() + HOUR)
    given = {"cycle": cycle, "venue": P.ATS, "cut_off_at": at, "settles_from": at, **rules}
    await settle(market, P.CLEARING, "open_cycle", CycleTerms.model_validate(given))
    page: JsonValue = list(names)
    await settle(market, P.CLEARING, "accept_trades", cycle, page)


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


async def give_back(market: Market) -> None:
    """Let who clears give bob back what is left of his collateral."""
    place = ReservationPlace(cash=CASH, holder=DEFAULTER, reservation=GIVEN_BACK)
    release = (P.CLEARING, Chaincode.CASH, "release_reservation")
    await market.submit(*release, place=place)


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what moves with each trade, with units that wait for it, and with money reserved."""
    settled = {
        "E-1": sale("E-1", drawn("bob", {"E-1-buy": 15})),
        "E-2": sale("E-2"),
        "N-1": sale("N-1", drawn("bob", {"first-margin": 30, "second-margin": 10})),
        "N-2": sale("N-2", lent("carol", -5)),
        "N-3": sale("N-3", drawn("bob", {"N-3-buy": 25})),
        "N-4": sale("N-4"),
        "N-6": sale("N-6", drawn("carol", {"carols-margin": 10}), lent("carol", 5)),
        "G-1": sale("G-1"),
        "G-2": sale("G-2", drawn("bob", {"second-margin": 10})),
        "G-4": sale("G-4", drawn("carol", {"carols-margin": 6})),
    }
    _, gross = CYCLES["C-2"]
    held = {f"{name} held": holdings({WAITING_UNITS: waiting_for(name)}) for name in gross}
    reserved = {
        f"{name} reserved": drawn(holder, {name: -amount})
        for name, (holder, _, amount) in RESERVED.items()
    }
    back = {f"{GIVEN_BACK} given back": drawn(DEFAULTER, {GIVEN_BACK: 5})}
    return settled | held | reserved | back


def sale(name: str, *means: Holdings) -> Holdings:
    """Return what moves with a trade, and with what pays for it or is repaid by it."""
    seller, buyer, quantity, amount = TRADES[name]
    units, money = {seller: -quantity, buyer: quantity}, {seller: amount, buyer: -amount}
    moved = holdings({SECURITY: units, CASH: money})
    for each in means:
        moved.update(each)
    return moved


def drawn(holder: str, amounts: Mapping[str, int]) -> Holdings:
    """Return what moves when so much of reservations is used; placed, it is less than nothing."""
    moved = holdings({WAITING_MONEY: {holder: -sum(amounts.values())}})
    for name, amount in amounts.items():
        _, use, _ = RESERVED[name]
        moved.update(holdings({asset_of(use): {name: -amount}}))
    return moved


def lent(holder: str, amount: int) -> Holdings:
    """Return what moves when so much is lent; when it is repaid, it is less than nothing."""
    return holdings({CASH: {holder: amount}, OWED: {holder: amount}})


def waiting_for(name: str) -> Mapping[str, int]:
    seller, _, quantity, _ = TRADES[name]
    return {seller: quantity}


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


def told(event: LedgerEvent) -> set[str]:
    """Return whether an event tells of money that is reserved, or given back."""
    match event:
        case MoneyReserved(reservation=name):
            return {f"{name} reserved"}
        case ReservationReduced(reservation=name, cause="released"):
            return {f"{name} given back"}
        case _:
            return set()


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
