"""Who gets to know a trade, on a network with a second venue (SS-107; wire.md §9.3, §13)."""

import json
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256

import pytest
import pytest_asyncio
from tests.scenarios.conftest import SECURITY, Market

from tallystick.chaincode.events import EventRecord
from tallystick.chaincode.keys import composite_key
from tallystick.client.errors import EndorseError, EvaluateError
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identities.models import InvestorReference
from tallystick.contracts.identity.models import References
from tallystick.contracts.orders.models import SignedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.readers import COMMITMENTS
from tallystick.contracts.statements import MoneySent, OrderPlaced, OrderSide
from tallystick.contracts.trades.models import Status, TradePage, TradeView
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.node.cluster.collections import Collection
from tallystick.node.cluster.member_topology import NodeTopology, OrganizationTopology, UserTopology
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.observability.operations import Operations, Request, respond
from tallystick.node.testing import LocalNetwork
from tallystick.protos.common.common_pb2 import Block, ChannelHeader, Envelope, Payload
from tallystick.protos.ledger.rwset.rwset_pb2 import TxReadWriteSet
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeProposalPayload,
)
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction

pytestmark = pytest.mark.asyncio(loop_scope="module")

ATS, CLEARING, AGENT = Participant.ATS, Participant.CLEARING, Participant.TRANSFER_AGENT
SECOND_VENUE = "VenueBMSP"
TRADES, ACCOUNTS = "trades_ATSMSP", "accounts_BankMSP"
AMOUNT = 987_654_321
PARTIES = ("alice", "bob")


def other_venue() -> OrganizationTopology:
    peer = NodeTopology(name="peer0", port=0, operations_port=0)
    users = (UserTopology(name="admin", role="admin"), UserTopology(name="client"))
    return OrganizationTopology(
        msp_id=SECOND_VENUE, domain="venue-b.example", peers=(peer,), users=users
    )


def quiet(chaincode: ChaincodeTopology, copies: dict[str, int]) -> tuple[Collection, ...]:
    """Return the collections of a chaincode with other numbers of copies."""
    assert isinstance(chaincode.collections, tuple)
    return tuple(each.model_copy(update=copies) for each in chaincode.collections)


@pytest.fixture(scope="session")
def tally_topology() -> Topology:
    """The default network, a second venue beside it; and nobody hands terms on before a commit.

    So a peer that does not endorse a proposal is in the place of one that is down meanwhile.
    """
    default = default_topology()
    nobody = {"required_peer_count": 0, "maximum_peer_count": 0}
    rule = "OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')"
    chaincodes = tuple(
        each.model_copy(update={"collections": quiet(each, nobody), "endorsement": rule})
        if each.name == Chaincode.SETTLEMENT
        else each
        for each in default.chaincodes
    )
    members = (*default.organizations, other_venue())
    return default.model_copy(update={"chaincodes": chaincodes, "organizations": members})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tally_network(tally_topology: Topology) -> AsyncIterator[LocalNetwork]:
    """One network for all tests: each has a trade of its own."""
    async with LocalNetwork(tally_topology) as network:
        yield network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tally_network: LocalNetwork) -> Market:
    """Alice holds more units than the trades take, bob more than they cost."""
    market = await Market.opened_on(tally_network, SECOND_VENUE)
    await market.onboard("alice", "bob", "carol")
    await market.fund(seller="alice", quantity=1_000, buyer="bob", amount=97 * AMOUNT)
    return market


@pytest.fixture
def terms(market: Market, request: pytest.FixtureRequest) -> TradeTerms:
    """Terms of a trade that is named after the test."""
    name = sha256(request.node.name.encode()).hexdigest()[:12]
    return market.terms(f"T-{name}", quantity=10, amount=AMOUNT)


async def propose(market: Market, terms: TradeTerms, network: LocalNetwork) -> None:
    """Propose a trade, and let whichever member has not endorsed that fetch the terms."""
    await market.propose(terms)
    for msp_id in (ATS, CLEARING, AGENT):
        await catch_up(network, msp_id)


async def lock(market: Market, terms: TradeTerms, network: LocalNetwork) -> None:
    await propose(market, terms, network)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")
    await market.lock(terms.trade)


