"""Whatever a chaincode sends, the peer answers or drops the stream, unharmed (§9.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.running_chaincode import CHANNEL, TRANSACTION, begun, new_simulator
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.chaincode.testing import make_client
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.varint import uvarint
from tallystick.node.runtime.shim_errors import ShimProtocolError
from tallystick.node.runtime.shim_handler import CalleeAnswer, CalleeRequest
from tallystick.protos.peer import chaincode_shim_pb2 as shim
from tallystick.protos.peer.chaincode_pb2 import ChaincodeSpec
from tallystick.protos.peer.proposal_response_pb2 import Response

if TYPE_CHECKING:
    from google.protobuf.message import Message

Type = shim.ChaincodeMessage.Type
ALICE = make_client("BrokerMSP", "alice")
PAYLOADS: dict[shim.ChaincodeMessage.Type.ValueType, type[Message]] = {
    Type.GET_STATE: shim.GetState,
    Type.PUT_STATE: shim.PutState,
    Type.DEL_STATE: shim.DelState,
    Type.GET_STATE_BY_RANGE: shim.GetStateByRange,
    Type.GET_QUERY_RESULT: shim.GetQueryResult,
    Type.QUERY_STATE_NEXT: shim.QueryStateNext,
    Type.QUERY_STATE_CLOSE: shim.QueryStateClose,
    Type.GET_HISTORY_FOR_KEY: shim.GetHistoryForKey,
    Type.GET_STATE_METADATA: shim.GetStateMetadata,
    Type.PUT_STATE_METADATA: shim.PutStateMetadata,
    Type.GET_PRIVATE_DATA_HASH: shim.GetState,
    Type.PURGE_PRIVATE_DATA: shim.PurgePrivateState,
    Type.WRITE_BATCH_STATE: shim.WriteBatchState,
    Type.GET_STATE_MULTIPLE: shim.GetStateMultiple,
    Type.INVOKE_CHAINCODE: ChaincodeSpec,
    Type.COMPLETED: Response,
}
TEXTS = st.sampled_from(["", "c", "000", "077", "1", "\0", "\0x\0", "\U0010ffff"]) | st.text(
    st.characters(codec="utf-8"), max_size=8
)
NUMBERS = st.sampled_from([0, 1, 2, 7, 2**31, 2**32 - 1, 2**64 - 1]) | st.integers(0, 2**64 - 1)
LENGTH_DELIMITED = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def filled(descriptor: Descriptor, depth: int = 3) -> st.SearchStrategy[bytes]:
    """Messages with anything in their fields, encoded."""
    fields = [field for field in descriptor.fields if depth or not field.message_type]
    parts = [st.just(b"") | contents(field, depth) for field in fields]
    return st.tuples(*parts).map(b"".join)


def contents(field: FieldDescriptor, depth: int) -> st.SearchStrategy[bytes]:
    """A field with anything in it, encoded; often more than once, as the wire allows."""
    if field.message_type:
        value = filled(field.message_type, depth - 1).map(with_length)
    elif field.type == FieldDescriptor.TYPE_STRING:
        value = TEXTS.map(str.encode).map(with_length)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        value = st.binary(max_size=20).map(with_length)
    else:
        value = NUMBERS.map(uvarint)
    wire_type = 2 if field.message_type or field.type in LENGTH_DELIMITED else 0
    tag = uvarint(field.number << 3 | wire_type)
    return st.lists(value.map(tag.__add__), min_size=1, max_size=2).map(b"".join)


def with_length(content: bytes) -> bytes:
    return uvarint(len(content)) + content


ENVELOPES = {
    "txid": st.sampled_from([TRANSACTION, TRANSACTION, TRANSACTION, "t2", ""]),
    "channel_id": st.sampled_from([CHANNEL, CHANNEL, CHANNEL, "other", ""]),
}
MESSAGES = st.one_of(
    *(
        st.builds(
            shim.ChaincodeMessage,
            type=st.just(kind),
            payload=filled(message_type.DESCRIPTOR) | st.binary(max_size=20),  # type: ignore[arg-type]
            **ENVELOPES,
        )
        for kind, message_type in PAYLOADS.items()
    ),
    st.builds(
        shim.ChaincodeMessage,
        type=st.integers(0, 30),
        payload=st.binary(max_size=20),
        **ENVELOPES,
    ),
)
"""What may come over the stream, mostly for the call that runs."""


@given(st.lists(MESSAGES, max_size=12))
@settings(max_examples=300)
async def test_anything_but_a_breach_of_the_protocol_is_answered(
    received: list[shim.ChaincodeMessage],
) -> None:
    sent: list[shim.ChaincodeMessage] = []
    simulator = new_simulator([f"{number:03}" for number in range(150)])
    handler, transaction = begun(sent.append, simulator, ALICE.creator)

    for message in received:
        try:
            handler.receive(message)
        except ShimProtocolError:
            handler.terminate()
            break
        if transaction.calling:
            assert isinstance(await transaction.step(), CalleeRequest)
            handler.answer_call(transaction, CalleeAnswer(LedgerError("nobody is called here")))

    assert all(answer.ByteSize() < 100_000 for answer in sent)
    simulator.done()
