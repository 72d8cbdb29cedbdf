"""When offers begin and end, to the second, on a network of several nodes whose clock is set."""

from datetime import timedelta

import pytest
from pydantic import JsonValue
from tests.scenarios.conftest import CASH, Market
from tests.scenarios.moments import JUST_BEFORE, START, begun_by, ended_by, opened_at_nine, refused
from tests.scenarios.test_offering import offer, order_of

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.offerings.models import OfferingTerms, PaymentTime
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import SubscriptionCancelled, SubscriptionOrder
from tallystick.node.testing import LocalNetwork

P = Participant
SETTLEMENT = Chaincode.SETTLEMENT
HOUR = timedelta(hours=1)
OPENS, CLOSES, LONG_STOP = START + HOUR, START + 5 * HOUR, START + 9 * HOUR
COOLING_OFF = timedelta(minutes=30)
PAYMENT_PERIOD = timedelta(minutes=20)
MONEY = 1_000


@pytest.fixture
async def market(tally_network: LocalNetwork) -> Market:
    """Alice, bob and carol have money, and may subscribe."""
    market = await opened_at_nine(tally_network)
    await market.onboard("treasury", "alice", "bob", "carol")
    for each in ("alice", "bob", "carol"):
        await market.submit(P.BANK, Chaincode.CASH, "deposit", CASH, each, MONEY)
    return market


async def offered(market: Market, **changes: object) -> OfferingTerms:
    """Offer units from OPENS until CLOSES."""
    times = {
        "starts_at": instant(OPENS),
        "ends_at": instant(CLOSES),
        "long_stop_at": instant(LONG_STOP),
        "cooling_off_s": int(COOLING_OFF.total_seconds()),
    }
    return await offer(market, **{**times, **changes})


async def place(market: Market, order: SubscriptionOrder) -> None:
    intent = market.sign(order.signer, order)
    await market.submit(P.BROKER_DEALER, SETTLEMENT, "subscribe", subscription=order, intent=intent)


async def pay(market: Market, subscription: str) -> None:
    await market.submit(P.BROKER_DEALER, SETTLEMENT, "pay_subscription", "O-1", subscription)


async def subscribe(market: Market, holder: str, terms: OfferingTerms) -> None:
    await place(market, order_of(holder, terms))
    await pay(market, holder)


async def cancel(market: Market, holder: str) -> None:
    said = SubscriptionCancelled(offering="O-1", subscription=holder, signer=holder)
    intent = market.sign(holder, said)
    named = ("cancel_subscription", "O-1", holder)
    await market.submit(P.BROKER_DEALER, SETTLEMENT, *named, intent=intent)


async def step(market: Market, function: str, by: Participant = P.BANK) -> None:
    """Let anybody, or somebody entitled, take a step of the offering."""
    await market.submit(by, SETTLEMENT, function, "O-1")


async def of_all(market: Market, function: str, by: Participant, *holders: str) -> None:
    named: list[JsonValue] = list(holders)
    await market.submit(by, SETTLEMENT, function, "O-1", named)


@pytest.mark.slow
@pytest.mark.requirement("SS-101")
async def test_orders_are_taken_from_the_second_of_the_start_until_before_that_of_the_end(
    market: Market, tally_network: LocalNetwork
) -> None:
    terms = await offered(market)

    early = await begun_by(tally_network, lambda: subscribe(market, "alice", terms), OPENS)
    tally_network.clock.stand_still(CLOSES - JUST_BEFORE)
    await subscribe(market, "bob", terms)
    tally_network.clock.stand_still(CLOSES)
    late = await refused(lambda: subscribe(market, "carol", terms))
    closed = await begun_by(tally_network, lambda: step(market, "close_offering"), CLOSES)

    assert (early, late, closed) == ("OFFERING_TOO_EARLY", "OFFERING_TOO_LATE", "NOT_THE_OFFEROR")
    assert [await market.money(each) for each in ("alice", "bob", "carol")] == [MONEY] * 3


@pytest.mark.slow
@pytest.mark.requirement("SS-101")
async def test_an_order_can_be_cancelled_for_as_long_as_its_cooling_off_lasts(
    market: Market, tally_network: LocalNetwork
) -> None:
    """And nothing is allocated before that is over for all who could order until the end."""
    terms = await offered(market)
    tally_network.clock.stand_still(CLOSES - timedelta(seconds=1))
    for each in ("alice", "bob"):
        await subscribe(market, each, terms)
    tally_network.clock.stand_still(CLOSES)
    await step(market, "close_offering")
    over = CLOSES - timedelta(seconds=1) + COOLING_OFF

    tally_network.clock.stand_still(over - JUST_BEFORE)
    await cancel(market, "alice")
    tally_network.clock.stand_still(over)
    cancelled = await refused(lambda: cancel(market, "bob"))
    allocated = await begun_by(
        tally_network, lambda: step(market, "allocate_offering", P.ISSUER), CLOSES + COOLING_OFF
    )

    assert (cancelled, allocated) == ("COOLING_OFF_OVER", "OFFERING_TOO_EARLY")


@pytest.mark.slow
@pytest.mark.requirement("SS-101")
async def test_an_allotment_is_paid_until_before_the_second_at_which_its_period_ends(
    market: Market, tally_network: LocalNetwork
) -> None:
    terms = await offered(
        market,
        payment=PaymentTime.AFTER_ALLOCATION,
        payment_period_s=int(PAYMENT_PERIOD.total_seconds()),
        cooling_off_s=0,
    )
    tally_network.clock.stand_still(OPENS)
    for each in ("alice", "bob"):
        await place(market, order_of(each, terms))
    tally_network.clock.stand_still(CLOSES)
    await step(market, "close_offering")
    await step(market, "allocate_offering", P.ISSUER)
    over = CLOSES + PAYMENT_PERIOD

    tally_network.clock.stand_still(over - JUST_BEFORE)
    await pay(market, "alice")
    funded = await begun_by(tally_network, lambda: step(market, "fund_offering"), over)

    assert funded == "PAYMENT_OUTSTANDING"
    assert await refused(lambda: pay(market, "bob")) == "OFFERING_STATUS"


@pytest.mark.slow
@pytest.mark.requirement("SS-101", "SS-89")
async def test_from_the_second_of_the_long_stop_nothing_is_issued_and_money_goes_back(
    market: Market, tally_network: LocalNetwork
) -> None:
    terms = await offered(market, cooling_off_s=0)
    tally_network.clock.stand_still(OPENS)
    for each in ("alice", "bob"):
        await subscribe(market, each, terms)
    tally_network.clock.stand_still(CLOSES)
    await step(market, "close_offering")
    await step(market, "allocate_offering", P.ISSUER)
    await step(market, "fund_offering")

    async def issue() -> None:
        await of_all(market, "issue_units", P.TRANSFER_AGENT, "alice")

    stopped = await ended_by(tally_network, issue, LONG_STOP)

    async def refund() -> None:
        await of_all(market, "refund_subscriptions", P.BANK, "bob")

    refunded = await begun_by(tally_network, refund, LONG_STOP)
    assert (stopped, refunded) == ("OFFERING_TOO_LATE", "UNITS_ALLOTTED")
    assert (await market.units("alice"), await market.units("bob")) == (10, 0)
    assert (await market.money("alice"), await market.money("bob")) == (MONEY - 250, MONEY)
