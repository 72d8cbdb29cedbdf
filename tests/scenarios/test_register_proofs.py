"""Proofs of holdings and events, checked without a network; what proves nothing."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.scenarios.conftest import SECURITY, Market

from tallystick.client.network import Network
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.proof import lines_of, proof_of, recorded
from tallystick.node.cli.proofs import NotProvenError, Proof, proven
from tallystick.node.cli.register import audited
from tallystick.node.cli.register_audit import RegisterAudit
from tallystick.node.deliver.verification import UntrustedBlockError
from tallystick.node.testing import LocalNetwork
from tallystick.protos.common.common_pb2 import SIGNATURES, Block, Envelope, Payload
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction

pytestmark = pytest.mark.slow

TWO = ("ClearingMSP", "TransferAgentMSP")


@pytest.fixture
async def channel(tally_network: LocalNetwork) -> Network:
    """Alice holds a hundred units."""
    market = await Market.opened_on(tally_network)
    await market.onboard("alice", "bob")
    agent = Participant.TRANSFER_AGENT
    await market.submit(agent, Chaincode.TOKEN, "issue", SECURITY, "alice", 100)
    return tally_network.gateway(Participant.REGULATOR).network(tally_network.channel_id)


def trusted(config: ChannelConfig) -> ChannelConfig:
    """Return a configuration as whoever checks has it: from the bytes of its file."""
    content = type(config.config).FromString(config.config.SerializeToString())
    return ChannelConfig.from_config(config.channel_id, content)


async def test_a_holding_is_proven_as_of_a_block(channel: Network) -> None:
    """SS-115, W32: a transaction, valid only if what it read still was so at its height."""
    proof, config = await proof_of(channel, await recorded(channel, SECURITY, "alice"), TWO)

    shown = proven(Proof.from_text(proof.to_text()), trusted(config))

    assert (shown.chaincode, shown.arguments) == ("token", ("holding", SECURITY, "alice"))
    assert json.loads(shown.answer)["quantity"] == 100
    assert shown.block_number == proof.block.header.number
    assert shown.witnesses == TWO
    assert "TransferAgentMSP" in shown.endorsers
    assert any('"quantity":100' in line for line in lines_of(shown))


async def test_an_event_is_proven(channel: Network) -> None:
    """SS-115."""
    audit, _ = await audited(channel, None, audit=RegisterAudit(traced=SECURITY))
    (issued,) = audit.movements
    proof, config = await proof_of(channel, issued.transaction_id)

    shown = proven(proof, trusted(config))

    assert shown.block_number == issued.block_number
    assert b'"token.Transferred"' in shown.event


async def test_what_was_altered_proves_nothing(channel: Network) -> None:
    proof, config = await proof_of(channel, await recorded(channel, SECURITY, "alice"), TWO)
    audit, _ = await audited(channel, None, audit=RegisterAudit(traced=SECURITY))
    other, _ = await proof_of(channel, audit.movements[0].transaction_id, TWO)

    for altered, problem in (
        (in_block(proof, more_in_the_answer), "data hash"),
        (in_block(proof, without_orderers), "BlockValidation"),
        (replace(proof, block=other.block), "has no such transaction"),
        (replace(proof, statement=other.statement), "answers another question"),
        (replace(proof, transaction_id=other.transaction_id), "answers another question"),
        (replace(proof, statement=signed_by_one(proof.statement)), "too few signed the statement"),
        (replace(proof, statement=otherwise(proof.statement)), "too few signed the statement"),
    ):
        with pytest.raises((NotProvenError, UntrustedBlockError), match=problem):
            proven(altered, trusted(config))
    with pytest.raises(NotProvenError, match="no proof"):
        Proof.from_text("{}")


def in_block(proof: Proof, alter: Callable[[Block], object]) -> Proof:
    block = Block.FromString(proof.block.SerializeToString())
    alter(block)
    return replace(proof, block=block)


def more_in_the_answer(block: Block) -> None:
    block.data.data[0] = block.data.data[0].replace(b'"quantity":100', b'"quantity":999')


def without_orderers(block: Block) -> None:
    block.metadata.metadata[SIGNATURES] = b""


def signed_by_one(statement: Envelope) -> Envelope:
    return with_action(statement, lambda action: action.action.endorsements.pop())


def otherwise(statement: Envelope) -> Envelope:
    """Return a statement to which peers did not put their names: that something else is valid."""

    def alter(action: ChaincodeActionPayload) -> None:
        said = action.action.proposal_response_payload
        action.action.proposal_response_payload = said.replace(b'"quantity":100', b'"quantity":999')

    return with_action(statement, alter)


def with_action(statement: Envelope, alter: Callable[[ChaincodeActionPayload], object]) -> Envelope:
    payload = Payload.FromString(statement.payload)
    transaction = Transaction.FromString(payload.data)
    action = ChaincodeActionPayload.FromString(transaction.actions[0].payload)
    alter(action)
    transaction.actions[0].payload = action.SerializeToString()
    payload.data = transaction.SerializeToString()
    return Envelope(payload=payload.SerializeToString(), signature=statement.signature)
