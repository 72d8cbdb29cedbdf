"""Money on credit: drawn by locks, trades and a netting cycle, and repaid by all that comes in.

What moves at one height:

- what a payment or a lock lacks is lent: the debt, and the money, which is there from then on;
- what becomes available repays the debt first: so much less debt, and so much less money, be it
  what a trade brings, a deposit, a transfer, or a lock or reservation that is given back.

All money is what was paid in and what is lent. Beyond the cap nothing moves; once the credit has
ended nothing more is drawn, and what comes in repays what is owed.
"""

from collections.abc import Mapping

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses.acting import HOUR, P, agree, endow, settle
from tests.scenarios.height_rows import (
    limits_of,
    money_of,
    settled_trades,
    supply_of_money,
    supply_of_units,
    trades_in,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine, refused
from tests.unit.contracts.money import SALT

from tallystick.contracts.cash.models import CreditGrant, ReservationPlace, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import (
    Basis,
    LedgerEvent,
    MoneyReserved,
    MoneyTransferred,
    ReservationReduced,
)
from tallystick.contracts.instants import instant
from tallystick.contracts.netting.models import CycleTerms
from tallystick.contracts.statements import MoneyReserved as Commitment
from tallystick.contracts.statements import MoneySent, ReservationUse
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

WAITING, OWED, RESERVED = "money that waits", "debt", "money reserved"
CREDIT_ENDS = START + 3 * HOUR
CAP = 500
UNITS = {"alice": 100}
MONEY = {"bob": 1_000}
RESERVES = 200
PAID_IN, SENT, LAST = 50, 100, 60
TRADES = {
    "T-1": ("alice", "bob", 40, 1_200),
    "T-2": ("bob", "alice", 10, 100),
    "T-3": ("alice", "bob", 5, 150),
    "T-4": ("alice", "bob", 8, 90),
}
"""By name seller, buyer, units and money. Of T-1 bob lacks 400, 200 of them being reserved."""

GIVEN_UP, NETTED = "T-3", "T-4"


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let bob draw on credit and repay it, again and again."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob")
    await endow(market, units=UNITS, money=MONEY)
    await grant(market)
    await reserve(market)
    await trade_on_credit(market)
    await take_in(market)
    await net(market, network)
    network.clock.stand_still(CREDIT_ENDS)
    assert await refused(lambda: send(market, "bob", "alice", 1)) == "INSUFFICIENT_AVAILABLE"
    await send(market, "alice", "bob", LAST)


async def grant(market: Market) -> None:
    """Let bob owe the bank up to the cap."""
    credit = CreditGrant(
        cash=CASH, holder="bob", cap=CAP, valid_until=instant(CREDIT_ENDS), salt=SALT
    )
    await market.submit(P.BANK, Chaincode.CASH, "grant_credit", credit=credit)


async def reserve(market: Market) -> None:
    """Let bob commit money to an order at the venue."""
    said = Commitment(
        cash=CASH,
        holder="bob",
        keeper=P.ATS,
        reservation="O-1",
        use=ReservationUse.ORDER,
        amount=RESERVES,
        expires_at=instant(CREDIT_ENDS),
    )
    place = (P.BROKER_DEALER, Chaincode.CASH, "reserve")
    await market.submit(*place, reservation=SignedReservation(statement=said, salt=SALT))


async def trade(market: Market, name: str, model: DvpModel = DvpModel.GROSS) -> None:
    seller, buyer, quantity, amount = TRADES[name]
    terms = market.terms(name, quantity=quantity, amount=amount)
    sides = {"seller": seller, "buyer": buyer, "model": model}
    await agree(market, terms.model_copy(update=sides))


async def trade_on_credit(market: Market) -> None:
    """Lock on credit and settle, repay by a sale, lock on credit again and give that up."""
    for name in ("T-1", "T-2", "T-3"):
        await trade(market, name)
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
    place = ReservationPlace(cash=CASH, holder="bob", reservation="O-1")
    release = (P.ATS, Chaincode.CASH, "release_reservation")
    await market.submit(*release, endorsers=(P.CLEARING, P.TRANSFER_AGENT), place=place)


async def send(market: Market, sender: str, receiver: str, amount: int) -> None:
    sent = MoneySent(cash=CASH, sender=sender, receiver=receiver, amount=amount)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "transfer", sent)


async def net(market: Market, network: LocalNetwork) -> None:
    """Settle a cycle for which bob has not money enough."""
    await trade(market, NETTED, DvpModel.NET)
    at = instant(market.now() + HOUR)
    terms = CycleTerms(cycle="C-1", venue=P.ATS, model=DvpModel.NET, cut_off_at=at, settles_from=at)
    await settle(market, P.CLEARING, "open_cycle", terms)
    page: JsonValue = [NETTED]
    await settle(market, P.CLEARING, "accept_trades", "C-1", page)
    network.clock.stand_still(market.now() + HOUR)
    await settle(market, P.CLEARING, "settle_cycle", "C-1")


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what moves with each draw, with each repayment, and with what brings them about."""
    return {
        "reserved": holdings({WAITING: {"bob": RESERVES}, RESERVED: {"bob": RESERVES}}),
        "T-1 locked": holdings({WAITING: {"bob": 1_200}, **on_credit(400)}),
        "T-1": sale("T-1", on_credit(400)),
        "T-2": sale("T-2", on_credit(-100)),
        "T-3 locked": holdings({WAITING: {"bob": 150}, **on_credit(150)}),
        f"deposit {PAID_IN}": holdings({OWED: {"bob": -PAID_IN}}),
        f"alice sends {SENT}": holdings({CASH: {"alice": -SENT}, OWED: {"bob": -SENT}}),
        "given back": holdings(
            {WAITING: {"bob": -RESERVES}, RESERVED: {"bob": -RESERVES}, **on_credit(-150)}
        ),
        "T-4": sale("T-4", on_credit(40)),
        f"alice sends {LAST}": holdings(
            {CASH: {"alice": -LAST, "bob": LAST - 40}, OWED: {"bob": -40}}
        ),
    }


def on_credit(amount: int) -> Mapping[str, Mapping[str, int]]:
    """Return what moves when so much is lent to bob; when it is repaid, it is less than nothing."""
    return {CASH: {"bob": amount}, OWED: {"bob": amount}}


def sale(name: str, credit: Mapping[str, Mapping[str, int]]) -> Holdings:
    """Return what moves with a trade, and with the loan that pays for it or that it repays."""
    seller, buyer, quantity, amount = TRADES[name]
    units, money = {seller: -quantity, buyer: quantity}, {seller: amount, buyer: -amount}
    moved = holdings({SECURITY: units, CASH: money})
    moved.update(holdings(credit))
    return moved


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
        case MoneyReserved():
            return {"reserved"}
        case ReservationReduced(cause="released"):
            return {"given back"}
        case _:
            return set()


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units, and of money: what was paid in, and what is lent."""
    lent = sum(row.drawn for row in limits_of(state, CASH).values())
    return {
        SECURITY: supply_of_units(state, SECURITY),
        CASH: supply_of_money(state, CASH) + lent,
    }


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts(),
    holdings=having,
    happened=happened,
    told=told,
    supply=supply,
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
        {"reserved"},
        {"T-1 locked"},
        {"T-1 locked", "T-1"},
        {"T-2"},
        {"T-3 locked"},
        {"T-3 locked"},
        {f"deposit {PAID_IN}"},
        {f"alice sends {SENT}"},
        {"given back"},
        {"T-4"},
        {f"alice sends {LAST}"},
    ],
)
