"""The register rebuilt from the blocks of a network, at any height."""

from collections.abc import Callable

import pytest
from tests.scenarios.conftest import SECURITY, Market

from tallystick.client.network import Network
from tallystick.contracts.book import Account
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import RegisterPage
from tallystick.node.cli.register import (
    NoSuchBlockError,
    NoSuchSecurityError,
    audited,
    check_security,
)
from tallystick.node.cli.register_audit import RegisterAudit
from tallystick.node.testing import LocalNetwork
from tallystick.protos.common.common_pb2 import Block

pytestmark = pytest.mark.slow

ALICE = Account(SECURITY, "alice")


@pytest.fixture
async def network(tally_network: LocalNetwork) -> LocalNetwork:
    """After a trade that was settled, and a freeze."""
    market = await Market.opened_on(tally_network)
    await market.onboard("alice", "bob")
    await market.fund(seller="alice", quantity=100, buyer="bob", amount=500)
    terms = market.terms("T-1")
    await market.propose(terms)
    await market.consent(terms, "buyer")
    await market.consent(terms, "seller")
    await market.lock("T-1")
    await market.settle("T-1")
    agent = Participant.TRANSFER_AGENT
    await market.submit(agent, Chaincode.TOKEN, "freeze", SECURITY, "bob", "a court")
    return tally_network


def channel_of(network: LocalNetwork) -> Network:
    return network.gateway(Participant.REGULATOR).network(network.channel_id)


async def blocks_of(network: LocalNetwork) -> list[Block]:
    """Return all blocks of a network, the venue being out of business."""
    await network.stop_peer("peer0.ats.example")
    channel = channel_of(network)
    _, last = await audited(channel, None)
    async with channel.block_events(start_block=0) as stream:
        return [await anext(stream) for _ in range(last + 1)]


async def test_events_and_state_agree_after_every_block(network: LocalNetwork) -> None:
    """SS-18, SS-19, SS-22, W1: with the venue out of business."""
    audit, held = RegisterAudit(), []
    for block in await blocks_of(network):
        audit.apply(block)
        assert list(audit.findings()) == []
        position = audit.register.positions.by_account.get(ALICE)
        if position is not None and (position.quantity, position.held) not in held:
            held.append((position.quantity, position.held))
    assert held == [(100, 0), (100, 10), (90, 0)]


async def test_the_cap_table_from_events_is_what_the_register_answers(
    network: LocalNetwork,
) -> None:
    """SS-19, W1."""
    channel = channel_of(network)
    audit, _ = await audited(channel, None)
    answer = await channel.contract(Chaincode.TOKEN).evaluate("register", SECURITY)
    answered = RegisterPage.model_validate_json(answer).holdings
    told = audit.register.positions.by_account
    assert {(each.holder, each.quantity, each.held, each.stop) for each in answered} == {
        (account.holder, each.quantity, each.held, each.stop) for account, each in told.items()
    }
    assert [each.holder for each in answered] == ["alice", "bob"]


async def test_units_are_traced_back_to_their_issue(network: LocalNetwork) -> None:
    """SS-108: from any unit, through every movement, with basis and actor."""
    channel = channel_of(network)
    audit, _ = await audited(channel, None, audit=RegisterAudit(traced=SECURITY))
    settled, issued = audit.trace("bob")
    assert "alice → bob  10  settlement by ClearingMSP" in settled
    assert "issue → alice  100  issue by TransferAgentMSP" in issued
    assert list(audit.trace("alice")) == [issued]


async def test_the_audit_ends_with_the_block_that_was_asked_for(network: LocalNetwork) -> None:
    channel = channel_of(network)
    _, last = await audited(channel, None)
    audit, number = await audited(channel, last - 1, each_block=True)
    assert number == last - 1
    assert audit.register.positions.by_account[ALICE].quantity == 90
    with pytest.raises(NoSuchBlockError):
        await audited(channel, last + 1)


async def test_a_security_that_the_register_does_not_have_is_refused(
    network: LocalNetwork,
) -> None:
    """Its cap table would be empty, as that of a security which nobody holds yet."""
    audit, last = await audited(channel_of(network), None)
    check_security(audit, SECURITY, last)
    expected = f"after block {last} the register has no security 'ACNE': it has {SECURITY}"
    with pytest.raises(NoSuchSecurityError, match=expected):
        check_security(audit, "ACNE", last)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda entry: entry.replace(b'"quantity":90,"held":0', b'"quantity":91,"held":0'),
            "position ACME alice",
        ),
        (
            lambda entry: entry.replace(b'"quantity":10,"basis"', b'"quantity":11,"basis"'),
            "position ACME bob",
        ),
        (
            lambda entry: entry.replace(b'HolderFrozen","version":1', b'HolderFrozen","version":9'),
            "another version than this program reads",
        ),
    ],
    ids=["a row that was altered", "an event that was altered", "an event of a newer contract"],
)
async def test_what_disagrees_is_found(
    network: LocalNetwork, change: Callable[[bytes], bytes], found: str
) -> None:
    audit = RegisterAudit()
    changed = 0
    for block in await blocks_of(network):
        altered = Block.FromString(block.SerializeToString())
        altered.data.data[:] = map(change, block.data.data)
        changed += altered != block
        audit.apply(altered)
    assert changed == 1
    assert any(found in line for line in audit.findings())
