"""Delivery against payment at every height of the ledger of every peer.

Trades settle gross, at once, and in cycles of both models; one is cancelled, one is dropped. Units
are issued to subscribers, and redeemed. Then each peer's ledger is built again from its blocks, and
after each of them everybody has what they had before, and both legs of what is settled by then.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from itertools import chain, pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import JsonValue
from tests.scenarios.conftest import CASH, PEERS, SECURITY, Market
from tests.scenarios.heights import (
    ACCOUNTS,
    Act,
    Having,
    account_hashes,
    each_height,
    is_paid,
    issued_subscriptions,
    money_of,
    settled_trades,
    supply_of,
    units_of,
)
from tests.scenarios.moments import opened_at_nine
from tests.scenarios.test_offering import UNITS as SUBSCRIBED
from tests.scenarios.test_offering import offer, order_of
from tests.unit.contracts.offerings.stage import PRICE as OFFERED_AT

from tallystick.client.contract import Argument
from tallystick.contracts.actions.models import ActionSecret
from tallystick.contracts.actions.terms import (
    ActionDocument,
    ActionTerms,
    ActionType,
    Distribution,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.instants import instant
from tallystick.contracts.netting import lifecycle
from tallystick.contracts.netting.models import CycleTerms
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.statements import DistributionFunded
from tallystick.contracts.trades.terms import DvpModel, TradeTerms
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

P = Participant
SETTLEMENT = Chaincode.SETTLEMENT
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNITS = {"alice": 100, "carol": 60}
MONEY = {"bob": 2_000, "dan": 1_000, "acme": 5_000}
HOUSE, FEE = "house", 3
PRICE = 5
HINDERED, DROPPED = "carol", "T-10"

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
}
"""By name seller, buyer, units, money and model; dan can never pay the last one."""

CYCLES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "C-2": (("T-5",), ("T-6",)),
    "C-3": (("T-7", "T-8"), ("T-9", "T-10")),
}
"""The pages in which the trades of a cycle are accepted, and brought up to date after it."""

ISSUES = (("alice", "bob"), ("dan",))
"""The pages in which subscribers get what they have ordered."""


# --- what happens ---


async def settle(market: Market, who: P, function: str, *arguments: Argument) -> bytes:
    return await market.submit(who, SETTLEMENT, function, *arguments)


async def agree(market: Market, *names: str) -> None:
    """Propose trades, and let both sides consent to each."""
    for name in names:
        terms = terms_of(market, name)
        await market.propose(terms)
        for side in terms.parties:
            await market.consent(terms, side)


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
    await agree(market, "T-1", "T-2", "T-3", "T-4")
    for name in ("T-1", "T-2", "T-4"):
        await market.lock(name)
    contract = market.gateways[P.CLEARING].network(market.channel_id).contract(SETTLEMENT)
    endorsed = [await contract.new_proposal("settle", name).endorse() for name in ("T-1", "T-2")]
    for commit in await asyncio.gather(*(each.submit() for each in endorsed)):
        (await commit.status()).raise_if_invalid()
    await settle(market, P.CLEARING, "settle_at_once", "T-3")
    await settle(market, P.ATS, "cancel", "T-4", "an error")


async def trade_net(market: Market, network: LocalNetwork, cycle: str, model: DvpModel) -> None:
    """Settle a cycle, and bring its trades up to date page by page."""
    pages = CYCLES[cycle]
    await agree(market, *(name for page in pages for name in page))
    at = instant(market.now() + HOUR)
    terms = CycleTerms(cycle=cycle, venue=P.ATS, model=model, cut_off_at=at, settles_from=at)
    await settle(market, P.CLEARING, "open_cycle", terms)
    contract = market.gateways[P.CLEARING].network(market.channel_id).contract(SETTLEMENT)
    batches = []
    for page in pages:
        names: JsonValue = list(page)
        accepted = await contract.new_proposal("accept_trades", cycle, names).endorse()
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
            P.BROKER_DEALER, SETTLEMENT, "subscribe", subscription=order, intent=intent
        )
        await settle(market, P.BROKER_DEALER, "pay_subscription", terms.offering, holder)
    await settle(market, P.ISSUER, "close_offering", terms.offering)
    await settle(market, P.ISSUER, "allocate_offering", terms.offering)
    await settle(market, P.TRANSFER_AGENT, "fund_offering", terms.offering)
    for page in ISSUES:
        named: JsonValue = list(page)
        await settle(market, P.TRANSFER_AGENT, "issue_units", terms.offering, named)
    await settle(market, P.ISSUER, "conclude_offering", terms.offering)


async def redeem(market: Market, network: LocalNetwork, having: Having) -> None:
    """Redeem all units in two pages; of one holder they cannot end, being frozen."""
    agent, holders = P.TRANSFER_AGENT, sorted(having.units)
    terms = ActionTerms(
        action="R-1",
        action_type=ActionType.REDEMPTION,
        security=SECURITY,
        record_at=instant(market.now() + HOUR),
        distribution=Distribution(
            asset=CASH,
            numerator=PRICE,
            payer="acme",
            payable_at=instant(market.now() + 2 * HOUR),
            claims_until=instant(market.now() + 30 * DAY),
        ),
        documents=(
            ActionDocument(name="terms", uri="https://acme.example/r", document_hash="0" * 64),
        ),
    )
    await market.submit(
        P.ISSUER, SETTLEMENT, "announce_action", terms, secret=ActionSecret(salt="5a" * 16)
    )
    await settle(market, agent, "confirm_action", "R-1")
    await market.submit(agent, Chaincode.TOKEN, "freeze_units", SECURITY, HINDERED, 1, "a court")
    network.clock.stand_still(market.now() + HOUR)
    await market.submit(agent, Chaincode.TOKEN, "seal_record_dates", SECURITY)
    everybody: JsonValue = list(holders)
    await settle(market, agent, "enter_entitlements", "R-1", everybody)
    amount = having.units.total() * PRICE
    funded = DistributionFunded(action="R-1", payer="acme", cash=CASH, amount=amount)
    await settle(market, P.BROKER_DEALER, "fund_action", "R-1", market.sign("acme", funded))
    network.clock.stand_still(market.now() + HOUR)
    pages: tuple[JsonValue, ...] = (list(holders[:2]), list(holders[2:]))
    for page in pages:
        await settle(market, agent, "pay_entitlements", "R-1", page)


# --- what must be so ---


def acts_of_trades() -> dict[str, Act]:
    """Return what moves with each trade: its units, its price, and the fee of its venue."""
    return {
        name: Act(
            units={seller: -quantity, buyer: quantity},
            money={seller: amount, buyer: -amount - FEE, HOUSE: FEE},
        )
        for name, (seller, buyer, quantity, amount, _) in TRADES.items()
    }


def acts_of_issue() -> dict[str, Act]:
    """Return what moves with each subscriber's issue: new units, and what it pays for them."""
    price = SUBSCRIBED * OFFERED_AT
    return {
        f"issued {holder}": Act(units={holder: SUBSCRIBED}, money={holder: -price, "acme": price})
        for page in ISSUES
        for holder in page
    }


