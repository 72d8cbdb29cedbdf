"""Trades that fail: bought in, compensated, or delivered late, and penalties for their days.

What moves at one height:

- a trade is delivered, late too, and paid; so is the one that replaces another;
- a trade is bought in, its buy-in says what the seller owes for that, and the buyer has it; the
  units came with the trade that replaced it, whose two legs moved at a height before;
- a trade is cancelled by compensation, its buy-in says how much, and the buyer has it;
- the days of a trade are noted as paid, its record says how much, and the other side has it.
"""

from datetime import datetime

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import P, agree, endow, settle
from tests.scenarios.height_rows import (
    buy_in_of,
    fail_of,
    money_of,
    settled_trades,
    trades_in,
    units_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import opened_at_nine
from tests.unit.contracts.discipline.stage import NEW_YORK, read_pack

from tallystick.contracts.calendars.models import Convention, ConventionsGiven
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause, CauseNote, Valuation
from tallystick.contracts.discipline.packs import RegimePeriod
from tallystick.contracts.statements import BuyInCalled
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

COMPENSATION, PENALTIES = "compensation", "penalties"
FOURTH_CUT_OFF = datetime.fromisoformat("2026-03-06T21:00:00Z")
NEXT_MONDAY = datetime.fromisoformat("2026-03-09T15:00:00Z")
BOUGHT_IN, COMPENSATED, LATE, REPLACEMENT = "T-1", "T-2", "T-3", "T-4"
QUANTITY, AMOUNT = 100, 4_000_000
DEARER = {BOUGHT_IN: 100_000, COMPENSATED: 50_000}
"""How much more the units of a trade have come to cost."""

PENALTY = 4 * 400
"""For four business days, at 100 millionths of the amount."""

UNITS = {"alice": 100, "carol": 100}
MONEY = {"alice": 1_000_000, "bob": 3 * AMOUNT}


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let alice fail to deliver three times over four days, and deliver once."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob", "carol")
    await endow(market, units=UNITS, money=MONEY)
    await prepare(market)
    due = market.now().date().replace(day=3).isoformat()
    failing = {name: terms_of(market, name, due) for name in (BOUGHT_IN, COMPENSATED, LATE)}
    for each in failing.values():
        await agree(market, each)
    network.clock.stand_still(FOURTH_CUT_OFF)
    note = CauseNote(day=due, cause=Cause.LACK_OF_SECURITIES, side="seller")
    for name in failing:
        record = (P.CLEARING, Chaincode.SETTLEMENT, "record_fail", name)
        await market.submit(*record, note=note)
    for name in (BOUGHT_IN, COMPENSATED):
        await call(market, failing[name])
    network.clock.stand_still(NEXT_MONDAY)
    await end(market)
    await collect(market, BOUGHT_IN, COMPENSATED)
    await collect(market, LATE)


async def prepare(market: Market) -> None:
    """Give the venue a calendar, and figures by which its fails are judged."""
    await settle(market, P.CLEARING, "set_calendar", NEW_YORK)
    conventions = ConventionsGiven(standard=Convention(calendar=NEW_YORK.calendar))
    await settle(market, P.ATS, "set_conventions", conventions)
    pack = read_pack("eu-csdr-2026-01-01")
    period = RegimePeriod(
        since="2026-03-03",
        pack=pack.pack,
        pack_version=pack.version,
        standard="liquid-share",
    )
    await settle(market, P.REGULATOR, "publish_discipline", pack)
    await settle(market, P.REGULATOR, "judge_fails", P.ATS, period)


def terms_of(market: Market, name: str, day: str, **changes: object) -> TradeTerms:
    usual = market.terms(name, quantity=QUANTITY, amount=AMOUNT)
    due = {"settlement_day": day, "expires_at": "2026-04-01T00:00:00Z"}
    return usual.model_copy(update={**due, **changes})


async def call(market: Market, terms: TradeTerms) -> None:
    """Let the buyer of a trade name its broker as the agent of a buy-in."""
    agent = P.BROKER_DEALER
    said = BuyInCalled(trade=terms.trade, party="bob", terms_hash=terms.digest, agent=agent)
    intent = market.sign("bob", said)
    place = (agent, Chaincode.SETTLEMENT, "call_buy_in", terms.trade, agent)
    await market.submit(*place, intent=intent)


