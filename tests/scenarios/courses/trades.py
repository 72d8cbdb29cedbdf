"""Trades, an issue and a redemption: units and money, the two legs that move at one height.

Trades settle gross, at once, and in cycles of both models; one is cancelled, one is dropped. Units
are issued to subscribers, and redeemed. A trade is delivered and paid, with the fee of its venue;
a subscriber gets its units, and the issuer the price that waited; a holder's units end, and it is
paid. What is done in pages is done for each page as a whole.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import chain

import pytest
from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses.acting import (
    HOUR,
    P,
    agree,
    agree_on_change,
    distribution,
    endow,
    fund,
    open_cycle,
    pay,
    recorded,
    settle,
)
from tests.scenarios.height_rows import (
    is_paid,
    issued_subscriptions,
    money_of,
    settled_trades,
    supply_of_money,
    supply_of_units,
    units_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import opened_at_nine
from tests.scenarios.test_offering import UNITS as SUBSCRIBED
from tests.scenarios.test_offering import offer, order_of
from tests.unit.contracts.offerings.stage import PRICE as OFFERED_AT

from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.netting import lifecycle
from tallystick.contracts.prices import price_of
from tallystick.contracts.statements import SplitTrade
from tallystick.contracts.trades.terms import DvpModel, TradeTerms
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

UNITS = {"alice": 100, "carol": 60}
MONEY = {"bob": 2_000, "dan": 1_000, "acme": 5_000}
HOUSE, FEE = "house", 3
PRICE = 5
HINDERED, CANCELLED, DROPPED = "carol", "T-4", "T-10"

TRADES = {
    "T-1": ("alice", "bob", 10, 500, DvpModel.GROSS),
    "T-2": ("carol", "dan", 5, 100, DvpModel.GROSS),
    "T-3": ("dan", "bob", 2, 40, DvpModel.GROSS),
    "T-4": ("alice", "dan", 7, 70, DvpModel.GROSS),
    "T-5": ("alice", "bob", 20, 300, DvpModel.NET_MONEY),
    "T-6": ("carol", "alice", 4, 200, DvpModel.NET_MONEY),
    "T-7": ("alice", "bob", 8, 80, DvpModel.NET),
    "T-8": ("bob", "carol", 8, 90, DvpModel.NET),
    "T-9": ("carol", "alice", 8, 100, DvpModel.NET),
    "T-10": ("alice", "dan", 1, 4_000, DvpModel.NET),
    "T-11": ("alice", "bob", 6, 300, DvpModel.GROSS),
    "T-11a": ("alice", "bob", 4, 200, DvpModel.GROSS),
}
"""By name seller, buyer, units, money and model; dan can never pay T-10.

The last two were agreed as one, of which the sides then let a part be delivered before the rest.
"""

CYCLES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "C-2": (("T-5",), ("T-6",)),
    "C-3": (("T-7", "T-8"), ("T-9", "T-10")),
}
"""The pages in which the trades of a cycle are accepted, and brought up to date after it."""

ISSUES = (("alice", "bob"), ("dan",))
"""The pages in which subscribers get what they have ordered."""


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let everything happen; cycles end their trades page by page."""
    market = await opened_at_nine(network)
    await market.onboard(*MONEY, *UNITS, HOUSE)
    await endow(market, units=UNITS, money=MONEY)
    fee = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=HOUSE, flat=FEE)
    await settle(market, P.ATS, "set_fees", [fee])
    await trade_gross(market)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "MAX_ENDED", 1)
        await trade_net(market, network, "C-2", DvpModel.NET_MONEY)
        await trade_net(market, network, "C-3", DvpModel.NET)
    await issue(market)
    await redeem(market, network)


def terms_of(market: Market, name: str) -> TradeTerms:
    seller, buyer, quantity, amount, model = TRADES[name]
    return market.terms(name, quantity=quantity, amount=amount).model_copy(
        update={
            "seller": seller,
            "buyer": buyer,
            "model": model,
            "price": price_of(amount, quantity),
        }
    )


async def trade_gross(market: Market) -> None:
    """Settle two trades that meet in a block, and one at once; cancel one that is locked."""
    for name in ("T-1", "T-2", "T-3", CANCELLED):
        await agree(market, terms_of(market, name))
    for name in ("T-1", "T-2", CANCELLED):
        await market.lock(name)
    contract = market.gateways[P.CLEARING].network(market.channel_id)
    settlement = contract.contract(Chaincode.SETTLEMENT)
    endorsed = [await settlement.new_proposal("settle", name).endorse() for name in ("T-1", "T-2")]
    for commit in await asyncio.gather(*(each.submit() for each in endorsed)):
        (await commit.status()).raise_if_invalid()
    await settle(market, P.CLEARING, "settle_at_once", "T-3")
    await settle(market, P.ATS, "cancel", CANCELLED, "an error")
    await deliver_in_parts(market)


async def deliver_in_parts(market: Market) -> None:
    """Let both sides agree on a part that is a trade of its own, and settle that, and the rest."""
    _, _, part, price_of_part, _ = TRADES["T-11a"]
    _, _, rest, price_of_rest, _ = TRADES["T-11"]
    terms = market.terms("T-11", quantity=part + rest, amount=price_of_part + price_of_rest)
    await agree(market, terms)
    await agree_on_change(market, terms, SplitTrade(part="T-11a", quantity=part))
    for name in ("T-11a", "T-11"):
        await settle(market, P.CLEARING, "settle_at_once", name)


