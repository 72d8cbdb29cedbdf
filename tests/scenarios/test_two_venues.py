"""Two venues and one investor, on a network where each venue runs a peer.

SS-96: one prefunded limit and one rule of the security hold over both; what one venue does for the
investor never reaches the peer of the other, and of its orders the blocks that reach it tell
nothing: not whose they are, not in what, not which belong together.
"""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256

import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from tests.scenarios.conftest import PEERS, Market
from tests.scenarios.public_parts import PublicParts, public_parts
from tests.unit.contracts.compliance.stage import rule
from tests.unit.contracts.money import OTHER_VENUE, SALT

from tallystick.chaincode.keys import composite_key
from tallystick.client.errors import EndorseError, EvaluateError
from tallystick.contracts.cash.models import Reservation, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.instants import instant
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.orders.models import SignedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.readers import COMMITMENTS
from tallystick.contracts.statements import (
    MoneyReserved,
    OrderPlaced,
    OrderSide,
    ReservationUse,
)
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cluster.collections import Collection
from tallystick.node.cluster.member_topology import NodeTopology, OrganizationTopology, UserTopology
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.testing import LocalNetwork
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ATS, AGENT, CLEARING = Participant.ATS, Participant.TRANSFER_AGENT, Participant.CLEARING
VENUES = (ATS.value, OTHER_VENUE)
ORDERS = dict(zip(VENUES, ("O-first", "O-second"), strict=True))
DEPOSIT = 50_000
BROKER = Participant.BROKER_DEALER
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
    """Bob has 50 000 cents; ACME is listed at both venues, and nobody may hold more than 15.

    Alice has 100 ACME and carol 10, which the rule came too late for.
    """
    running = (*PEERS, OTHER_VENUE)
    market = await Market.opened_on(tally_network, OTHER_VENUE, running=running)
    await market.onboard("alice", "bob", "carol")
    await market.fund(seller="alice", quantity=100, buyer="bob", amount=DEPOSIT)
    await market.fund(seller="carol", quantity=10, buyer="carol", amount=1)
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


async def reserve(market: Market, venue: str, amount: int, name: str = "") -> None:
    """Let bob commit money to his order at a venue; his broker submits it, and names no venue."""
    said = MoneyReserved(
        cash="USD",
        holder="bob",
        keeper=venue,
        reservation=name or ORDERS[venue],
        use=ReservationUse.ORDER,
        amount=amount,
        expires_at=at(market, timedelta(days=1)),
    )
    asked = SignedReservation(statement=said, intent=market.sign("bob", said), salt=SALT)
    act = (BROKER, Chaincode.CASH, "reserve")
    await market.submit(*act, endorsers=MEMBERS, reservation=asked)


async def reservations_seen_by(market: Market, reader: str) -> list[str]:
    contract = market.gateways[reader].network(market.channel_id).contract(Chaincode.CASH)
    asked = contract.new_proposal("reservations", "USD", "bob", endorsing_organizations=MEMBERS)
    answer = await asked.evaluate()
    return [each.name for each in TypeAdapter(list[Reservation]).validate_json(answer)]


async def agree(market: Market, trade: str, venue: str) -> TradeTerms:
    """Let alice and bob agree on ten ACME, in fulfilment of bob's order at a venue."""
    terms = market.terms(trade)
    buy = terms.buy.model_copy(update={"order": ORDERS[venue], "is_placed": True})
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

    for venue in VENUES:
        await market.place_order(an_order(market, ORDERS[venue], venue, "bob", 12))
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
    (told,) = [
        each
        for each in calls_in_blocks(tally_network, OTHER_VENUE, b"place_order")
        if ORDERS[ATS].encode() in each.envelope
    ]
    assert b"bob" not in told.envelope


# --- what blocks tell the peer of the other venue ---


def an_order(market: Market, name: str, venue: str, holder: str, quantity: int) -> SignedOrder:
    """Return an order as its holder signs it: bob buys, the others sell."""
    statement = OrderPlaced(
        venue=venue,
        order=name,
        holder=holder,
        side=OrderSide.BUY if holder == "bob" else OrderSide.SELL,
        security="ACME",
        quantity=quantity,
        broker=BROKER,
        expires_at=at(market, timedelta(days=1)),
    )
    return market.signed_order(statement)


def calls_in_blocks(network: LocalNetwork, peer: str, function: bytes) -> list[PublicParts]:
    """Return the calls of a function, from the blocks of an organisation's peer."""
    ledger = network.peers[peer].channels[network.channel_id].ledger
    return [
        each
        for number in range(ledger.height)
        for each in public_parts(ledger.read_bytes(number))
        if each.arguments[0] == function
    ]