async def settle(market: Market, terms: TradeTerms, network: LocalNetwork) -> None:
    await lock(market, terms, network)
    await market.settle(terms.trade)


async def catch_up(network: LocalNetwork, msp_id: str) -> None:
    peer = network.peers[msp_id]
    await peer.privacy.reconciler(peer.channels[network.channel_id]).reconcile()


def blocks(network: LocalNetwork, msp_id: str = SECOND_VENUE) -> list[bytes]:
    ledger = network.peers[msp_id].channels[network.channel_id].ledger
    return [ledger.read_bytes(number) for number in range(ledger.height)]


def private(network: LocalNetwork, msp_id: str, chaincode: str, collection: str, key: str) -> bool:
    """Return whether a peer has the value of a private row."""
    state = network.peers[msp_id].channels[network.channel_id].ledger.state
    return state.get_private(chaincode, collection, key) is not None


def said_of(trade: str, network: LocalNetwork) -> Iterator[tuple[str, bytes]]:
    """Yield what each transaction that touches a trade says in public, part by part."""
    for block in blocks(network):
        for data in Block.FromString(block).data.data:
            payload = Payload.FromString(Envelope.FromString(data).payload)
            if payload.header.channel_header and trade.encode() in payload.data:
                for action in Transaction.FromString(payload.data).actions:
                    yield from parts_of(ChaincodeActionPayload.FromString(action.payload))


def parts_of(action: ChaincodeActionPayload) -> Iterator[tuple[str, bytes]]:
    proposal = ChaincodeProposalPayload.FromString(action.chaincode_proposal_payload)
    yield "arguments", proposal.input
    response = ProposalResponsePayload.FromString(action.action.proposal_response_payload)
    done = ChaincodeAction.FromString(response.extension)
    yield "result", done.response.payload
    yield "event", ChaincodeEvent.FromString(done.events).payload
    for namespace in TxReadWriteSet.FromString(done.results).ns_rwset:
        yield namespace.namespace, namespace.rwset


