"""Licences, claims and lists on a network whose clock is shifted: to the second."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest
from tests.scenarios.conftest import CASH, KYC, KYC_HOUSE, Market

from tallystick.client.errors import EndorseError
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.screening import SCREENING
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import ClaimMade, ListUpdated
from tallystick.node.testing import LocalNetwork

pytestmark = pytest.mark.slow

P = Participant
HASH = "0" * 64


@pytest.fixture
async def market(tally_network: LocalNetwork) -> Market:
    """Alice holds 100 units, bob 1,000 cents."""
    market = await Market.opened_on(tally_network)
    await market.onboard("alice", "bob")
    await market.fund(seller="alice", quantity=100, buyer="bob", amount=1_000)
    return market


async def refused(call: Awaitable[object]) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(EndorseError) as refusal:
        await call
    return refusal.value.refusals[0].message.partition(":")[0]


def at(network: LocalNetwork, duration: timedelta) -> Instant:
    return instant(datetime.fromtimestamp(network.clock() / 1e9, UTC) + duration)


def jump_to(network: LocalNetwork, moment: Instant) -> None:
    """Let the clock of the whole network stand at the beginning of a second."""
    network.shift_clock(datetime.fromisoformat(moment).timestamp() - network.clock() / 1e9)


async def issue(market: Market) -> None:
    await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "issue", "ACME", "bob", 1)


async def test_a_licence_ends_with_its_last_second_on_every_peer(
    market: Market, tally_network: LocalNetwork
) -> None:
    """SS-35."""
    ends = at(tally_network, timedelta(days=400))
    grant = LicenceGrant(
        organization=P.TRANSFER_AGENT,
        licence_class="transfer-agent",
        reference="renewed",
        valid_from=at(tally_network, timedelta(0)),
        valid_until=ends,
    )
    await market.submit(P.REGULATOR, Chaincode.IDENTITY, "grant_licences", [grant])
    await issue(market)
    jump_to(tally_network, ends)
    assert await refused(issue(market)) == "LICENCE_EXPIRED"


async def test_a_claim_ends_with_its_last_second_on_every_peer(
    market: Market, tally_network: LocalNetwork
) -> None:
    """SS-38, SS-40."""
    ends = at(tally_network, timedelta(days=90))
    made = ClaimMade(
        subject="bob",
        topic=KYC,
        issuer=KYC_HOUSE,
        data_hash=HASH,
        valid_from=at(tally_network, timedelta(0)),
        valid_until=ends,
    )
    intent = market.sign(KYC_HOUSE, made)
    await market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "add_claim", made, intent)
    await issue(market)
    jump_to(tally_network, ends)
    assert await refused(issue(market)) == "RECEIVER_NOT_VERIFIED"


async def test_a_list_stops_units_and_money_from_the_next_block_on(market: Market) -> None:
    """SS-39."""
    await market.submit(P.REGULATOR, Chaincode.IDENTITY, "trust_issuer", SCREENING, KYC_HOUSE)
    updated = ListUpdated(
        issuer=KYC_HOUSE, list_name="ofac", version=1, list_hash=HASH, added=("bob",)
    )
    intent = market.sign(KYC_HOUSE, updated)
    await market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "update_list", updated, intent)
    assert await refused(issue(market)) == "RECEIVER_NOT_VERIFIED"
    paid = (P.BANK, Chaincode.CASH, "deposit", CASH, "bob", 1)
    assert await refused(market.submit(*paid)) == "IDENTITY_BARRED"
