"""What ends without delivery, on nodes: at each height everything waits, or is free as a whole.

What moves at one height:

- a trade is locked, alone or in a cycle: its units, and its price if money is due trade by trade;
- a trade ends, by a mediator, both sides, its venue or its second, and all of that is free;
- a subscription is paid, and its price waits; it is cancelled, rejected or refunded, and that is
  free again.

Whoever holds what waits has it all the time.
"""

from functools import partial

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import (
    HOUR,
    P,
    accept,
    agree,
    agree_on_change,
    endow,
    open_cycle,
    settle,
)
from tests.scenarios.height_rows import (
    money_of,
    paid_subscriptions,
    trades_in,
    units_of,
    waiting_money_of,
    waiting_units_of,
)
from tests.scenarios.heights import Course, Holdings, holdings, reading
from tests.scenarios.moments import START, opened_at_nine
from tests.scenarios.test_offering import UNITS as SUBSCRIBED
from tests.scenarios.test_offering import offer, order_of
from tests.unit.contracts.offerings.stage import PRICE as OFFERED_AT

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.statements import CancelTrade, SubscriptionCancelled
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel, TradeTerms
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

WAITING_UNITS, WAITING = "units that wait", "money that waits"
UNITS = {"alice": 100}
MONEY = {"alice": 1_000, "bob": 1_000, "carol": 1_000}
QUANTITY, AMOUNT = 10, 500
REJECTED, AGREED_OFF, CANCELLED, EXPIRED = "T-1", "T-2", "T-3", "T-4"
KEPT, LET_GO = "T-5", "T-6"
"""Trades of cycles that never settle: one keeps what leaves it for another cycle, one does not."""

EXPIRES_AT = START + 3 * HOUR


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let trades be locked and end, and subscriptions be paid and end."""
    market = await opened_at_nine(network)
    await market.onboard(*MONEY, "acme")
    await endow(market, units=UNITS, money=MONEY)
    await reject(market)
    await agree_off(market)
    await lock(market, terms_of(market, CANCELLED))
    await settle(market, P.ATS, "cancel", CANCELLED, "an error")
    await cancel_cycle(market, KEPT, keeps_dropped=True)
    await settle(market, P.ATS, "cancel", KEPT, "an error")
    await cancel_cycle(market, LET_GO, keeps_dropped=False)
    await lock(market, terms_of(market, EXPIRED))
    network.clock.stand_still(EXPIRES_AT)
    await settle(market, P.BROKER_DEALER, "expire", EXPIRED)
    await abandon_offering(market)


def terms_of(market: Market, name: str, **changes: object) -> TradeTerms:
    usual = market.terms(name, quantity=QUANTITY, amount=AMOUNT)
    return usual.model_copy(update={"expires_at": instant(EXPIRES_AT), **changes})


async def lock(market: Market, terms: TradeTerms) -> None:
    await agree(market, terms)
    await market.lock(terms.trade)


async def reject(market: Market) -> None:
    """Lock what a mediator has approved, and let it reject that."""
    terms = terms_of(market, REJECTED, mediators=(P.BROKER_DEALER,))
    await agree(market, terms)
    until = instant(market.now() + HOUR)
    await settle(market, P.BROKER_DEALER, "approve_trade", REJECTED, until)
    await market.lock(REJECTED)
    await settle(market, P.BROKER_DEALER, "reject_trade", REJECTED, "an error")


async def agree_off(market: Market) -> None:
    """Lock a trade, and let both sides agree that it ends."""
    terms = terms_of(market, AGREED_OFF)
    await lock(market, terms)
    await agree_on_change(market, terms, CancelTrade())


async def cancel_cycle(market: Market, name: str, *, keeps_dropped: bool) -> None:
    """Lock the units of a trade in a cycle that is cancelled."""
    await agree(market, terms_of(market, name, model=DvpModel.NET_MONEY))
    cycle = f"C-{name}"
    await open_cycle(market, cycle, model=DvpModel.NET_MONEY, keeps_dropped=keeps_dropped)
    await accept(market, cycle, name)
    await settle(market, P.CLEARING, "cancel_cycle", cycle, "an error")


async def abandon_offering(market: Market) -> None:
    """Let three subscribe and pay, one go back on it, and one be rejected; withdraw the offer."""
    terms = await offer(market, proceeds_to="acme")
    broker = (P.BROKER_DEALER, Chaincode.SETTLEMENT)
    for holder in MONEY:
        order = order_of(holder, terms)
        intent = market.sign(holder, order)
        await market.submit(*broker, "subscribe", subscription=order, intent=intent)
        await settle(market, P.BROKER_DEALER, "pay_subscription", terms.offering, holder)
    said = SubscriptionCancelled(offering=terms.offering, subscription="alice", signer="alice")
    cancel = (*broker, "cancel_subscription", terms.offering, "alice")
    await market.submit(*cancel, intent=market.sign("alice", said))
    rejected: JsonValue = ["bob"]
    await settle(market, P.ISSUER, "reject_subscriptions", terms.offering, rejected, "not wanted")
    await settle(market, P.ISSUER, "withdraw_offering", terms.offering, "second thoughts")
    refunded: JsonValue = ["carol"]
    await settle(market, P.BROKER_DEALER, "refund_subscriptions", terms.offering, refunded)


# --- what must be so ---


def acts() -> dict[str, Holdings]:
    """Return what waits while each trade is locked, and while each subscription is paid."""
    locked = holdings({WAITING_UNITS: {"alice": QUANTITY}, WAITING: {"bob": AMOUNT}})
    by_itself = (REJECTED, AGREED_OFF, CANCELLED, EXPIRED)
    price = SUBSCRIBED * OFFERED_AT
    return {
        **{f"{name} waits": locked for name in by_itself},
        **{
            f"{name} waits": holdings({WAITING_UNITS: {"alice": QUANTITY}})
            for name in (KEPT, LET_GO)
        },
        **{f"{holder} pays": holdings({WAITING: {holder: price}}) for holder in MONEY},
    }


HAVING = {
    SECURITY: partial(units_of, security=SECURITY),
    WAITING_UNITS: partial(waiting_units_of, security=SECURITY),
    CASH: partial(money_of, cash=CASH),
    WAITING: partial(waiting_money_of, cash=CASH),
}


def happened(state: StateView) -> set[str]:
    """Return how trades and subscriptions stand."""
    waiting = {Status.LOCKED, Status.FAILING, Status.IN_CYCLE}
    locked = {name for name, row in trades_in(state).items() if row.status in waiting}
    paid = {f"{each} pays" for each in paid_subscriptions(state)}
    return {f"{name} waits" for name in locked} | paid


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts(),
    holdings=reading(HAVING),
    happened=happened,
    supply=trades.supply,
    moves={
        "settlement.accept_trades",
        "settlement.agree_change",
        "settlement.cancel",
        "settlement.cancel_cycle",
        "settlement.cancel_subscription",
        "settlement.expire",
        "settlement.lock_legs",
        "settlement.pay_subscription",
        "settlement.refund_subscriptions",
        "settlement.reject_subscriptions",
        "settlement.reject_trade",
    },
    steps=[
        step
        for name in (REJECTED, AGREED_OFF, CANCELLED, KEPT, LET_GO, EXPIRED)
        for step in ({f"{name} waits"}, {f"{name} waits"})
    ]
    + [{f"{holder} pays"} for holder in (*MONEY, *MONEY)],
)
