"""The forms of a delivered block: wire.md §6."""

import pytest
from tests.unit.conftest import CHANNEL_ID, ChannelMaterial

from tallystick.node.deliver.responses import (
    filtered_block_response,
    header_response,
    is_config_block,
    status_response,
    whole_block_response,
)
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    Status,
)
from tallystick.protos.orderer import ab_pb2
from tallystick.protos.peer import events_pb2
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
    TxValidationCode,
)

EVENT = ChaincodeEvent(chaincode_id="token", tx_id="t1", event_name="moved", payload=b"secret")


def entry(header_type: int, transaction_id: str, data: bytes = b"") -> bytes:
    header = ChannelHeader(type=header_type, channel_id=CHANNEL_ID, tx_id=transaction_id)
    payload = Payload(header=Header(channel_header=header.SerializeToString()), data=data)
    return Envelope(payload=payload.SerializeToString(), signature=b"s").SerializeToString()


def transaction(transaction_id: str, event: ChaincodeEvent | None) -> bytes:
    events = b"" if event is None else event.SerializeToString()
    response = ProposalResponsePayload(extension=ChaincodeAction(events=events).SerializeToString())
    action = ChaincodeActionPayload(
        action=ChaincodeEndorsedAction(proposal_response_payload=response.SerializeToString())
    )
    data = Transaction(actions=[TransactionAction(payload=action.SerializeToString())])
    return entry(ENDORSER_TRANSACTION, transaction_id, data.SerializeToString())


def block(*entries: bytes, codes: bytes = b"") -> bytes:
    return Block(
        header=BlockHeader(number=7),
        data=BlockData(data=entries),
        metadata=BlockMetadata(metadata=[b"signatures", b"", codes, b"", b""]),
    ).SerializeToString()


@pytest.mark.parametrize("size", [0, 100, 20_000, 3_000_000])
def test_a_whole_block_is_framed_as_it_lies_in_the_store(size: int) -> None:
    stored = block(bytes(size))
    expected = ab_pb2.DeliverResponse(block=Block.FromString(stored))
    assert whole_block_response(stored) == expected.SerializeToString()


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.NOT_FOUND, Status.SERVICE_UNAVAILABLE])
def test_peers_and_orderers_share_the_encoding_of_a_status(status: Status.ValueType) -> None:
    assert status_response(status) == ab_pb2.DeliverResponse(status=status).SerializeToString()


def filtered(stored: bytes) -> events_pb2.FilteredBlock:
    return events_pb2.DeliverResponse.FromString(filtered_block_response(stored)).filtered_block


def test_a_filtered_block_says_ids_types_verdicts_and_events_without_payload() -> None:
    stored = block(transaction("t1", EVENT), transaction("t2", None), codes=bytes([0, 11]))
    result = filtered(stored)
    assert (result.channel_id, result.number) == (CHANNEL_ID, 7)
    first, second = result.filtered_transactions
    assert (first.txid, first.type, first.tx_validation_code) == (
        "t1", ENDORSER_TRANSACTION, TxValidationCode.VALID,
    )  # fmt: skip
    (action,) = first.transaction_actions.chaincode_actions
    assert action.chaincode_event == ChaincodeEvent(
        chaincode_id="token", tx_id="t1", event_name="moved"
    )
    assert second.tx_validation_code == TxValidationCode.MVCC_READ_CONFLICT
    assert not second.transaction_actions.chaincode_actions


def test_a_config_transaction_appears_with_its_type_and_code() -> None:
    (only,) = filtered(block(entry(CONFIG, "c"), codes=b"\x00")).filtered_transactions
    assert (only.txid, only.type) == ("c", CONFIG)
    assert not only.HasField("transaction_actions")


def test_entries_that_cannot_be_read_still_appear_with_their_codes() -> None:
    stored = block(b"\xff", entry(ENDORSER_TRANSACTION, "t2", b"\xff"), codes=bytes([2, 255]))
    first, second = filtered(stored).filtered_transactions
    assert (first.txid, first.tx_validation_code) == ("", TxValidationCode.BAD_PAYLOAD)
    assert (second.txid, second.tx_validation_code) == (
        "t2", TxValidationCode.INVALID_OTHER_REASON,
    )  # fmt: skip


def test_a_block_without_verdicts_says_that_nothing_is_validated() -> None:
    (only,) = filtered(block(transaction("t1", None))).filtered_transactions
    assert only.tx_validation_code == TxValidationCode.NOT_VALIDATED


def test_a_config_block_keeps_its_data_when_only_headers_are_asked_for(
    channel_material: ChannelMaterial,
) -> None:
    genesis = channel_material.genesis()
    stored = genesis.SerializeToString()
    assert is_config_block(genesis)
    assert header_response(stored) == whole_block_response(stored)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([b"\xff"], id="unreadable"),
        pytest.param([], id="empty"),
        pytest.param([entry(CONFIG, "a"), entry(CONFIG, "b")], id="two entries"),
        pytest.param([transaction("t", None)], id="a transaction"),
    ],
)
def test_other_blocks_are_no_config_blocks(entries: list[bytes]) -> None:
    assert not is_config_block(Block.FromString(block(*entries)))
