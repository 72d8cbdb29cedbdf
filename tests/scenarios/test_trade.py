"""A trade between two investors, on a network in one process and on one of many."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from tests.scenarios.conftest import PEERS, Market

from tallystick.client.errors import CommitError, EndorseError, EvaluateError
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network, system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.node.testing import LocalNetwork

MAX_RESIDENT_MEMORY_MIB = 120
ENDORSED_WITHIN_S = 60
SETTLED_WITHIN_S = 180
"""Also by processes on a machine that has much else to do."""


@pytest.fixture
async def market(tally_network: LocalNetwork) -> Market:
    """Alice holds 100 units, bob 1,000 cents."""
    market = await Market.opened_on(tally_network)
    await market.onboard("alice", "bob")
    await market.fund(seller="alice", quantity=100, buyer="bob", amount=1_000)
    return market


async def agree(
    market: Market,
    trade: str,
    *,
    quantity: int = 10,
    amount: int = 500,
    endorsers: tuple[str, ...] = (),
) -> None:
    """Propose a trade, endorsed by ``endorsers`` if there are any, and consent to it."""
    terms = market.terms(trade, quantity=quantity, amount=amount)
    await market.propose(terms, endorsers)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")


async def test_delivery_and_payment_happen_together_on_every_peer(market: Market) -> None:
    """SS-24, SS-87."""
    await agree(market, "T-1")
    await market.lock("T-1")
    assert (await market.units("bob"), await market.money("alice")) == (0, 0)
    await market.settle("T-1")
    for peer in PEERS:
        assert [await market.units(each, peer) for each in ("alice", "bob")] == [90, 10]
    for peer in (Participant.CLEARING, Participant.TRANSFER_AGENT):
        assert [await market.money(each, peer) for each in ("alice", "bob")] == [500, 500]


async def test_a_trade_without_the_consent_of_both_sides_is_not_locked(market: Market) -> None:
    terms = market.terms("T-1")
    await market.propose(terms)
    await market.consent(terms, "buyer")
    with pytest.raises(EndorseError) as refused:
        await market.lock("T-1")
    assert refused.value.refusals[0].message.startswith("CONSENT_MISSING")


async def test_settlement_without_the_clearing_firms_endorsement_is_void(market: Market) -> None:
    await agree(market, "T-1")
    await market.lock("T-1")
    with pytest.raises(CommitError) as void:
        await market.settle("T-1", endorsers=(Participant.TRANSFER_AGENT,))
    assert void.value.code_name == "ENDORSEMENT_POLICY_FAILURE"
    assert await market.units("bob") == 0


async def test_every_unit_returns_when_a_locked_trade_expires(
    market: Market, tally_network: LocalNetwork
) -> None:
    await agree(market, "T-1", quantity=100, amount=1_000)
    await market.lock("T-1")
    tally_network.shift_clock(timedelta(days=2).total_seconds())
    await market.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "expire", "T-1")
    assert (await market.units("alice"), await market.money("bob")) == (100, 1_000)
    await agree(market, "T-2", quantity=100, amount=1_000)
    await market.lock("T-2")  # which takes all of both: nothing is locked any more


async def test_a_proposal_further_from_the_endorsers_clock_than_a_minute_is_refused(
    tally_network: LocalNetwork,
) -> None:
    contract = tally_network.contract("ATSMSP", "token")
    tally_network.shift_clock(61)
    early = contract.new_proposal("balance_of", "ACME", "alice")
    tally_network.shift_clock(-61)
    with pytest.raises(EvaluateError) as refused:
        await early.evaluate()
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.cluster
async def test_separate_processes_settle_the_same_trade_over_tls(tmp_path: Path) -> None:
    """SS-114."""
    topology = on_free_ports(default_topology())
    async with (
        asyncio.timeout(SETTLED_WITHIN_S),
        running_network(topology, tmp_path, lambda _: None) as network,
        Access(network, system_source()) as access,
    ):
        gateways = {str(each): await access.gateway(each) for each in Participant}
        market = Market(network.channel_id, gateways, lambda: datetime.now(UTC))
        await market.open()
        await market.onboard("alice", "bob")
        await market.fund(seller="alice", quantity=100, buyer="bob", amount=1_000)
        await agree(market, "T-1")
        await market.lock("T-1")
        await market.settle("T-1")
        assert [await market.units(each) for each in ("alice", "bob")] == [90, 10]
        assert [await market.money(each) for each in ("alice", "bob")] == [500, 500]
        assert resident_memory_mib(network) < MAX_RESIDENT_MEMORY_MIB


@pytest.mark.cluster
@pytest.mark.slow
async def test_a_member_that_was_down_gets_the_terms_and_endorses_the_settlement(
    tmp_path: Path,
) -> None:
    """§13: without the terms, the transfer agent's peer could not run a step of the trade."""
    rule = "OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')"
    default = on_free_ports(default_topology())
    chaincodes = tuple(
        each.model_copy(update={"endorsement": rule}) if each.name == "settlement" else each
        for each in default.chaincodes
    )
    topology = default.model_copy(update={"chaincodes": chaincodes})
    async with (
        asyncio.timeout(SETTLED_WITHIN_S),
        running_network(topology, tmp_path, lambda _: None) as network,
        Access(network, system_source()) as access,
    ):
        gateways = {str(each): await access.gateway(each) for each in Participant}
        market = Market(network.channel_id, gateways, lambda: datetime.now(UTC))
        await market.open()
        await market.onboard("alice", "bob")
        await market.fund(seller="alice", quantity=100, buyer="bob", amount=1_000)
        launcher, agent = Launcher(network), network.peer_of(Participant.TRANSFER_AGENT)
        await launcher.stop(agent)
        market.running = (Participant.ATS, Participant.CLEARING)
        # A proposal reads the register, so a gateway by itself would ask the transfer agent too.
        await agree(market, "T-1", endorsers=market.running)
        launcher.start(agent)
        await launcher.wait_until_ready(agent)
        market.running = PEERS
        await endorsed(lambda: market.lock("T-1"))
        await market.settle("T-1", endorsers=(Participant.CLEARING, Participant.TRANSFER_AGENT))
        assert [await market.money(each) for each in ("alice", "bob")] == [500, 500]


async def endorsed(submit: Callable[[], Awaitable[None]]) -> None:
    """Return once a step is endorsed: until a peer has what it missed, it refuses."""
    async with asyncio.timeout(ENDORSED_WITHIN_S):
        while True:
            try:
                return await submit()
            except EndorseError:
                await asyncio.sleep(0.1)


def resident_memory_mib(network: Network) -> float:
    """Return the resident memory of the largest node process."""
    launcher = Launcher(network)
    pages = [
        int(Path(f"/proc/{launcher.pid(node)}/statm").read_text().split()[1])
        for node in network.nodes
    ]
    return max(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