def acts_of_redemption(having: Having) -> dict[str, Act]:
    """Return what moves with each holder's redemption: its units end, and it is paid."""
    return {
        f"redeemed {holder}": Act(
            units={holder: -units}, money={holder: units * PRICE, "acme": -units * PRICE}
        )
        for holder, units in having.units.items()
    }


def moved_at(state: StateView, having: Having) -> set[str]:
    """Return what has happened by a height, as its own rows say, to a peer that has them all."""
    redeemed = {f"redeemed {each}" for each in having.units if is_paid(state, "R-1", each)}
    delivered = {f"issued {each}" for each in issued_subscriptions(state)}
    return (settled_trades(state) - {DROPPED}) | delivered | redeemed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ledgers() -> AsyncIterator[Mapping[str, Ledger]]:
    """The ledger of each peer once all has happened; cycles end their trades page by page."""
    async with LocalNetwork() as network:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lifecycle, "MAX_ENDED", 1)
            await live(network)
        yield {each: network.peers[each].channels[network.channel_id].ledger for each in PEERS}


async def live(network: LocalNetwork) -> None:
    """Let everything happen."""
    market = await opened_at_nine(network)
    await market.onboard(*MONEY, *UNITS, HOUSE)
    for holder, quantity in UNITS.items():
        await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, holder, quantity)
    for holder, amount in MONEY.items():
        await market.submit(P.BANK, Chaincode.CASH, "deposit", CASH, holder, amount)
    fee = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=HOUSE, flat=FEE)
    await settle(market, P.ATS, "set_fees", [fee])
    await trade_gross(market)
    await trade_net(market, network, "C-2", DvpModel.NET_MONEY)
    await trade_net(market, network, "C-3", DvpModel.NET)
    await issue(market)
    await redeem(market, network, issued())


