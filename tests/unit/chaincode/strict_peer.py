"""A peer that keeps to the letter of the chaincode stream, and holds the chaincode to it (§9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KV, KeyModification
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeAdditionalParams,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeSpec,
)
from tallystick.protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    GetState,
    GetStateByRange,
    GetStateMultiple,
    GetStateMultipleResult,
    QueryMetadata,
    QueryResponse,
    QueryResponseMetadata,
    QueryResultBytes,
    QueryStateClose,
    QueryStateNext,
    StateMetadata,
    StateMetadataResult,
    WriteBatchState,
)
from tallystick.protos.peer.proposal_response_pb2 import Response

Type = ChaincodeMessage.Type
BATCH = 100
OFFER = ChaincodeAdditionalParams(
    use_write_batch=True,
    max_size_write_batch=3,
    use_get_multiple_keys=True,
    max_size_get_multiple_keys=2,
)
ENDS = (Type.COMPLETED, Type.ERROR)
WRITES = (
    Type.PUT_STATE,
    Type.DEL_STATE,
    Type.PUT_STATE_METADATA,
    Type.PURGE_PRIVATE_DATA,
    Type.WRITE_BATCH_STATE,
)


class Duplex(Protocol):
    """A stream as grpc.aio has it, on either side."""

    def read(self) -> Awaitable[object]: ...

    def write(self, message: ChaincodeMessage, /) -> Awaitable[None]: ...


@dataclass
class StrictPeer:
    """One stream. Everything that it does not expect fails the test."""

    stream: Duplex
    offers: bool = True
    rows: int = 250
    requests: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    closed_queries: list[str] = field(default_factory=list)
    _left: dict[str, list[bytes]] = field(default_factory=dict)
    _before_answer: Callable[[ChaincodeMessage], Awaitable[None]] | None = None

    async def read(self) -> ChaincodeMessage:
        async with asyncio.timeout(10):
            message = await self.stream.read()
        assert isinstance(message, ChaincodeMessage), "the chaincode ended the stream"
        return message

    async def shake_hands(self, package_id: str) -> None:
        first = await self.read()
        assert first.type == Type.REGISTER
        assert ChaincodeID.FromString(first.payload).name == package_id
        await self.stream.write(ChaincodeMessage(type=Type.REGISTERED))
        offer = OFFER.SerializeToString() if self.offers else b""
        await self.stream.write(ChaincodeMessage(type=Type.READY, payload=offer))

    async def start(self, *args: str, txid: str = "t1", is_init: bool = False) -> None:
        content = ChaincodeInput(args=[arg.encode() for arg in args], is_init=is_init)
        await self.stream.write(
            ChaincodeMessage(
                type=Type.INIT if is_init else Type.TRANSACTION,
                payload=content.SerializeToString(),
                txid=txid,
                channel_id="ch",
            )
        )

    async def call(self, *args: str, txid: str = "t1") -> ChaincodeMessage:
        """Return what ends a call, after answering all that it asks."""
        await self.start(*args, txid=txid)
        return await self.serve(txid)

    async def serve(self, txid: str = "t1") -> ChaincodeMessage:
        while (message := await self.read()).type not in ENDS:
            assert (message.txid, message.channel_id) == (txid, "ch")
            await self.answer(message)
        assert (message.txid, message.channel_id) == (txid, "ch")
        return message

    async def answered(self, *args: str) -> str:
        """Return the payload of a call that succeeds."""
        end = await self.call(*args)
        assert end.type == Type.COMPLETED, end.payload
        response = Response.FromString(end.payload)
        assert response.status == 200, response.message
        return response.payload.decode()

    async def answer(self, request: ChaincodeMessage) -> None:
        name = Type.Name(request.type)
        self.requests.append(name)
        self.payloads.append(request.payload)
        if self._before_answer is not None:
            await self._before_answer(request)
        reply = ChaincodeMessage(type=Type.RESPONSE, txid=request.txid, channel_id="ch")
        if request.type == Type.GET_QUERY_RESULT:
            reply.type = Type.ERROR
            text = f"{name} failed: transaction ID: {request.txid}: not supported for leveldb"
            reply.payload = text.encode()
        else:
            reply.payload = self._payload(request)
        await self.stream.write(reply)

    def _payload(self, request: ChaincodeMessage) -> bytes:
        payload = request.payload
        if request.type in WRITES:
            if request.type == Type.WRITE_BATCH_STATE:
                assert self.offers, "a batch, though none was offered"
                assert 0 < len(WriteBatchState.FromString(payload).rec) <= 3
            return b""
        match request.type:
            case Type.GET_STATE | Type.GET_PRIVATE_DATA_HASH:
                asked = GetState.FromString(payload)
                return value_of(asked.key, asked.collection)
            case Type.GET_STATE_MULTIPLE:
                assert self.offers, "many keys at once, though that was not offered"
                keys = GetStateMultiple.FromString(payload).keys
                assert 0 < len(keys) <= 2
                values = [value_of(key, "") for key in keys]
                return GetStateMultipleResult(values=values).SerializeToString()
            case Type.GET_STATE_METADATA:
                entry = StateMetadata(metakey="VALIDATION_PARAMETER", value=b"policy")
                return StateMetadataResult(entries=[entry]).SerializeToString()
            case Type.INVOKE_CHAINCODE:
                return callee_reply(payload)
            case _:
                return self._query(request.type, payload)

    def _query(self, kind: int, payload: bytes) -> bytes:
        match kind:
            case Type.GET_STATE_BY_RANGE:
                asked = GetStateByRange.FromString(payload)
                assert asked.startKey, "an empty start would find composite keys"
                if asked.metadata:
                    return page(QueryMetadata.FromString(asked.metadata))
                return self._batch("q1", [row(number) for number in range(self.rows)])
            case Type.GET_HISTORY_FOR_KEY:
                changes = [KeyModification(tx_id=f"t{number}") for number in range(101)]
                return self._batch("q2", [change.SerializeToString() for change in changes])
            case Type.QUERY_STATE_NEXT:
                query = QueryStateNext.FromString(payload).id
                return self._batch(query, self._left.pop(query))
            case Type.QUERY_STATE_CLOSE:
                query = QueryStateClose.FromString(payload).id
                self._left.pop(query, None)
                self.closed_queries.append(query)
                return QueryResponse(id=query).SerializeToString()
            case _:
                raise AssertionError(f"a message of type {kind} is no request")

    def _batch(self, query: str, results: list[bytes]) -> bytes:
        now, later = results[:BATCH], results[BATCH:]
        if later:
            self._left[query] = later
        found = [QueryResultBytes(resultBytes=result) for result in now]
        return QueryResponse(results=found, has_more=bool(later), id=query).SerializeToString()


def value_of(key: str, collection: str) -> bytes:
    return b"" if key.startswith("absent") else f"{collection}:{key}".encode()


def row(number: int) -> bytes:
    return KV(namespace="cc", key=f"{number:03}", value=b"v").SerializeToString()


def page(asked: QueryMetadata) -> bytes:
    start = int(asked.bookmark or 0)
    results = [QueryResultBytes(resultBytes=row(start + n)) for n in range(asked.pageSize)]
    about = QueryResponseMetadata(
        fetched_records_count=asked.pageSize, bookmark=str(start + asked.pageSize)
    )
    return QueryResponse(
        results=results, id="p", metadata=about.SerializeToString()
    ).SerializeToString()


def callee_reply(payload: bytes) -> bytes:
    spec = ChaincodeSpec.FromString(payload)
    if spec.chaincode_id.name == "absent":
        return ChaincodeMessage(type=Type.ERROR, payload=b"it is not there").SerializeToString()
    response = Response(status=200, payload=b" ".join(spec.input.args))
    event = ChaincodeEvent(event_name="called", payload=b"e")
    return ChaincodeMessage(
        type=Type.COMPLETED, payload=response.SerializeToString(), chaincode_event=event
    ).SerializeToString()