async def end(market: Market) -> None:
    """Let one trade be replaced by another, one be compensated, and one be delivered."""
    amount = AMOUNT + DEARER[BOUGHT_IN]
    dearer = {"seller": "carol", "amount": amount, "price": str(amount // QUANTITY), "cycle": 0}
    day = NEXT_MONDAY.date().isoformat()
    await agree(market, terms_of(market, REPLACEMENT, day, **dearer))
    await settle(market, P.CLEARING, "settle_at_once", REPLACEMENT)
    await settle(market, P.BROKER_DEALER, "execute_buy_in", BOUGHT_IN, REPLACEMENT)
    await settle(market, P.BROKER_DEALER, "give_up_buy_in", COMPENSATED)
    value = Valuation(market_value=AMOUNT + DEARER[COMPENSATED], evidence_hash="e" * 64)
    compensate = (P.CLEARING, Chaincode.SETTLEMENT, "compensate_buy_in", COMPENSATED)
    await market.submit(*compensate, valuation=value)
    await settle(market, P.CLEARING, "settle_at_once", LATE)


async def collect(market: Market, *names: str) -> None:
    """Collect the penalties of trades for all days before today's."""
    listed: JsonValue = list(names)
    await settle(market, P.CLEARING, "collect_penalties", listed, "2026-03-08")


# --- what must be so ---


def acts_of_delivery() -> dict[str, Holdings]:
    """Return what moves with each trade that is delivered."""
    sold = {LATE: ("alice", AMOUNT), REPLACEMENT: ("carol", AMOUNT + DEARER[BOUGHT_IN])}
    return {
        name: holdings(
            {SECURITY: {seller: -QUANTITY, "bob": QUANTITY}, CASH: {seller: price, "bob": -price}}
        )
        for name, (seller, price) in sold.items()
    }


def acts_of_discipline() -> dict[str, Holdings]:
    """Return what moves as a trade ends without delivery, and as its penalties are collected."""
    ends = {
        f"{name} ended": holdings(
            {CASH: {"alice": -amount, "bob": amount}, COMPENSATION: {name: amount}}
        )
        for name, amount in DEARER.items()
    }
    collected = {
        f"{name} collected": holdings(
            {CASH: {"alice": -PENALTY, "bob": PENALTY}, PENALTIES: {name: PENALTY}}
        )
        for name in (BOUGHT_IN, COMPENSATED, LATE)
    }
    return ends | collected


def having(state: StateView) -> Holdings:
    """Return units and money, and what buy-ins and records of fails say was paid."""
    buy_ins = {name: buy_in_of(state, name) for name in DEARER}
    fails = {name: fail_of(state, name) for name in (BOUGHT_IN, COMPENSATED, LATE)}
    return holdings(
        {
            SECURITY: units_of(state, SECURITY),
            CASH: money_of(state, CASH),
            COMPENSATION: {k: row.compensation for k, row in buy_ins.items() if row is not None},
            PENALTIES: {k: row.paid_by_seller for k, row in fails.items() if row is not None},
        }
    )


def happened(state: StateView) -> set[str]:
    """Return how trades stand by their public rows, and of which the penalties are collected."""
    known = trades_in(state)
    over = {Status.BOUGHT_IN, Status.CANCELLED}
    ended = {f"{name} ended" for name, row in known.items() if row.status in over}
    fails = {name: fail_of(state, name) for name in known}
    collected = {
        f"{name} collected"
        for name, row in fails.items()
        if row is not None and row.collected is not None
    }
    return settled_trades(state) | ended | collected


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts_of_delivery() | acts_of_discipline(),
    holdings=having,
    happened=happened,
    supply=trades.supply,
    moves={
        "settlement.collect_penalties",
        "settlement.compensate_buy_in",
        "settlement.execute_buy_in",
        "settlement.settle_at_once",
    },
    steps=[
        {REPLACEMENT},
        {f"{BOUGHT_IN} ended"},
        {f"{COMPENSATED} ended"},
        {LATE},
        {f"{BOUGHT_IN} collected", f"{COMPENSATED} collected"},
        {f"{LATE} collected"},
    ],
)
