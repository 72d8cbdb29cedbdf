"""What ``qscc`` answers about blocks and transactions (wire.md §8.2)."""

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import CHANNEL_ID, World, approval, transaction_id_of

from tallystick.node.endorsement.endorser import SYSTEM_VERSION
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import (
    ProposalResponse,
    ProposalResponsePayload,
    Response,
)
from tallystick.protos.peer.transaction_pb2 import ProcessedTransaction
from tallystick.wire.envelope import ProposalArguments
from tallystick.wire.hashing import block_header_hash

LAST = str(2**64 - 1).encode()


async def ask(world: World, *args: bytes, channel: str = CHANNEL_ID) -> ProposalResponse:
    return await world.one.endorser.process(
        world.proposal(ProposalArguments(channel, "qscc", args))
    )


async def answer(world: World, function: bytes, *args: bytes) -> Response:
    return (await ask(world, function, CHANNEL_ID.encode(), *args)).response


async def test_chain_info_needs_no_channel_in_the_proposal(world: World) -> None:
    """§8.1: the command line asks with an empty channel id."""
    for channel in ("", CHANNEL_ID):
        response = await ask(world, b"GetChainInfo", CHANNEL_ID.encode(), channel=channel)
        info = BlockchainInfo.FromString(response.response.payload)
        assert info == world.one.ledger.info()
        assert info.height == 1


async def test_the_answer_on_a_channel_is_endorsed_without_results(world: World) -> None:
    """§4: qscc and cscc run without a simulator."""
    response = await ask(world, b"GetChainInfo", CHANNEL_ID.encode())
    assert response.HasField("endorsement")
    payload = ProposalResponsePayload.FromString(response.payload)
    action = ChaincodeAction.FromString(payload.extension)
    assert action.results == b""
    assert (action.chaincode_id.name, action.chaincode_id.version) == ("qscc", SYSTEM_VERSION)


async def test_blocks_are_found_by_number_hash_and_transaction(world: World) -> None:
    proposal = world.lifecycle("ApproveChaincodeDefinitionForMyOrg", approval())
    await world.submit(proposal, world.one)
    transaction_id = transaction_id_of(proposal)
    block = world.one.ledger.block(1)
    for function, wanted in (
        (b"GetBlockByNumber", b"1"),
        (b"GetBlockByNumber", LAST),
        (b"GetBlockByHash", block_header_hash(block.header)),
        (b"GetBlockByTxID", transaction_id.encode()),
    ):
        response = await answer(world, function, wanted)
        assert Block.FromString(response.payload) == block, function
    response = await answer(world, b"GetTransactionByID", transaction_id.encode())
    found = ProcessedTransaction.FromString(response.payload)
    assert found.validationCode == 0
    assert found.transactionEnvelope.SerializeToString() == block.data.data[0]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param((b"GetChainInfo",), "Incorrect number of arguments, 1", id="no channel"),
        pytest.param(
            (b"GetBlockByNumber", b"trades"), "missing 3rd argument for GetBlockByNumber", id="2"
        ),
        pytest.param((b"GetChainInfo", b"other"), "Invalid chain ID, other", id="channel"),
        pytest.param(
            (b"GetNothing", b"trades", b""), "Requested function GetNothing not found.", id="name"
        ),
        pytest.param(
            (b"GetBlockByNumber", b"trades", b""), "Block number must not be nil.", id="empty"
        ),
        pytest.param(
            (b"GetBlockByNumber", b"trades", b"one"),
            "Failed to parse block number with error 'one' is no block number",
            id="no number",
        ),
        pytest.param(
            (b"GetBlockByNumber", b"trades", b"18446744073709551616"),
            "Failed to parse block number with error '18446744073709551616' is no block number",
            id="a number too large",
        ),
        pytest.param(
            (b"GetBlockByHash", b"trades", b""), "Block hash must not be nil.", id="empty hash"
        ),
        pytest.param(
            (b"GetBlockByHash", b"trades", b"\x01"),
            "Failed to get block hash 01, error no such block hash [01] in index",
            id="unknown hash",
        ),
        pytest.param(
            (b"GetTransactionByID", b"trades", b""),
            "Transaction ID must not be nil.",
            id="empty transaction id",
        ),
        pytest.param(
            (b"GetTransactionByID", b"trades", b"ab"),
            "Failed to get transaction with id ab, error no such transaction ID [ab] in index",
            id="unknown transaction",
        ),
        pytest.param(
            (b"GetBlockByTxID", b"trades", b"ab"),
            "Failed to get block for txID ab, error no such transaction ID [ab] in index",
            id="no block of a transaction",
        ),
    ],
)
async def test_a_peer_is_asked_for_a_block_or_a_transaction_badly(
    outcome: Outcome, world: World, args: tuple[bytes, ...], text: str
) -> None:
    with outcome.leaves(State("the ledger is as it was", lambda: world.one.ledger.height)):
        response = (await ask(world, *args)).response
    outcome.saw(f"{response.status}: {response.message}")
    assert (response.status, response.message) == (500, text)


@pytest.mark.parametrize("number", [b"7", b"9" * 19])
async def test_a_block_that_is_not_there_yet(world: World, number: bytes) -> None:
    response = await answer(world, b"GetBlockByNumber", number)
    assert response.status == 500
    text = number.decode()
    assert response.message == (
        f"Failed to get block number {text}, error no such block number [{text}] in index"
    )
