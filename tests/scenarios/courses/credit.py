"""Money on credit: drawn by locks, trades and a netting cycle, and repaid by all that comes in.

What moves at one height:

- what a payment or a lock lacks is lent: the debt, and the money, which is there from then on;
- what becomes available repays the debt first: so much less debt, and so much less money, be it
  what a trade brings, a deposit, a transfer, or a lock or reservation that is given back.

All money is what was paid in and what is lent. Beyond the cap nothing moves; once the credit has
ended nothing more is drawn, and what comes in repays what is owed.
"""

from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import lending
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
    trade,
)
from tests.scenarios.height_rows import (
    limits_of,
    money_of,
    settled_trades,
    trades_in,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Course, Holdings, holdings, together
from tests.scenarios.moments import START, opened_at_nine, refused

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import Basis, LedgerEvent, MoneyTransferred
from tallystick.contracts.statements import MoneySent, ReservationUse
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

WAITING, RESERVED = "money that waits", "money reserved"
CREDIT_ENDS = START + 3 * HOUR
CAP = 500
UNITS = {"alice": 100}
MONEY = {"bob": 1_000}
ORDER, KEPT = "O-1", Kept("bob", ReservationUse.ORDER, 200)
PAID_IN, SENT, LAST = 50, 100, 60
TRADES = {
    "T-1": Sale("alice", "bob", 40, 1_200),
    "T-2": Sale("bob", "alice", 10, 100),
    "T-3": Sale("alice", "bob", 5, 150),
    "T-4": Sale("alice", "bob", 8, 90),
}
"""By name. Of T-1 bob lacks 400, 200 of them being reserved."""

GIVEN_UP, NETTED = "T-3", "T-4"


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let bob draw on credit and repay it, again and again."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob")
    await endow(market, units=UNITS, money=MONEY)
    await lend(market, "bob", CAP, CREDIT_ENDS)
    await reserve(market, ORDER, KEPT, until=CREDIT_ENDS)
    await trade_on_credit(market)
    await take_in(market)
    await net(market, network)
    network.clock.stand_still(CREDIT_ENDS)
    assert await refused(lambda: send(market, "bob", "alice", 1)) == "INSUFFICIENT_AVAILABLE"
    await send(market, "alice", "bob", LAST)


async def trade_on_credit(market: Market) -> None:
    """Lock on credit and settle, repay by a sale, lock on credit again and give that up."""
    for name in ("T-1", "T-2", "T-3"):
        await trade(market, name, TRADES[name], DvpModel.GROSS)
    await market.lock("T-1")
    await market.settle("T-1")
    await settle(market, P.CLEARING, "settle_at_once", "T-2")
    assert await refused(lambda: send(market, "bob", "alice", CAP)) == "DEBIT_CAP_EXCEEDED"
    await market.lock(GIVEN_UP)
    await settle(market, P.ATS, "cancel", GIVEN_UP, "an error")


async def take_in(market: Market) -> None:
    """Let money come in, and let the venue give back what it does not need."""
    await market.submit(P.BANK, Chaincode.CASH, "deposit", CASH, "bob", PAID_IN)
    await send(market, "alice", "bob", SENT)
    await give_back(market, ORDER, KEPT)


async def send(market: Market, sender: str, receiver: str, amount: int) -> None:
    sent = MoneySent(cash=CASH, sender=sender, receiver=receiver, amount=amount)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "transfer", sent)


async def net(market: Market, network: LocalNetwork) -> None:
    """Settle a cycle for which bob has not money enough."""
    await trade(market, NETTED, TRADES[NETTED], DvpModel.NET)
    await open_cycle(market, "C-1", model=DvpModel.NET)
    await accept(market, "C-1", NETTED)
    network.clock.stand_still(market.now() + HOUR)
    await settle(market, P.CLEARING, "settle_cycle", "C-1")


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what moves with each draw, with each repayment, and with what brings them about."""
    reserved = {WAITING: {"bob": KEPT.amount}, RESERVED: {"bob": KEPT.amount}}
    free = {WAITING: {"bob": -KEPT.amount}, RESERVED: {"bob": -KEPT.amount}}
    return {
        f"{ORDER} reserved": holdings(reserved),
        "T-1 locked": together(holdings({WAITING: {"bob": 1_200}}), lent("bob", 400)),
        "T-1": sold(TRADES["T-1"], lent("bob", 400)),
        "T-2": sold(TRADES["T-2"], lent("bob", -100)),
        "T-3 locked": together(holdings({WAITING: {"bob": 150}}), lent("bob", 150)),
        f"deposit {PAID_IN}": holdings({OWED: {"bob": -PAID_IN}}),
        f"alice sends {SENT}": holdings({CASH: {"alice": -SENT}, OWED: {"bob": -SENT}}),
        f"{ORDER} given back": together(holdings(free), lent("bob", -150)),
        "T-4": sold(TRADES["T-4"], lent("bob", 40)),
        f"alice sends {LAST}": holdings(
            {CASH: {"alice": -LAST, "bob": LAST - 40}, OWED: {"bob": -40}}
        ),
    }


def having(state: StateView) -> Holdings:
    """Return units and money, what of it waits or is reserved, and what is owed for it."""
    limits = limits_of(state, CASH)
    return holdings(
        {
            SECURITY: units_of(state, SECURITY),
            CASH: money_of(state, CASH),
            WAITING: waiting_money_of(state, CASH),
            OWED: {holder: row.drawn for holder, row in limits.items()},
            RESERVED: {
                holder: sum(each.amount for each in row.reservations)
                for holder, row in limits.items()
            },
        }
    )


def happened(state: StateView) -> set[str]:
    """Return how trades stand."""
    locked = {
        f"{name} locked" for name, row in trades_in(state).items() if row.status is Status.LOCKED
    }
    return settled_trades(state) | locked


def told(event: LedgerEvent) -> set[str]:
    """Return whether an event tells of money that is sent, paid in, reserved or given back."""
    match event:
        case MoneyTransferred(sender=None, receiver="bob", amount=amount) if amount == PAID_IN:
            return {f"deposit {amount}"}
        case MoneyTransferred(basis=Basis.TRANSFER, sender=sender, amount=amount):
            return {f"{sender} sends {amount}"}
        case _:
            return lending.told(event)


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts(),
    holdings=having,
    happened=happened,
    told=told,
    supply=lending.supply,
    moves={
        "cash.deposit",
        "cash.release_reservation",
        "cash.reserve",
        "cash.transfer",
        "settlement.cancel",
        "settlement.lock_legs",
        "settlement.settle",
        "settlement.settle_at_once",
        "settlement.settle_cycle",
    },
    steps=[
        {f"{ORDER} reserved"},
        {"T-1 locked"},
        {"T-1 locked", "T-1"},
        {"T-2"},
        {"T-3 locked"},
        {"T-3 locked"},
        {f"deposit {PAID_IN}"},
        {f"alice sends {SENT}"},
        {f"{ORDER} given back"},
        {"T-4"},
        {f"alice sends {LAST}"},
    ],
)
