"""The peer's side of the chaincode stream, message by message. Source of the texts: wire.md §9."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tallystick.chaincode.testing import make_client
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.runtime import Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import (
    ShimError,
    ShimProtocolError,
    StreamTerminatedError,
)
from tallystick.node.runtime.shim_handler import (
    MAX_STRAY_MESSAGES,
    CalleeAnswer,
    CalleeRequest,
    ShimHandler,
    StreamTransaction,
)
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KV, KeyModification
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeAdditionalParams,
    ChaincodeID,
    ChaincodeSpec,
)
from tallystick.protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    DelState,
    GetHistoryForKey,
    GetQueryResult,
    GetState,
    GetStateByRange,
    GetStateMultiple,
    GetStateMultipleResult,
    PurgePrivateState,
    PutState,
    QueryMetadata,
    QueryResponse,
    QueryResponseMetadata,
    QueryStateClose,
    QueryStateNext,
    WriteBatchState,
    WriteRecord,
)
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

Type = ChaincodeMessage.Type
ALICE = make_client("BrokerMSP", "alice")


class LongHistory:
    def modifications(self, _namespace: str, _key: str) -> Iterator[KeyModification]:
        return (KeyModification(tx_id=f"t{number}") for number in range(101))


class Stream:
    """A stream that is ready, with one call running on it."""

    def __init__(self, rows: int = 0, *, answers_writes: bool = True) -> None:
        store, updates = MemoryStore(), UpdateBatch()
        for number in range(rows):
            updates.put("cc", f"{number:03}", b"v", Version(1, 0))
        store.write(state_entries(updates))
        self.simulator = Simulator(LedgerState(store), LongHistory(), "t1")
        self.sent: list[ChaincodeMessage] = []
        self.handler = ShimHandler("cc:00", self.sent.append, answers_writes=answers_writes)
        self.handler.receive(register("cc:00"))

    def begin(self, *, is_init: bool = False) -> StreamTransaction:
        return self.handler.begin(
            Invocation(
                channel_id="ch",
                transaction_id="t1",
                chaincode="cc",
                args=[b"f"],
                is_init=is_init,
                transient={},
                creator=ALICE.creator,
                timestamp_ns=7,
                entry_chaincode="cc",
                signed_proposal=SignedProposal(),
                simulator=self.simulator,
                resolve=lambda _: None,
            )
        )

    def ask(self, kind: ChaincodeMessage.Type.ValueType, payload: Message) -> ChaincodeMessage:
        self.handler.receive(message(kind, payload.SerializeToString()))
        return self.sent[-1]

    def query(self, kind: ChaincodeMessage.Type.ValueType, payload: Message) -> QueryResponse:
        answer = self.ask(kind, payload)
        assert answer.type == Type.RESPONSE, answer.payload
        return QueryResponse.FromString(answer.payload)


def register(name: str) -> ChaincodeMessage:
    payload = ChaincodeID(name=name).SerializeToString()
    return ChaincodeMessage(type=Type.REGISTER, payload=payload)


def message(kind: ChaincodeMessage.Type.ValueType, payload: bytes = b"") -> ChaincodeMessage:
    return ChaincodeMessage(type=kind, payload=payload, txid="t1", channel_id="ch")


async def test_a_registration_is_answered_and_offers_batches() -> None:
    """§9.1."""
    registered, ready = Stream().sent
    offer = ChaincodeAdditionalParams.FromString(ready.payload)
    assert (registered.type, ready.type) == (Type.REGISTERED, Type.READY)
    assert (offer.use_write_batch, offer.max_size_get_multiple_keys) == (True, 1000)


@pytest.mark.parametrize("first", [register(""), register("other:00"), message(Type.GET_STATE)])
def test_a_stream_that_does_not_begin_with_its_registration_is_dropped(
    first: ChaincodeMessage,
) -> None:
    """§9.1."""
    with pytest.raises(ShimProtocolError):
        ShimHandler("cc:00", lambda _: None).receive(first)


@pytest.mark.parametrize("unknown", [Type.REGISTER, Type.RESPONSE, Type.UNDEFINED])
async def test_a_message_without_a_place_drops_the_stream(
    unknown: ChaincodeMessage.Type.ValueType,
) -> None:
    """§9.1."""
    with pytest.raises(ShimProtocolError):
        Stream().handler.receive(message(unknown))


async def test_the_result_of_a_call_is_its_response_and_an_event_in_its_name() -> None:
    """§9.2, §19 item 4."""
    stream = Stream()
    transaction = stream.begin()
    assert (stream.sent[-1].type, stream.sent[-1].txid) == (Type.TRANSACTION, "t1")
    completed = message(Type.COMPLETED, Response(status=200).SerializeToString())
    completed.chaincode_event.CopyFrom(ChaincodeEvent(chaincode_id="forged", event_name="e"))
    stream.handler.receive(completed)
    result = await transaction.step()
    assert isinstance(result, InvocationResult)
    assert result.event is not None
    assert (result.event.chaincode_id, result.event.tx_id) == ("cc", "t1")


async def test_an_error_and_a_lost_stream_fail_the_call_in_fabrics_words() -> None:
    """§9.2."""
    stream = Stream()
    transaction = stream.begin()
    stream.handler.receive(message(Type.ERROR, b"boom"))
    with pytest.raises(ShimError, match=r"^transaction returned with failure: boom$"):
        await transaction.step()
    transaction = stream.begin()
    stream.handler.terminate()
    with pytest.raises(StreamTerminatedError, match="chaincode stream terminated"):
        await transaction.step()


async def test_a_stream_lost_right_after_a_callee_was_asked_for_fails_the_call() -> None:
    stream = Stream()
    transaction = stream.begin()
    spec = ChaincodeSpec(chaincode_id=ChaincodeID(name="other"))
    stream.handler.receive(message(Type.INVOKE_CHAINCODE, spec.SerializeToString()))
    stream.handler.terminate()
    assert await transaction.step() == CalleeRequest("other", ())
    with pytest.raises(StreamTerminatedError):
        async with asyncio.timeout(1.0):
            await transaction.step()


async def test_one_transaction_runs_once_at_a_time() -> None:
    """§9.3."""
    stream = Stream()
    stream.begin()
    with pytest.raises(ShimError, match=r"txid: t1\(ch\) exists"):
        stream.begin()


async def test_late_messages_find_no_context_and_a_flood_of_them_drops_the_stream() -> None:
    """§9.2."""
    stream = Stream()
    late = stream.ask(Type.GET_STATE, GetState(key="k"))
    assert late.payload == b"GET_STATE failed: transaction ID: t1: no ledger context"
    for _ in range(MAX_STRAY_MESSAGES - 1):
        stream.handler.receive(message(Type.KEEPALIVE))
    with pytest.raises(ShimProtocolError):
        stream.handler.receive(message(Type.KEEPALIVE))


async def test_a_second_request_is_dropped_while_a_callee_runs() -> None:
    """§9.2, §9.3."""
    stream = Stream()
    transaction = stream.begin()
    spec = ChaincodeSpec(chaincode_id=ChaincodeID(name="other"))
    stream.handler.receive(message(Type.INVOKE_CHAINCODE, spec.SerializeToString()))
    assert await transaction.step() == CalleeRequest("other", ())
    before = len(stream.sent)
    stream.handler.receive(message(Type.GET_STATE))
    assert len(stream.sent) == before
    answer = CalleeAnswer(InvocationResult(Response(status=404), None))
    stream.handler.answer_call(transaction, answer)
    reply = ChaincodeMessage.FromString(stream.sent[-1].payload)
    assert (reply.type, Response.FromString(reply.payload).status) == (Type.COMPLETED, 404)


async def test_a_range_comes_in_batches_of_a_hundred_and_one_ahead() -> None:
    """§9.3."""
    stream = Stream(rows=101)
    stream.begin()
    first = stream.query(Type.GET_STATE_BY_RANGE, GetStateByRange(startKey="\x01"))
    second = stream.query(Type.QUERY_STATE_NEXT, QueryStateNext(id=first.id))
    assert (len(first.results), first.has_more) == (100, True)
    assert (len(second.results), second.has_more) == (1, False)
    assert KV.FromString(second.results[0].resultBytes).key == "100"
    gone = stream.ask(Type.QUERY_STATE_NEXT, QueryStateNext(id=first.id))
    assert gone.payload.endswith(b"query iterator not found")
    assert not stream.query(Type.QUERY_STATE_CLOSE, QueryStateClose(id="9")).has_more


async def test_history_comes_in_batches_too() -> None:
    """§9.3."""
    stream = Stream()
    stream.begin()
    first = stream.query(Type.GET_HISTORY_FOR_KEY, GetHistoryForKey(key="k"))
    rest = stream.query(Type.QUERY_STATE_NEXT, QueryStateNext(id=first.id))
    assert (len(first.results), first.has_more, len(rest.results)) == (100, True, 1)


async def test_a_page_names_the_next_one_and_excludes_writes() -> None:
    """§9.3."""
    stream = Stream(rows=3)
    stream.begin()
    wanted = QueryMetadata(pageSize=2).SerializeToString()
    page = stream.query(Type.GET_STATE_BY_RANGE, GetStateByRange(metadata=wanted))
    about = QueryResponseMetadata.FromString(page.metadata)
    assert (about.fetched_records_count, about.bookmark, page.has_more) == (2, "002", False)
    refused = stream.ask(Type.PUT_STATE, PutState(key="k", value=b"v"))
    assert refused.payload == (
        b"PUT_STATE failed: transaction ID: t1: txid [t1]: unsuppored transaction. Transaction has "
        b"already performed a paginated query. Writes are not allowed"
    )


async def test_batches_read_and_write_many_keys_in_order() -> None:
    """§9.3."""
    stream = Stream(rows=1)
    stream.begin()
    keys = GetStateMultiple(keys=["absent", "000"])
    answer = stream.ask(Type.GET_STATE_MULTIPLE, keys)
    assert GetStateMultipleResult.FromString(answer.payload).values == [b"", b"v"]
    records = [
        WriteRecord(type=WriteRecord.PUT_STATE, key="k", value=b"1"),
        WriteRecord(type=WriteRecord.DEL_STATE, key="000"),
    ]
    answer = stream.ask(Type.WRITE_BATCH_STATE, WriteBatchState(rec=records))
    assert (answer.type, answer.payload) == (Type.RESPONSE, b"")
    assert [one.writes for one in stream.simulator.done().touched] == [True]


def batch(**record: object) -> ChaincodeMessage:
    kind = WriteRecord.PUT_STATE
    writes = WriteBatchState(rec=[WriteRecord(type=kind, value=b"1", **record)])  # type: ignore[arg-type]
    return message(Type.WRITE_BATCH_STATE, writes.SerializeToString())


async def test_over_a_link_without_answers_to_writes_a_refused_one_fails_its_call() -> None:
    stream = Stream(answers_writes=False)
    transaction = stream.begin()
    sent = len(stream.sent)
    for writes in (batch(key="k"), batch(key="k", collection="c"), batch(key="l")):
        stream.handler.receive(writes)
    assert len(stream.sent) == sent
    done = Response(status=200, payload=b"done").SerializeToString()
    stream.handler.receive(message(Type.COMPLETED, done))
    step = await transaction.step()
    assert isinstance(step, InvocationResult)
    assert (step.response.status, step.response.payload) == (500, b"")
    assert "collection ch/cc/c could not be" in step.response.message


async def test_a_call_may_refuse_by_itself_whatever_became_of_its_writes() -> None:
    stream = Stream(answers_writes=False)
    transaction = stream.begin()
    stream.handler.receive(batch(key="k", collection="c"))
    refusal = Response(status=409, message="NO").SerializeToString()
    stream.handler.receive(message(Type.COMPLETED, refusal))
    step = await transaction.step()
    assert isinstance(step, InvocationResult)
    assert (step.response.status, step.response.message) == (409, "NO")


@pytest.mark.parametrize(
    ("kind", "request_", "reason"),
    [
        (Type.GET_QUERY_RESULT, GetQueryResult(query="{}"), "ExecuteQuery not supported for level"),
        (Type.PURGE_PRIVATE_DATA, PurgePrivateState(key="k"), "only applicable for private data"),
        (Type.GET_STATE, GetState(key="k", collection="c"), "collection ch/cc/c could not be"),
        (Type.DEL_STATE, DelState(key="k", collection="c"), "collection ch/cc/c could not be"),
        (
            Type.GET_PRIVATE_DATA_HASH,
            GetState(key="k", collection="c"),
            "collection config not defined for chaincode [cc], pass the collection configuration",
        ),
    ],
)
async def test_a_refused_request_is_answered_in_fabrics_words(
    kind: ChaincodeMessage.Type.ValueType, request_: Message, reason: str
) -> None:
    """§9.3."""
    stream = Stream()
    stream.begin()
    answer = stream.ask(kind, request_)
    start = f"{Type.Name(kind)} failed: transaction ID: t1: {reason}"
    assert (answer.type, answer.payload.decode()[: len(start)]) == (Type.ERROR, start)


async def test_init_has_no_private_data() -> None:
    """§9.3."""
    stream = Stream()
    stream.begin(is_init=True)
    assert stream.sent[-1].type == Type.INIT
    answer = stream.ask(Type.GET_STATE, GetState(key="k", collection="c"))
    assert answer.payload.endswith(b"private data APIs are not allowed in chaincode Init()")


async def test_values_that_fill_a_message_cannot_be_read_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallystick.node.runtime.shim_requests.MAX_BATCH_BYTES", 2)
    stream = Stream(rows=1)
    stream.begin()
    answer = stream.ask(Type.GET_STATE_MULTIPLE, GetStateMultiple(keys=["000"] * 3))
    assert answer.type == Type.ERROR
    assert b"values read at a time hold more than" in answer.payload