async def trade_net(market: Market, network: LocalNetwork, cycle: str, model: DvpModel) -> None:
    """Settle a cycle, and bring its trades up to date page by page."""
    pages = CYCLES[cycle]
    for name in chain(*pages):
        await agree(market, terms_of(market, name))
    await open_cycle(market, cycle, model=model)
    contract = market.gateways[P.CLEARING].network(market.channel_id)
    settlement = contract.contract(Chaincode.SETTLEMENT)
    batches = []
    for page in pages:
        names: JsonValue = list(page)
        accepted = await settlement.new_proposal("accept_trades", cycle, names).endorse()
        (await (await accepted.submit()).status()).raise_if_invalid()
        batches.append(accepted.transaction_id)
    network.clock.stand_still(market.now() + HOUR)
    await settle(market, P.CLEARING, "settle_cycle", cycle)
    for batch in batches:
        await settle(market, P.CLEARING, "end_batch", cycle, batch)


async def issue(market: Market) -> None:
    """Let subscribers order and pay, and issue to them page by page."""
    terms = await offer(market, proceeds_to="acme")
    for holder in chain(*ISSUES):
        order = order_of(holder, terms)
        intent = market.sign(holder, order)
        await market.submit(
            P.BROKER_DEALER, Chaincode.SETTLEMENT, "subscribe", subscription=order, intent=intent
        )
        await settle(market, P.BROKER_DEALER, "pay_subscription", terms.offering, holder)
    await settle(market, P.ISSUER, "close_offering", terms.offering)
    await settle(market, P.ISSUER, "allocate_offering", terms.offering)
    await settle(market, P.TRANSFER_AGENT, "fund_offering", terms.offering)
    for page in ISSUES:
        named: JsonValue = list(page)
        await settle(market, P.TRANSFER_AGENT, "issue_units", terms.offering, named)
    await settle(market, P.ISSUER, "conclude_offering", terms.offering)


async def redeem(market: Market, network: LocalNetwork) -> None:
    """Redeem all units in two pages; of one holder they cannot end, being frozen."""
    freeze = (Chaincode.TOKEN, "freeze_units", SECURITY, HINDERED, 1, "a court")
    await market.submit(P.TRANSFER_AGENT, *freeze)
    given = {"asset": CASH, "numerator": PRICE, "payer": "acme"}
    terms = distribution(market, "R-1", ActionType.REDEMPTION, **given)
    holders = sorted(REDEEMED)
    await recorded(market, network, terms, *holders)
    await fund(market, "R-1", "acme", sum(REDEEMED.values()) * PRICE)
    network.clock.stand_still(market.now() + HOUR)
    for page in (holders[:2], holders[2:]):
        await pay(market, "R-1", *page)


# --- what must be so ---


def acts_of_trades() -> dict[str, Holdings]:
    """Return what moves with each trade: its units, its price, and the fee of its venue."""
    return {
        name: holdings(
            {
                SECURITY: {seller: -quantity, buyer: quantity},
                CASH: {seller: amount, buyer: -amount - FEE, HOUSE: FEE},
            }
        )
        for name, (seller, buyer, quantity, amount, _) in TRADES.items()
        if name not in {CANCELLED, DROPPED}
    }


def acts_of_issue() -> dict[str, Holdings]:
    """Return what moves with each subscriber's issue: new units, and what it pays for them."""
    price = SUBSCRIBED * OFFERED_AT
    return {
        f"issued {holder}": holdings(
            {SECURITY: {holder: SUBSCRIBED}, CASH: {holder: -price, "acme": price}}
        )
        for holder in chain(*ISSUES)
    }


def acts_of_redemption(units: Mapping[str, int]) -> dict[str, Holdings]:
    """Return what moves with each holder's redemption: its units end, and it is paid."""
    return {
        f"redeemed {holder}": holdings(
            {
                SECURITY: {holder: -quantity},
                CASH: {holder: quantity * PRICE, "acme": -quantity * PRICE},
            }
        )
        for holder, quantity in units.items()
    }


def held_in_the_end(begun: Holdings, *acts: Mapping[str, Holdings]) -> Mapping[str, int]:
    """Return the units of each holder once acts have happened."""
    having = Counter(begun)
    for each in chain(*(known.values() for known in acts)):
        having.update(each)
    return {holder: units for (asset, holder), units in having.items() if asset == SECURITY}


def having(state: StateView) -> Holdings:
    """Return units and money."""
    return holdings({SECURITY: units_of(state, SECURITY), CASH: money_of(state, CASH)})


def happened(state: StateView) -> set[str]:
    """Return trades that are settled, subscriptions that are issued, and who is paid."""
    redeemed = {f"redeemed {each}" for each in REDEEMED if is_paid(state, "R-1", each)}
    delivered = {f"issued {each}" for each in issued_subscriptions(state)}
    return settled_trades(state) - {DROPPED} | delivered | redeemed


def supply(state: StateView) -> Mapping[str, int]:
    """Return how many units there are, and how much money."""
    return {SECURITY: supply_of_units(state, SECURITY), CASH: supply_of_money(state, CASH)}


BEGUN = holdings({SECURITY: UNITS, CASH: MONEY})
REDEEMED = held_in_the_end(BEGUN, acts_of_trades(), acts_of_issue())

COURSE = Course(
    live=live,
    begun=BEGUN,
    acts=acts_of_trades() | acts_of_issue() | acts_of_redemption(REDEEMED),
    holdings=having,
    happened=happened,
    supply=supply,
    racing={"T-1", "T-2"},
    moves={
        "settlement.issue_units",
        "settlement.pay_entitlements",
        "settlement.settle",
        "settlement.settle_at_once",
        "settlement.settle_cycle",
    },
    steps=[
        {"T-3"},
        {"T-11a"},
        {"T-11"},
        {"T-5", "T-6"},
        {"T-7", "T-8", "T-9"},
        {"issued alice", "issued bob"},
        {"issued dan"},
        {"redeemed alice", "redeemed bob"},
        {"redeemed dan"},
    ],
)