async def test_no_block_of_any_peer_ever_tells_a_price_or_a_salt(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    await settle(market, terms, tally_network)
    cancelled = market.terms("T-cancelled", quantity=5, amount=AMOUNT + 1)
    await lock(market, cancelled, tally_network)
    # The venue's own peer has no accounts to release money in, so the venue names those that do.
    await market.submit(
        ATS, Chaincode.SETTLEMENT, "cancel", "T-cancelled", "an error", endorsers=(CLEARING, AGENT)
    )
    for msp_id in tally_network.peers:
        chain = b"".join(blocks(tally_network, msp_id))
        assert terms.digest.encode() in chain
        for trade in (terms, cancelled):
            assert str(trade.amount).encode() not in chain
            assert trade.salt.encode() not in chain


async def test_who_watches_the_health_of_a_node_learns_of_no_holder(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    """SS-08: of the same blocks whoever may ask the register learns the holders."""
    await settle(market, terms, tally_network)
    for peer in tally_network.peers.values():
        operations = Operations(peer.health_checks, peer.metrics.registry)
        shown = [respond(Request("GET", path), operations) for path in ("/healthz", "/metrics")]
        assert b"ledger_blockchain_height" in shown[1]
        for word in (*PARTIES, SECURITY, terms.trade, str(terms.amount)):
            assert not [text for text in shown if word.encode() in text]


async def test_what_settlement_and_cash_say_in_public_never_names_the_parties(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    """Who holds units is the register's affair, whose key was checked the identity contract's."""
    await settle(market, terms, tally_network)
    said = list(said_of(terms.trade, tally_network))
    assert {"arguments", "event", "settlement", "cash", "token"} <= {part for part, _ in said}
    silent = [text for part, text in said if part in {"arguments", "result", "settlement", "cash"}]
    assert not [text for text in silent if any(party.encode() in text for party in PARTIES)]


async def test_until_the_legs_are_locked_no_event_names_the_parties(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    await propose(market, terms, tally_network)
    for _, text in said_of(
        terms.trade, tally_network
    ):  # nor does anything else, before the consents
        assert not any(party.encode() in text for party in PARTIES)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")
    events = [text for part, text in said_of(terms.trade, tally_network) if part == "event"]
    assert len(events) == 3
    assert not any(party.encode() in text for text in events for party in PARTIES)


async def test_peers_of_members_hold_the_terms_and_others_do_not(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    await settle(market, terms, tally_network)
    position = composite_key("position", "USD", "bob")
    for msp_id, trade, account in (
        (ATS, True, False),
        (CLEARING, True, True),
        (AGENT, True, True),
        (SECOND_VENUE, False, False),
    ):
        key = composite_key("terms", terms.trade)
        assert private(tally_network, msp_id, "settlement", TRADES, key) is trade, msp_id
        assert private(tally_network, msp_id, "cash", ACCOUNTS, position) is account, msp_id


async def view(market: Market, reader: str, trade: str, party: str = "") -> TradeView:
    contract = market.gateways[reader].network(market.channel_id).contract(Chaincode.SETTLEMENT)
    return TradeView.model_validate_json(await contract.evaluate("trade", trade, party))


READERS = (
    (Participant.ATS, "", True),
    (Participant.CLEARING, "", True),
    (Participant.TRANSFER_AGENT, "", True),
    (Participant.REGULATOR, "", True),
    (Participant.BROKER_DEALER, "", False),
    (Participant.BROKER_DEALER, "bob", True),
    (Participant.BROKER_DEALER, "carol", False),
    (Participant.ISSUER, "bob", False),
    (SECOND_VENUE, "", False),
    (SECOND_VENUE, "bob", False),
)


async def test_readers_see_the_terms_or_the_hash(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    await propose(market, terms, tally_network)
    await catch_up(tally_network, CLEARING)
    await catch_up(tally_network, AGENT)
    for reader, party, sees in READERS:
        seen = await view(market, reader, terms.trade, party)
        assert seen.trade.terms_hash == terms.digest
        assert seen.terms == (terms if sees else None), (reader, party)
    for reader, sees in ((ATS, True), (SECOND_VENUE, False)):
        contract = market.gateways[reader].network(market.channel_id).contract("settlement")
        lines = TradePage.model_validate_json(await contract.evaluate("trades")).trades
        assert terms.trade in [line.trade.trade for line in lines]
        assert {line.terms is not None for line in lines} == {sees}


async def test_what_a_trade_does_to_accounts_is_for_their_readers(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    await settle(market, terms, tally_network)
    cash = market.gateways[SECOND_VENUE].network(market.channel_id).contract(Chaincode.CASH)
    for call in (("balance_of", "USD", "bob"), ("accounts", "USD"), ("entries", "USD", "x")):
        with pytest.raises(EvaluateError, match=r"MANDATE_MISSING|LICENCE_MISSING"):
            await cash.evaluate(*call)
    bank = market.gateways[Participant.BANK].network(market.channel_id).contract(Chaincode.CASH)
    found = [
        EventRecord.model_validate(record)
        for transaction_id in transaction_ids(tally_network)
        for record in json.loads(await bank.evaluate("entries", "USD", transaction_id))
        if record["data"]["lock"] == terms.trade
    ]
    assert [record.type for record in found] == ["cash.Locked", "cash.Transferred"]
    assert [record.data["amount"] for record in found] == [AMOUNT, AMOUNT]


async def test_a_broker_pays_and_reads_for_its_client(market: Market) -> None:
    broker = market.gateways[Participant.BROKER_DEALER].network(market.channel_id)
    cash = broker.contract(Chaincode.CASH)
    before = await cash.evaluate("balance_of", "USD", "alice")
    sent = MoneySent(cash="USD", sender="bob", receiver="alice", amount=5)
    await market.submit(Participant.BROKER_DEALER, Chaincode.CASH, "transfer", sent)
    await market.submit(Participant.BROKER_DEALER, Chaincode.CASH, "transfer", sent)
    after = await cash.evaluate("balance_of", "USD", "alice")
    assert int(after) - int(before) == 10


def transaction_ids(network: LocalNetwork) -> Iterator[str]:
    for block in blocks(network):
        for data in Block.FromString(block).data.data:
            payload = Payload.FromString(Envelope.FromString(data).payload)
            header = ChannelHeader.FromString(payload.header.channel_header)
            if header.tx_id:
                yield header.tx_id


async def test_a_member_that_missed_the_terms_gets_them_and_endorses_the_settlement(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    """§13: what is missing is reconciled; the transfer agent endorses what it learned so."""
    without_agent = (ATS, CLEARING)
    await market.submit(
        ATS, Chaincode.SETTLEMENT, "propose_trade", endorsers=without_agent, terms=terms
    )
    await catch_up(tally_network, AGENT)
    key = composite_key("terms", terms.trade)
    assert private(tally_network, AGENT, "settlement", TRADES, key)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")
    with_agent = (CLEARING, AGENT)
    await market.submit(
        CLEARING, Chaincode.SETTLEMENT, "lock_legs", terms.trade, endorsers=with_agent
    )
    await market.settle(terms.trade, endorsers=with_agent)
    seen = await view(market, Participant.TRANSFER_AGENT, terms.trade)
    assert (seen.trade.status, seen.terms) == (Status.SETTLED, terms)


async def test_a_venue_that_is_no_member_cannot_endorse_a_settlement(
    market: Market, terms: TradeTerms, tally_network: LocalNetwork
) -> None:
    await propose(market, terms, tally_network)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")
    lock_legs = (Chaincode.SETTLEMENT, "lock_legs", terms.trade)
    with pytest.raises(EndorseError, match="private data matching public hash version is not"):
        await market.submit(CLEARING, *lock_legs, endorsers=(SECOND_VENUE, AGENT))


async def test_what_is_committed_over_all_venues_lies_with_no_venue(
    market: Market, tally_network: LocalNetwork
) -> None:
    """SS-49, W3: the order lies with its venue, and the sum with those who see every venue."""

    def order(name: str, quantity: int) -> SignedOrder:
        statement = OrderPlaced(
            venue=ATS,
            order=name,
            holder="carol",
            side=OrderSide.SELL,
            security="ACME",
            quantity=quantity,
            broker=Participant.BROKER_DEALER,
            expires_at="2099-12-31T00:00:00Z",
        )
        return market.signed_order(statement)

    await market.fund(seller="carol", quantity=123_457, buyer="bob", amount=1)
    placed = order("O-1", 123_456)
    await market.place_order(placed, Participant.ISSUER)
    with pytest.raises(EvaluateError, match="UNITS_COMMITTED"):
        await market.place_order(order("O-2", 2), Participant.ISSUER)
    blinded = sha256(f"{placed.salt}/commitment/{ATS}/order/O-1/sell".encode()).hexdigest()
    committed = composite_key("commitment", "ACME", "carol", placed.statement.expires_at, blinded)
    for msp_id, has_order, has_sum in (
        (ATS, True, False),
        (CLEARING, True, True),
        (AGENT, True, True),
        (SECOND_VENUE, False, False),
    ):
        await catch_up(tally_network, msp_id)
        key = composite_key("order", "O-1")
        assert private(tally_network, msp_id, "settlement", TRADES, key) is has_order, msp_id
        assert private(tally_network, msp_id, "settlement", COMMITMENTS, committed) is has_sum
    assert b"123456" not in b"".join(blocks(tally_network))


async def test_references_to_investors_reach_those_who_may_know(
    market: Market, tally_network: LocalNetwork
) -> None:
    reference = InvestorReference(identity="dora", record="id-service/4711", salt="5a" * 16)
    await market.register("dora", data_hash=reference.data_hash)
    await market.submit(
        Participant.BROKER_DEALER,
        Chaincode.IDENTITY,
        "keep_references",
        references=References(investors=(reference,)),
    )
    chain = b"".join(blocks(tally_network))
    assert reference.data_hash.encode() in chain
    assert b"id-service/4711" not in chain
    agent = market.gateways[Participant.TRANSFER_AGENT].network(market.channel_id)
    found = References.model_validate_json(
        await agent.contract(Chaincode.IDENTITY).evaluate("references", "dora")
    )
    assert found.investors == (reference,)
    key = composite_key("investor", "dora")
    for msp_id, holds in ((CLEARING, True), (AGENT, True), (ATS, False), (SECOND_VENUE, False)):
        assert private(tally_network, msp_id, "identity", "investors", key) is holds
