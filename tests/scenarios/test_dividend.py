"""A dividend on a network: to the second, and in confidence (F149, F150, F151, F153)."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market

from tallystick.chaincode.codec import Argument
from tallystick.client.errors import CommitError
from tallystick.contracts.actions.distributions import entitlement_key
from tallystick.contracts.actions.models import ActionSecret, Entitlement
from tallystick.contracts.actions.terms import (
    ActionDocument,
    ActionTerms,
    ActionType,
    Distribution,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import DistributionFunded, EntitlementClaimed, UnitsSent
from tallystick.node.testing import LocalNetwork

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RECORD = START + DAY
PAYABLE = START + 2 * DAY
JUST_BEFORE = timedelta(microseconds=1)
AGENT, BROKER, ISSUER = (
    Participant.TRANSFER_AGENT,
    Participant.BROKER_DEALER,
    Participant.ISSUER,
)
HOLDERS: list[JsonValue] = ["alice", "bob"]


@pytest.fixture
async def market(tally_network: LocalNetwork) -> Market:
    """Alice holds 100 units; acme, which pays 5 cents for each, has money."""
    tally_network.clock.stand_still(START)
    market = await Market.opened_on(tally_network)
    await market.onboard("alice", "bob", "acme")
    await market.fund(seller="alice", quantity=100, buyer="acme", amount=10_000)
    secret = ActionSecret(salt="5a" * 16)
    await market.submit(ISSUER, Chaincode.SETTLEMENT, "announce_action", dividend(), secret=secret)
    await settle(market, AGENT, "confirm_action", "D-1")
    return market


def dividend() -> ActionTerms:
    return ActionTerms(
        action="D-1",
        action_type=ActionType.CASH_DIVIDEND,
        security=SECURITY,
        record_at=instant(RECORD),
        distribution=Distribution(
            asset=CASH,
            numerator=5,
            payer="acme",
            payable_at=instant(PAYABLE),
            claims_until=instant(PAYABLE + 30 * DAY),
        ),
        documents=(
            ActionDocument(name="resolution", uri="https://acme.example/1", document_hash="0" * 64),
        ),
    )


async def settle(market: Market, who: str, function: str, *arguments: Argument) -> bytes:
    return await market.submit(who, Chaincode.SETTLEMENT, function, *arguments)


async def transfer(market: Market, quantity: int) -> None:
    sent = UnitsSent(security=SECURITY, sender="alice", receiver="bob", quantity=quantity)
    await market.submit(BROKER, Chaincode.TOKEN, "transfer", sent)


async def test_who_held_before_the_second_of_the_record_date_is_paid(
    market: Market, tally_network: LocalNetwork
) -> None:
    tally_network.clock.stand_still(RECORD - JUST_BEFORE)
    await transfer(market, 30)
    tally_network.clock.stand_still(RECORD)
    await transfer(market, 30)
    await settle(market, AGENT, "enter_entitlements", "D-1", HOLDERS)
    funded = DistributionFunded(action="D-1", payer="acme", cash=CASH, amount=500)
    await settle(market, BROKER, "fund_action", "D-1", market.sign("acme", funded))
    tally_network.clock.stand_still(PAYABLE)
    await settle(market, AGENT, "pay_entitlements", "D-1", HOLDERS[:1])
    claimed = EntitlementClaimed(action="D-1", holder="bob")
    await settle(market, BROKER, "claim_entitlement", claimed)

    assert (await market.money("alice"), await market.money("bob")) == (350, 150)
    key, collection = entitlement_key("D-1", "bob"), "actions_IssuerMSP"
    kept = {
        peer: private(tally_network, peer, collection, key)
        for peer in (Participant.ATS, Participant.CLEARING)
    }
    assert kept == {Participant.ATS: False, Participant.CLEARING: True}
    contract = market.gateways[AGENT].network(market.channel_id).contract(Chaincode.SETTLEMENT)
    found = await contract.evaluate("entitlement", "D-1", "bob")
    assert Entitlement.model_validate_json(found).gross == 150


async def test_what_was_endorsed_before_a_record_date_and_comes_after_it_does_not_count(
    market: Market, tally_network: LocalNetwork
) -> None:
    contract = market.gateways[BROKER].network(market.channel_id).contract(Chaincode.TOKEN)
    tally_network.clock.stand_still(RECORD - JUST_BEFORE)
    sent = UnitsSent(security=SECURITY, sender="alice", receiver="bob", quantity=30)
    early = await contract.new_proposal("transfer", sent).endorse()
    tally_network.clock.stand_still(RECORD)
    await market.submit(BROKER, Chaincode.TOKEN, "seal_record_dates", SECURITY)

    status = await (await early.submit()).status()
    with pytest.raises(CommitError, match="MVCC_READ_CONFLICT"):
        status.raise_if_invalid()
    assert (await market.units("alice"), await market.units("bob")) == (100, 0)


def private(network: LocalNetwork, msp_id: str, collection: str, key: str) -> bool:
    """Return whether a peer has the value of a private row of the settlement contract."""
    state = network.peers[msp_id].channels[network.channel_id].ledger.state
    return state.get_private(Chaincode.SETTLEMENT, collection, key) is not None
