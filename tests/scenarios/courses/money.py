"""Money that moves by itself, and fees once they are taken.

What moves at one height:

- money is paid in, is sent, or is paid out;
- it is kept for an order or as collateral, is given back, or is free in its second, which the next
  act of its account writes down;
- a fee that waited since its trade is among its receiver's money.

No row says that such a movement has happened: its event does, in public or among the accounts. Each
is of an amount of its own, which tells it from all others.
"""

from collections.abc import Mapping
from functools import partial

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import HOUR, P, agree, endow, represent, settle
from tests.scenarios.courses.lending import Kept, give_back, reserve
from tests.scenarios.height_rows import (
    fees_of,
    money_of,
    settled_trades,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Course, Holdings, holdings, moved, reading, telling
from tests.scenarios.moments import START, opened_at_nine

from tallystick.contracts import events
from tallystick.contracts.cash.models import OrderedRelease, SignedRenewal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import LedgerEvent
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.instants import instant
from tallystick.contracts.statements import (
    Funding,
    MoneyFunded,
    MoneySent,
    ReservationRenewed,
    ReservationUse,
)
from tallystick.node.testing import LocalNetwork

WAITING, FEES = "money that waits", "fees that wait"
CASHIER, HOUSE = "cashier", "house"
UNITS = {"alice": 100}
MONEY = {"alice": 1_000, "bob": 1_000}
QUANTITY, PRICE, FEE = 10, 500, 3


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let money move in every way in which it can by itself."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob", HOUSE)
    await market.register(CASHIER, data_hash="0" * 64)
    await represent(market, CASHIER, P.BANK)
    await endow(market, units=UNITS, money=MONEY)
    await pay(market)
    await keep(market)
    network.clock.stand_still(START + HOUR)
    await renew(market)
    await collect(market)


async def pay(market: Market) -> None:
    """Pay money in, send it, and pay it out, with a bank's signature too."""
    for function, holder, amount in (("deposit", "bob", 31), ("withdraw", "alice", 32)):
        await market.submit(P.BANK, Chaincode.CASH, function, CASH, holder, amount)
    sent = MoneySent(cash=CASH, sender="alice", receiver="bob", amount=33)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "transfer", sent)
    for direction, amount in ((Funding.IN, 34), (Funding.OUT, 35)):
        said = MoneyFunded(
            cash=CASH,
            signer=CASHIER,
            direction=direction,
            holder="bob",
            amount=amount,
            reference=f"wire-{amount}",
        )
        signed = (said, market.sign(CASHIER, said))
        await market.submit(P.BROKER_DEALER, Chaincode.CASH, "fund", *signed)


async def keep(market: Market) -> None:
    """Keep money as collateral, given back freely and by order, and for orders until they end."""
    margin = Kept("bob", ReservationUse.COLLATERAL, 36)
    await reserve(market, "margin", margin)
    await give_back(market, "margin", margin)
    await reserve(market, "pledge", margin._replace(amount=39))
    ordered = OrderedRelease(
        cash=CASH,
        holder="bob",
        keeper=P.CLEARING,
        reservation="pledge",
        evidence_hash="e" * 64,
    )
    by_order = (P.BANK, Chaincode.CASH, "release_reservation_by_order")
    await market.submit(*by_order, release=ordered)
    for name, amount, life in (("O-1", 37, HOUR), ("O-2", 38, 2 * HOUR)):
        kept = Kept("bob", ReservationUse.ORDER, amount)
        await reserve(market, name, kept, until=market.now() + life)


async def renew(market: Market) -> None:
    """Renew one reservation after the second of another, which is written down with it."""
    renewed = ReservationRenewed(
        cash=CASH,
        holder="bob",
        keeper=P.ATS,
        reservation="O-2",
        expires_at=instant(market.now() + 2 * HOUR),
    )
    renewal = SignedRenewal(statement=renewed)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "renew_reservation", renewal=renewal)


async def collect(market: Market) -> None:
    """Let a venue take a fee, and bring it to its receiver."""
    fee = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=HOUSE, flat=FEE)
    await settle(market, P.ATS, "set_fees", [fee])
    await agree(market, market.terms("T-1", quantity=QUANTITY, amount=PRICE))
    network = market.gateways[P.CLEARING].network(market.channel_id)
    contract = network.contract(Chaincode.SETTLEMENT)
    settled = await contract.new_proposal("settle_at_once", "T-1").endorse()
    (await (await settled.submit()).status()).raise_if_invalid()
    taken: JsonValue = [settled.transaction_id]
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "collect_fees", CASH, HOUSE, taken)


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what moves with each payment, with what is kept, and with a fee."""
    sent = {
        31: (None, "bob"),
        32: ("alice", None),
        33: ("alice", "bob"),
        34: (None, "bob"),
        35: ("bob", None),
    }
    acts = {f"{amount} cents": moved(CASH, amount, *sides) for amount, sides in sent.items()}
    sale = {
        SECURITY: {"alice": -QUANTITY, "bob": QUANTITY},
        CASH: {"alice": PRICE, "bob": -PRICE - FEE, HOUSE: FEE},
        FEES: {HOUSE: FEE},
    }
    return {
        **acts,
        **{
            f"{amount} cents kept": holdings({WAITING: {"bob": amount}})
            for amount in (36, 37, 38, 39)
        },
        **{
            f"{amount} cents given back": holdings({WAITING: {"bob": -amount}})
            for amount in (36, 37, 39)
        },
        "T-1": holdings(sale),
        "fees collected": holdings({FEES: {HOUSE: -FEE}}),
    }


ACTS = acts()
WORDS: Mapping[type[LedgerEvent], str] = {
    events.MoneyTransferred: "{amount} cents",
    events.MoneyReserved: "{amount} cents kept",
    events.ReservationReduced: "{amount} cents given back",
    events.FeesCollected: "fees collected",
}
HAVING = {
    SECURITY: partial(units_of, security=SECURITY),
    CASH: partial(money_of, cash=CASH),
    WAITING: partial(waiting_money_of, cash=CASH),
    FEES: partial(fees_of, cash=CASH),
}

COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=ACTS,
    holdings=reading(HAVING),
    happened=settled_trades,
    told=telling(WORDS, ACTS.keys()),
    supply=trades.supply,
    moves={
        "cash.collect_fees",
        "cash.deposit",
        "cash.fund",
        "cash.release_reservation",
        "cash.release_reservation_by_order",
        "cash.renew_reservation",
        "cash.reserve",
        "cash.transfer",
        "cash.withdraw",
        "settlement.settle_at_once",
    },
    steps=[
        {"31 cents"},
        {"32 cents"},
        {"33 cents"},
        {"34 cents"},
        {"35 cents"},
        {"36 cents kept"},
        {"36 cents given back"},
        {"39 cents kept"},
        {"39 cents given back"},
        {"37 cents kept"},
        {"38 cents kept"},
        {"37 cents given back"},
        {"T-1"},
        {"fees collected"},
    ],
)