def guesses(words: list[str]) -> dict[str, list[bytes]]:
    """Return what words look like in plain text, and hashed without a salt."""
    digests = {word: sha256(word.encode()) for word in words}
    return {
        word: [word.encode(), digest.digest(), digest.hexdigest().encode()]
        for word, digest in digests.items()
    }


def told_by(parts: PublicParts, words: list[str]) -> list[str]:
    looks = guesses(words)
    return [word for word in words if any(look in parts.envelope for look in looks[word])]


async def test_blocks_tell_the_other_venue_nothing_of_an_investors_orders(
    market: Market, tally_network: LocalNetwork
) -> None:
    """SS-96, SS-107: it has all blocks, and of its own order of alice all that there is."""
    theirs = an_order(market, "O-theirs", ATS, "alice", 41)
    own = an_order(market, "O-own", OTHER_VENUE, "alice", 39)
    carols = an_order(market, "O-carols", ATS, "carol", 7)
    for order in (theirs, own, carols):
        await market.place_order(order)
    with pytest.raises(EvaluateError, match="UNITS_COMMITTED: alice has not 60 units of ACME left"):
        await market.place_order(an_order(market, "O-more", OTHER_VENUE, "alice", 60))
    stored = calls_in_blocks(tally_network, OTHER_VENUE, b"place_order")
    found = {
        name: next(each for each in stored if name.encode() in each.envelope)
        for name in ("O-theirs", "O-own", "O-carols")
    }

    wallet = market.wallets["alice"]
    der = base64.b64decode(wallet.public_key)
    assert der not in found["O-theirs"].envelope
    assert theirs.intent is not None
    assert own.intent is not None
    words = ["alice", "ACME", wallet.key, wallet.public_key, own.salt, theirs.salt, "sell"]
    words += [theirs.intent.signature, theirs.intent.nonce, own.intent.nonce]
    words += [BROKER.value + "/alice", theirs.statement.expires_at]
    assert told_by(found["O-theirs"], words) == []
    common = found["O-theirs"].places & found["O-own"].places
    assert common == found["O-carols"].places & found["O-own"].places
    assert found["O-own"].arguments == found["O-theirs"].arguments == (b"place_order",)

    state = tally_network.peers[OTHER_VENUE].channels[tally_network.channel_id].ledger.state
    blinded = sha256(f"{theirs.salt}/commitment/{ATS}/order/O-theirs/sell".encode()).hexdigest()
    row = composite_key("order", "O-theirs")
    assert state.get_private(Chaincode.SETTLEMENT, f"trades_{ATS}", row) is None
    committed = composite_key("commitment", "ACME", "alice", theirs.statement.expires_at, blinded)
    assert state.get_private(Chaincode.SETTLEMENT, COMMITMENTS, committed) is None
    watcher = tally_network.peers[CLEARING].channels[tally_network.channel_id].ledger.state
    assert watcher.get_private(Chaincode.SETTLEMENT, COMMITMENTS, committed) is not None


async def test_what_names_an_investor_is_found_in_blocks(
    market: Market, tally_network: LocalNetwork
) -> None:
    """So the test above can fail: a reservation asks for its holder's key in public."""
    await market.fund(seller="carol", quantity=1, buyer="bob", amount=2)
    for venue in VENUES:
        await reserve(market, venue, 1, "R-1")
    first, last = calls_in_blocks(tally_network, OTHER_VENUE, b"reserve")[-2:]

    assert [told_by(each, ["bob", *VENUES]) for each in (first, last)] == [["bob"], ["bob"]]
    assert [place for place in first.places & last.places if place[1] == "accounts_BankMSP"]


async def test_of_two_orders_that_are_sent_at_once_the_limit_lets_one_pass(
    market: Market,
) -> None:
    """Each fits alone: both take the same turn, and whichever is ordered second is invalid."""
    await market.onboard("dora")
    await market.fund(seller="dora", quantity=9, buyer="dora", amount=1)
    contract = market.gateways[BROKER].network(market.channel_id).contract(Chaincode.SETTLEMENT)
    endorsed = []
    for name, venue in zip(("O-left", "O-right"), VENUES, strict=True):
        order = an_order(market, name, venue, "dora", 5)
        permit = await market.permit_for(order)
        transient = {"order": secret_argument_of(order), "permit": secret_argument_of(permit)}
        proposal = contract.new_proposal(
            "place_order", transient=transient, endorsing_organizations=MEMBERS
        )
        endorsed.append(await proposal.endorse())
    commits = [await each.submit() for each in endorsed]
    codes = [(await each.status()).code for each in commits]

    assert codes == [TxValidationCode.VALID, TxValidationCode.MVCC_READ_CONFLICT]
    again = an_order(market, "O-again", OTHER_VENUE, "dora", 5)
    with pytest.raises(EvaluateError, match="UNITS_COMMITTED"):
        await market.permit_for(again)
