"""Two venues and one investor, on a network where each venue runs a peer.

SS-96: one prefunded limit and one rule of the security hold over both; what one venue does for the
investor never reaches the peer of the other.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from tests.scenarios.conftest import PEERS, Market
from tests.unit.contracts.compliance.stage import rule
from tests.unit.contracts.money import OTHER_VENUE, SALT

from tallystick.chaincode.keys import composite_key
from tallystick.client.errors import EndorseError
from tallystick.contracts.cash.models import Reservation, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.instants import instant
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import MoneyReserved, ReservationUse
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cluster.collections import Collection
from tallystick.node.cluster.member_topology import NodeTopology, OrganizationTopology, UserTopology
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.testing import LocalNetwork

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ATS, AGENT, CLEARING = Participant.ATS, Participant.TRANSFER_AGENT, Participant.CLEARING
VENUES = (ATS.value, OTHER_VENUE)
ORDERS = dict(zip(VENUES, ("O-first", "O-second"), strict=True))
DEPOSIT = 50_000
MEMBERS = (CLEARING, AGENT)
"""Whose peers have accounts; a venue's own has none, so it names theirs."""


def with_second_venue(chaincode: ChaincodeTopology) -> ChaincodeTopology:
    """Give the trades of the second venue a collection of their own."""
    if chaincode.name != Chaincode.SETTLEMENT:
        return chaincode
    assert isinstance(chaincode.collections, tuple)
    first = next(each for each in chaincode.collections if each.name == f"trades_{ATS}")
    second = Collection(
        **first.model_dump(exclude={"name", "policy"}),
        name=f"trades_{OTHER_VENUE}",
        policy=first.policy.replace(ATS, OTHER_VENUE),
    )
    return chaincode.model_copy(update={"collections": (*chaincode.collections, second)})


@pytest.fixture(scope="module")
def tally_topology() -> Topology:
    """The default network with a second venue beside the ATS."""
    default = default_topology()
    venue = OrganizationTopology(
        msp_id=OTHER_VENUE,
        domain="venue-b.example",
        peers=(NodeTopology(name="peer0", port=0, operations_port=0),),
        users=(UserTopology(name="admin", role="admin"), UserTopology(name="client")),
    )
    chaincodes = tuple(with_second_venue(each) for each in default.chaincodes)
    members = (*default.organizations, venue)
    return default.model_copy(update={"organizations": members, "chaincodes": chaincodes})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tally_network(tally_topology: Topology) -> AsyncIterator[LocalNetwork]:
    async with LocalNetwork(tally_topology) as network:
        yield network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tally_network: LocalNetwork) -> Market:
    """Bob has 50 000 cents; ACME is listed at both venues, and nobody may hold more than 15."""
    running = (*PEERS, OTHER_VENUE)
    market = await Market.opened_on(tally_network, OTHER_VENUE, running=running)
    await market.onboard("alice", "bob")
    await market.fund(seller="alice", quantity=100, buyer="bob", amount=DEPOSIT)
    licence = LicenceGrant(
        organization=OTHER_VENUE,
        licence_class="ats",
        reference="no. 2",
        valid_from=at(market, timedelta(0)),
        valid_until=at(market, timedelta(days=300)),
    )
    await market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "grant_licences", [licence])
    listed = ListingTerms(security="ACME", due_diligence_hash="0" * 64)
    await market.submit(OTHER_VENUE, Chaincode.SETTLEMENT, "list_security", listed)
    bound = RulesGiven(security="ACME", rules=(rule("maximum-holding", units=15),))
    await market.submit(AGENT, Chaincode.TOKEN, "bind_rules", bound)
    return market


def at(market: Market, offset: timedelta) -> str:
    return instant(market.now() + offset)


async def reserve(market: Market, venue: str, amount: int) -> None:
    """Let bob commit money to his order at a venue, which submits what he signed."""
    said = MoneyReserved(
        cash="USD",
        holder="bob",
        keeper=venue,
        reservation=ORDERS[venue],
        use=ReservationUse.ORDER,
        amount=amount,
        expires_at=at(market, timedelta(days=1)),
    )
    asked = SignedReservation(statement=said, intent=market.sign("bob", said), salt=SALT)
    act = (venue, Chaincode.CASH, "reserve")
    await market.submit(*act, endorsers=MEMBERS, reservation=asked)


async def reservations_seen_by(market: Market, reader: str) -> list[str]:
    contract = market.gateways[reader].network(market.channel_id).contract(Chaincode.CASH)
    asked = contract.new_proposal("reservations", "USD", "bob", endorsing_organizations=MEMBERS)
    answer = await asked.evaluate()
    return [each.name for each in TypeAdapter(list[Reservation]).validate_json(answer)]


async def agree(market: Market, trade: str, venue: str) -> TradeTerms:
    """Let alice and bob agree on ten ACME, in fulfilment of bob's order at a venue."""
    terms = market.terms(trade)
    buy = terms.buy.model_copy(update={"order": ORDERS[venue]})
    terms = terms.model_copy(update={"venue": venue, "buy": buy})
    await market.submit(venue, Chaincode.SETTLEMENT, "propose_trade", terms=terms)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")
    return terms


def private_rows(network: LocalNetwork, peer: str) -> dict[str, bool]:
    """Return which private rows of these tests the peer of an organisation has the values of."""
    state = network.peers[peer].channels[network.channel_id].ledger.state
    limits = composite_key("limits", "USD", "bob")
    rows = {
        "reservations": (Chaincode.CASH, "accounts_BankMSP", limits),
        "T-first": (Chaincode.SETTLEMENT, f"trades_{ATS}", composite_key("terms", "T-first")),
        "T-second": (
            Chaincode.SETTLEMENT,
            f"trades_{OTHER_VENUE}",
            composite_key("terms", "T-second"),
        ),
    }
    return {name: state.get_private(*place) is not None for name, place in rows.items()}


async def test_two_venues_share_one_limit_and_one_rule_and_see_nothing_of_each_other(
    market: Market, tally_network: LocalNetwork
) -> None:
    """SS-96."""
    await reserve(market, ATS, 30_000)
    with pytest.raises(EndorseError, match=r"RESERVATION_TOO_LARGE.*at most 20000 can"):
        await reserve(market, OTHER_VENUE, 20_001)
    await reserve(market, OTHER_VENUE, 20_000)
    for venue in VENUES:
        assert await reservations_seen_by(market, venue) == [ORDERS[venue]]

    await agree(market, "T-first", ATS)
    await agree(market, "T-second", OTHER_VENUE)
    await market.lock("T-first")
    await market.settle("T-first")
    with pytest.raises(EndorseError, match="HOLDING_ABOVE_LIMIT"):
        await market.lock("T-second")
    assert (await market.units("bob"), await market.money("alice")) == (10, 500)

    everything = {"reservations": True, "T-first": True, "T-second": True}
    for member in MEMBERS:
        assert private_rows(tally_network, member) == everything, member
    own = {ATS.value: "T-first", OTHER_VENUE: "T-second"}
    for venue in VENUES:
        seen = private_rows(tally_network, venue)
        assert [name for name, has in seen.items() if has] == [own[venue]], venue
    for peer in tally_network.peers:
        assert not [text for text in said(tally_network, peer) if b"O-first" in text], peer


def said(network: LocalNetwork, peer: str) -> list[bytes]:
    """Return the blocks that the peer of an organisation has."""
    ledger = network.peers[peer].channels[network.channel_id].ledger
    return [ledger.read_bytes(number) for number in range(ledger.height)]
