"""The forms in which a block is delivered, as encoded responses. Source: wire.md §6.

The orderer's ``DeliverResponse`` and the peer's are two types that agree in the fields they share.
A whole block is framed as it lies in the store, without being parsed.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    TRANSACTIONS_FILTER,
    Block,
    ChannelHeader,
    Envelope,
    Payload,
    Status,
)
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.events_pb2 import (
    BlockAndPrivateData,
    DeliverResponse,
    FilteredBlock,
    FilteredChaincodeAction,
    FilteredTransaction,
    FilteredTransactionActions,
)
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.envelope import chaincode_action_of
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_BLOCK_FIELD_TAG: Final = b"\x12"  # field 2, length-delimited
_VARINT_CONTINUES = 0x80


class BlockForm(enum.Enum):
    """What a reader gets of each block."""

    WHOLE = enum.auto()
    HEADER = enum.auto()
    FILTERED = enum.auto()
    WITH_PRIVATE_DATA = enum.auto()


def status_response(status: "Status.ValueType") -> bytes:
    """Return the response that ends a range."""
    return DeliverResponse(status=status).SerializeToString()


def whole_block_response(block: bytes) -> bytes:
    """Return the response that carries ``Block`` bytes as they are."""
    return b"".join((_BLOCK_FIELD_TAG, _varint(len(block)), block))


def header_response(block: bytes) -> bytes:
    """Return a block without its data, for readers that only follow the chain.

    A config block stays whole: whoever follows the chain needs it to check later signatures.
    """
    parsed = Block.FromString(block)
    if is_config_block(parsed):
        return whole_block_response(block)
    bare = Block(header=parsed.header, metadata=parsed.metadata)
    return whole_block_response(bare.SerializeToString())


def filtered_block_response(block: bytes) -> bytes:
    """Return what anyone with access may know: ids, verdicts, and events without payload."""
    parsed = Block.FromString(block)
    codes = parsed.metadata.metadata[TRANSACTIONS_FILTER]
    filtered = FilteredBlock(number=parsed.header.number)
    for index, entry in enumerate(parsed.data.data):
        code = codes[index] if index < len(codes) else TxValidationCode.NOT_VALIDATED
        channel_id, transaction = _filtered_transaction(entry, TxValidationCode.ValueType(code))
        filtered.channel_id = filtered.channel_id or channel_id
        filtered.filtered_transactions.append(transaction)
    return DeliverResponse(filtered_block=filtered).SerializeToString()


def private_data_response(block: bytes, private: Mapping[int, TxPvtReadWriteSet]) -> bytes:
    """Return a block and the private values that its reader may see, by transaction index."""
    return DeliverResponse(
        block_and_private_data=BlockAndPrivateData(
            block=Block.FromString(block), private_data_map=private
        )
    ).SerializeToString()


RESPONSES: Final[Mapping[BlockForm, Callable[[bytes], bytes]]] = {
    BlockForm.WHOLE: whole_block_response,
    BlockForm.HEADER: header_response,
    BlockForm.FILTERED: filtered_block_response,
}
"""The forms that are the same for every reader."""


def is_config_block(block: Block) -> bool:
    """Return whether ``block`` carries a channel configuration, which travels alone."""
    if len(block.data.data) != 1:
        return False
    try:
        _, header = _payload_and_header(block.data.data[0])
    except WireError:
        return False
    return header.type == CONFIG


def _filtered_transaction(
    entry: bytes, code: TxValidationCode.ValueType
) -> tuple[str, FilteredTransaction]:
    """Return the channel that an entry names and what may be known of it.

    A block may hold entries that cannot be read; the verdict on them is all there is to tell.
    """
    try:
        payload, header = _payload_and_header(entry)
    except WireError:
        return "", FilteredTransaction(tx_validation_code=code)
    transaction = FilteredTransaction(
        txid=header.tx_id,
        type=header.type,  # type: ignore[arg-type]  # an open enum: unknown numbers are kept
        tx_validation_code=code,
    )
    if header.type == ENDORSER_TRANSACTION:
        transaction.transaction_actions.CopyFrom(_filtered_actions(payload))
    return header.channel_id, transaction


def _filtered_actions(payload: bytes) -> FilteredTransactionActions:
    try:
        event = decode(ChaincodeEvent, chaincode_action_of(payload).events)
    except WireError:
        return FilteredTransactionActions()
    if not event.chaincode_id:
        return FilteredTransactionActions()
    event.ClearField("payload")
    return FilteredTransactionActions(
        chaincode_actions=[FilteredChaincodeAction(chaincode_event=event)]
    )


def _payload_and_header(entry: bytes) -> tuple[bytes, ChannelHeader]:
    payload = decode(Envelope, entry).payload
    return payload, decode(ChannelHeader, decode(Payload, payload).header.channel_header)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= _VARINT_CONTINUES:
        encoded.append(value & 0x7F | _VARINT_CONTINUES)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def policy_of_readers(config: ChannelConfig, form: BlockForm) -> str:
    """Return the policy of those who may read blocks of a peer in this form."""
    return config.acl("event/FilteredBlock" if form is BlockForm.FILTERED else "event/Block")