def begun() -> Having:
    having = Having()
    having.units.update(UNITS)
    having.money.update(MONEY)
    return having


def traded() -> Having:
    """Return what everybody has when all is traded that settles."""
    acts = acts_of_trades()
    return begun().after(acts[name] for name in acts if name not in {"T-4", DROPPED})


def issued() -> Having:
    """Return what everybody has when all that is offered is issued, too."""
    return traded().after(acts_of_issue().values())


async def test_at_no_height_has_one_leg_moved_and_the_other_not(
    ledgers: Mapping[str, Ledger], tmp_path: Path
) -> None:
    """SS-87, SS-89, SS-101: gross, at once, net, issued and redeemed in pages; on both peers."""
    acts = acts_of_trades() | acts_of_issue() | acts_of_redemption(issued())
    told = {}
    for peer in (P.CLEARING, P.TRANSFER_AGENT):
        steps: list[set[str]] = []
        has_begun = False
        async for state in each_height(ledgers[peer], tmp_path / peer):
            having = Having(units_of(state, SECURITY), money_of(state, CASH))
            assert having.units.total() == supply_of(state, Chaincode.TOKEN, SECURITY)
            assert having.money.total() == supply_of(state, Chaincode.CASH, CASH)
            has_begun = has_begun or having == begun()
            if not has_begun:
                assert not moved_at(state, issued())
                continue
            moved = moved_at(state, issued())
            assert having == begun().after(acts[name] for name in moved)
            if not steps or moved != steps[-1]:
                steps.append(moved)
        told[peer] = steps

    assert told[P.CLEARING] == told[P.TRANSFER_AGENT]
    assert told[P.CLEARING][0] == set()
    happened = [new - old for old, new in pairwise(told[P.CLEARING])]
    assert happened[-7:] == [
        {"T-3"},
        {"T-5", "T-6"},
        {"T-7", "T-8", "T-9"},
        {"issued alice", "issued bob"},
        {"issued dan"},
        {"redeemed alice", "redeemed bob"},
        {"redeemed dan"},
    ]
    assert set().union(*happened[:-7]) == {"T-1", "T-2"}


async def test_who_sees_no_money_sees_units_move_in_the_same_block_as_its_hashes(
    ledgers: Mapping[str, Ledger], tmp_path: Path
) -> None:
    """SS-87: the venue's peer has the same accounts at every height, in hashes, and no value."""
    venue = each_height(ledgers[P.ATS], tmp_path / "venue")
    async for state in each_height(ledgers[P.CLEARING], tmp_path / "clearing"):
        seen = await anext(venue)
        hashes = account_hashes(state)
        held = {
            key: found.value
            for key in hashes
            if (found := seen.get_hash(Chaincode.CASH, ACCOUNTS, key)) is not None
        }
        assert held == hashes
        assert not account_hashes(seen)
        assert units_of(seen, SECURITY) == units_of(state, SECURITY)
        assert settled_trades(seen) == settled_trades(state)
