"""An offering on a network: many subscriptions in flight at once, and its issue in pages (SS-101).

All are endorsed before the first of them is ordered, so that every one was run on the same state.
"""

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.test_many_in_flight import each, outcome_of
from tests.unit.contracts.offerings.stage import ISIN, PRICE, pack_of

from tallystick.client.transaction import Transaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import PackReference, RulesGiven
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.instants import instant
from tallystick.contracts.offerings.models import AllocationRule, OfferingTerms
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Amendment
from tallystick.contracts.statements import SubscriptionOrder
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network, system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.protos.peer.transaction_pb2 import VALID

SUBSCRIPTIONS: Final = 300
PAGE: Final = 100
UNITS: Final = 10
P = Participant
SETTLEMENT, TOKEN = Chaincode.SETTLEMENT, Chaincode.TOKEN
INVESTORS = [f"investor-{number}" for number in range(SUBSCRIPTIONS)]


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.requirement("SS-101")
async def test_hundreds_of_subscriptions_at_once_do_not_conflict(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(900),
        running_network(on_free_ports(default_topology()), tmp_path, lambda _: None) as network,
        Access(network, system_source()) as access,
    ):
        gateways = {str(one): await access.gateway(one) for one in P}
        market = Market(network.channel_id, gateways, lambda: datetime.now(UTC))
        terms, codes = await subscribe_all(market)
        assert codes == {VALID: 3 * SUBSCRIPTIONS}

        await issue_all(market, terms)

        assert await market.money("treasury") == terms.hard_cap * PRICE
        issued = [await market.units(holder) for holder in INVESTORS]
        assert sum(issued) == terms.hard_cap
        assert max(issued) - min(issued) == 1


async def subscribe_all(market: Market) -> tuple[OfferingTerms, Counter[int]]:
    """Let everybody have money, order and pay, each all at once; return what became of it."""
    await market.open()
    await market.onboard("treasury")
    for first in range(0, SUBSCRIPTIONS, PAGE):
        await market.onboard(*INVESTORS[first : first + PAGE])
    bank = market.gateways[P.BANK].network().contract(Chaincode.CASH)
    broker = market.gateways[P.BROKER_DEALER].network().contract(SETTLEMENT)
    terms = await offer(market)

    async def deposited(holder: str) -> Transaction:
        return await bank.new_proposal("deposit", CASH, holder, UNITS * PRICE).endorse()

    async def placed(holder: str) -> Transaction:
        order = order_of(holder, terms)
        transient = {
            "subscription": secret_argument_of(order),
            "intent": secret_argument_of(market.sign(holder, order)),
        }
        return await broker.new_proposal("subscribe", transient=transient).endorse()

    async def paid(holder: str) -> Transaction:
        return await broker.new_proposal("pay_subscription", terms.offering, holder).endorse()

    codes: Counter[int] = Counter()
    for act in (deposited, placed, paid):
        in_flight = await each(act, INVESTORS)
        await each(Transaction.submit, in_flight)
        ids = {transaction.transaction_id for transaction in in_flight}
        outcomes = [await outcome_of(market.gateways[peer], ids) for peer in market.running]
        codes += outcomes[0].codes  # the next act may meet any of them
    return terms, codes


async def issue_all(market: Market, terms: OfferingTerms) -> None:
    """Close the offering, allocate it and issue all units, a page at a time."""
    for by, function in (
        (P.ISSUER, "close_offering"),
        (P.ISSUER, "allocate_offering"),
        (P.TRANSFER_AGENT, "fund_offering"),
    ):
        await market.submit(by, SETTLEMENT, function, terms.offering)
    for first in range(0, SUBSCRIPTIONS, PAGE):
        page: JsonValue = list(INVESTORS[first : first + PAGE])
        await market.submit(P.TRANSFER_AGENT, SETTLEMENT, "issue_units", terms.offering, page)
    await market.submit(P.ISSUER, SETTLEMENT, "conclude_offering", terms.offering)


async def offer(market: Market, **changes: object) -> OfferingTerms:
    """Offer so many units that everybody gets between half and all of what it orders."""
    agent = P.TRANSFER_AGENT
    named = Amendment(security=SECURITY, name="Acme common stock", identifiers=(ISIN,))
    await market.submit(agent, TOKEN, "amend_security", named)
    await market.submit(P.REGULATOR, TOKEN, "publish_pack", pack_of("small"))
    reference = PackReference(pack="small", version=1)
    given = RulesGiven(security=SECURITY, unit_price=PRICE, packs=(reference,))
    await market.submit(agent, TOKEN, "bind_rules", given)
    terms = OfferingTerms(
        offering="O-1",
        security=SECURITY,
        issuer=P.ISSUER,
        proceeds_to="treasury",
        round="series-a",
        exemption="small",
        pack="small",
        pack_version=1,
        cash=CASH,
        price=PRICE,
        starts_at=instant(market.now()),
        ends_at=instant(market.now() + timedelta(days=1)),
        maximum=UNITS,
        soft_cap=1,
        hard_cap=SUBSCRIPTIONS * UNITS * 3 // 4 + 1,
        allocation=AllocationRule.PRO_RATA,
        long_stop_at=instant(market.now() + timedelta(days=2)),
    )
    terms = OfferingTerms.model_validate({**terms.model_dump(), **changes})
    await market.submit(P.ISSUER, SETTLEMENT, "announce_offering", terms)
    await market.submit(agent, SETTLEMENT, "accept_offering", terms.offering, [ISIN])
    return terms


def order_of(holder: str, terms: OfferingTerms) -> SubscriptionOrder:
    return SubscriptionOrder(
        offering=terms.offering,
        subscription=holder,
        terms_hash=terms.digest,
        intermediary=P.BROKER_DEALER,
        signer=holder,
        holder=holder,
        payer=holder,
        quantity=UNITS,
        salt=secrets.token_hex(16),
    )
