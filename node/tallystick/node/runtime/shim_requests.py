"""What a running chaincode asks for, answered from its transaction's simulator.

Every request has a payload of its own type and an answer of its own type. Source: wire.md §9.3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar, Final, TypeAlias, TypeVar

from google.protobuf.message import Message

from tallystick.node.ledger.range_query import (
    BATCH_SIZE,
    MAX_BATCH_BYTES,
    TOTAL_QUERY_LIMIT,
    BatchTooLargeError,
    RangeQuery,
)
from tallystick.node.runtime.collection_access import CollectionAccess
from tallystick.node.runtime.runtime import Invocation
from tallystick.node.runtime.shim_errors import ShimError
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KV
from tallystick.protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    DelState,
    GetHistoryForKey,
    GetQueryResult,
    GetState,
    GetStateByRange,
    GetStateMetadata,
    GetStateMultiple,
    GetStateMultipleResult,
    PurgePrivateState,
    PutState,
    PutStateMetadata,
    QueryMetadata,
    QueryResponse,
    QueryResponseMetadata,
    QueryResultBytes,
    QueryStateClose,
    QueryStateNext,
    StateMetadata,
    StateMetadataResult,
    WriteBatchState,
    WriteRecord,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

MessageT = TypeVar("MessageT", bound=Message)

MAX_BATCH: Final = 1000
"""Most writes or keys that one message may carry; told to the chaincode as it gets ready."""

MAX_OPEN_QUERIES: Final = 1000
"""Most iterators that one call may hold open: each keeps a place in the store."""

RequestType: TypeAlias = "ChaincodeMessage.Type.ValueType"

_Batch = tuple[list[bytes], bool]
_NextBatch = Callable[[], _Batch]


@dataclass(slots=True)
class RunningCall:
    """One invocation that chaincode in another process works on.

    Attributes:
        invocation: What it is to do.
    """

    invocation: Invocation
    access: CollectionAccess = field(init=False)
    _queries: dict[str, _NextBatch] = field(default_factory=dict)
    _opened: int = 0

    def __post_init__(self) -> None:
        self.access = CollectionAccess(self.invocation)

    def answer(self, kind: RequestType, payload: bytes) -> bytes:
        """Return the payload of the response to one request.

        Raises:
            LedgerError: The request is refused; the text is for the chaincode.
        """
        handler = self._HANDLERS.get(kind)
        if handler is None:
            raise ShimError(f"there is no request of type {kind}")
        return handler(self, payload)

    # --- single keys ---

    def _get_state(self, payload: bytes) -> bytes:
        request = _decode(GetState, payload)
        return self._value(request.key, request.collection)

    def _get_multiple(self, payload: bytes) -> bytes:
        request = _decode(GetStateMultiple, payload)
        _check_batch(len(request.keys))
        values = list(_bounded(self._value(key, request.collection) for key in request.keys))
        return GetStateMultipleResult(values=values).SerializeToString()

    def _get_private_hash(self, payload: bytes) -> bytes:
        request = _decode(GetState, payload)
        self.access.check_defined(request.collection)
        call = self.invocation
        found = call.simulator.get_private_hash(call.chaincode, request.collection, request.key)
        return found or b""

    def _get_metadata(self, payload: bytes) -> bytes:
        request = _decode(GetStateMetadata, payload)
        call, key, collection = self.invocation, request.key, request.collection
        if collection:
            self.access.check_read(collection)
            found = call.simulator.get_private_metadata(call.chaincode, collection, key)
        else:
            found = call.simulator.get_state_metadata(call.chaincode, key)
        entries = [StateMetadata(metakey=name, value=value) for name, value in found.items()]
        return StateMetadataResult(entries=entries).SerializeToString()

    def _put_state(self, payload: bytes) -> bytes:
        request = _decode(PutState, payload)
        self._write(request.key, request.collection, request.value)
        return b""

    def _delete_state(self, payload: bytes) -> bytes:
        request = _decode(DelState, payload)
        self._write(request.key, request.collection, b"")
        return b""

    def _put_metadata(self, payload: bytes) -> bytes:
        request = _decode(PutStateMetadata, payload)
        self._write_metadata(request.key, request.collection, request.metadata)
        return b""

    def _purge_key(self, payload: bytes) -> bytes:
        request = _decode(PurgePrivateState, payload)
        self._purge(request.key, request.collection)
        return b""

    def _write_batch(self, payload: bytes) -> bytes:
        request = _decode(WriteBatchState, payload)
        _check_batch(len(request.rec))
        for record in request.rec:
            match record.type:
                case WriteRecord.PUT_STATE:
                    self._write(record.key, record.collection, record.value)
                case WriteRecord.DEL_STATE:
                    self._write(record.key, record.collection, b"")
                case WriteRecord.PUT_STATE_METADATA:
                    self._write_metadata(record.key, record.collection, record.metadata)
                case WriteRecord.PURGE_PRIVATE_DATA:
                    self._purge(record.key, record.collection)
                case other:
                    raise ShimError(f"unknown operation type: {other}")
        return b""

    # --- queries ---

    def _get_range(self, payload: bytes) -> bytes:
        request = _decode(GetStateByRange, payload)
        call, start, end = self.invocation, request.startKey, request.endKey
        if request.collection:
            self.access.check_read(request.collection)
            query = call.simulator.range_private(call.chaincode, request.collection, start, end)
            return self._open(_in_rows(call.chaincode, query))
        if request.metadata:
            return self._page(request, _decode(QueryMetadata, request.metadata))
        return self._open(
            _in_rows(call.chaincode, call.simulator.range(call.chaincode, start, end))
        )

    def _get_history(self, payload: bytes) -> bytes:
        request = _decode(GetHistoryForKey, payload)
        changes = self.invocation.simulator.history(self.invocation.chaincode, request.key)
        return self._open(_in_batches(change.SerializeToString() for change in changes))

    def _get_query_result(self, payload: bytes) -> bytes:
        request = _decode(GetQueryResult, payload)
        if request.collection:
            self.access.check_read(request.collection)
        raise ShimError("ExecuteQuery not supported for leveldb")

    def _next_batch(self, payload: bytes) -> bytes:
        request = _decode(QueryStateNext, payload)
        query = self._queries.get(request.id)
        if query is None:
            raise ShimError("query iterator not found")
        return self._batch(request.id, query)

    def _close_query(self, payload: bytes) -> bytes:
        request = _decode(QueryStateClose, payload)
        self._queries.pop(request.id, None)
        return QueryResponse(id=request.id).SerializeToString()

    # --- below the requests ---

    def _value(self, key: str, collection: str) -> bytes:
        call = self.invocation
        if not collection:
            return call.simulator.get_state(call.chaincode, key) or b""
        self.access.check_read(collection)
        return call.simulator.get_private(call.chaincode, collection, key) or b""

    def _write(self, key: str, collection: str, value: bytes) -> None:
        call = self.invocation
        if not collection:
            call.simulator.put_state(call.chaincode, key, value)
            return
        self.access.check_write(collection)
        call.simulator.put_private(call.chaincode, collection, key, value)

    def _write_metadata(self, key: str, collection: str, metadata: StateMetadata) -> None:
        call, entries = self.invocation, {metadata.metakey: metadata.value}
        if not collection:
            call.simulator.put_state_metadata(call.chaincode, key, entries)
            return
        self.access.check_write(collection)
        call.simulator.put_private_metadata(call.chaincode, collection, key, entries)

    def _purge(self, key: str, collection: str) -> None:
        if not collection:
            raise ShimError("only applicable for private data")
        self.access.check_write(collection)
        self.invocation.simulator.purge_private(self.invocation.chaincode, collection, key)

    def _page(self, request: GetStateByRange, metadata: QueryMetadata) -> bytes:
        call = self.invocation
        page = call.simulator.range_page(
            call.chaincode,
            request.startKey,
            request.endKey,
            max(metadata.pageSize, 0),
            metadata.bookmark,
        )
        about = QueryResponseMetadata(fetched_records_count=len(page.rows), bookmark=page.bookmark)
        return QueryResponse(
            results=[QueryResultBytes(resultBytes=row) for row in _rows(call.chaincode, page.rows)],
            id=self._new_id(),
            metadata=about.SerializeToString(),
        ).SerializeToString()

    def _open(self, query: _NextBatch) -> bytes:
        if len(self._queries) >= MAX_OPEN_QUERIES:
            raise ShimError(f"{MAX_OPEN_QUERIES} iterators are open already: close some")
        query_id = self._new_id()
        self._queries[query_id] = query
        return self._batch(query_id, query)

    def _batch(self, query_id: str, query: _NextBatch) -> bytes:
        results, has_more = query()
        if not has_more:
            self._queries.pop(query_id, None)
        return QueryResponse(
            results=[QueryResultBytes(resultBytes=result) for result in results],
            has_more=has_more,
            id=query_id,
        ).SerializeToString()

    def _new_id(self) -> str:
        self._opened += 1
        return str(self._opened)

    _HANDLERS: ClassVar[dict[RequestType, Callable[["RunningCall", bytes], bytes]]] = {
        ChaincodeMessage.GET_STATE: _get_state,
        ChaincodeMessage.PUT_STATE: _put_state,
        ChaincodeMessage.DEL_STATE: _delete_state,
        ChaincodeMessage.GET_STATE_BY_RANGE: _get_range,
        ChaincodeMessage.GET_QUERY_RESULT: _get_query_result,
        ChaincodeMessage.QUERY_STATE_NEXT: _next_batch,
        ChaincodeMessage.QUERY_STATE_CLOSE: _close_query,
        ChaincodeMessage.GET_HISTORY_FOR_KEY: _get_history,
        ChaincodeMessage.GET_STATE_METADATA: _get_metadata,
        ChaincodeMessage.PUT_STATE_METADATA: _put_metadata,
        ChaincodeMessage.GET_PRIVATE_DATA_HASH: _get_private_hash,
        ChaincodeMessage.PURGE_PRIVATE_DATA: _purge_key,
        ChaincodeMessage.WRITE_BATCH_STATE: _write_batch,
        ChaincodeMessage.GET_STATE_MULTIPLE: _get_multiple,
    }

    REQUESTS: ClassVar = frozenset(_HANDLERS)
    """The types of all requests but ``INVOKE_CHAINCODE``, which takes another chaincode."""


def _in_rows(namespace: str, query: RangeQuery) -> _NextBatch:
    """Return what hands out the rows of a range, batch by batch, as ``KV`` bytes."""

    def batch() -> _Batch:
        found = query.next_batch()
        return _rows(namespace, found.rows), found.has_more

    return batch


def _rows(namespace: str, rows: list[tuple[str, bytes]]) -> list[bytes]:
    return [KV(namespace=namespace, key=key, value=v).SerializeToString() for key, v in rows]


def _in_batches(results: Iterator[bytes]) -> _NextBatch:
    """Return what hands out ``results`` as a range does: a full batch knows that more follows."""
    rest = islice(results, TOTAL_QUERY_LIMIT)
    ahead: list[bytes] = []

    def batch() -> _Batch:
        found = [*ahead, *_bounded(islice(rest, BATCH_SIZE + 1 - len(ahead)))]
        ahead[:] = found[BATCH_SIZE:]
        return found[:BATCH_SIZE], bool(ahead)

    return batch


def _bounded(values: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the values of one message while it can hold them."""
    size = 0
    for value in values:
        size += len(value)
        if size > MAX_BATCH_BYTES:
            raise BatchTooLargeError
        yield value


def _check_batch(size: int) -> None:
    if size > MAX_BATCH:
        raise ShimError(f"{size} entries in one message; at most {MAX_BATCH} are allowed")


def _decode(message_type: type[MessageT], payload: bytes) -> MessageT:
    try:
        return decode(message_type, payload)
    except MalformedMessageError as error:
        raise ShimError(f"unmarshal failed: {error}") from error
