"""Results of queries, which a peer hands out batch by batch. Source: wire.md §9.3."""

from collections.abc import Callable, Iterator

from tallystick.chaincode.stub import KeyModification
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KV
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import (
    KeyModification as KeyModificationMessage,
)
from tallystick.protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    QueryResponse,
    QueryStateClose,
    QueryStateNext,
)
from tallystick.wire.messages import timestamp_to_ns

Type = ChaincodeMessage.Type


class Queries:
    """The queries of one call.

    A query that is left before its end stays open at the peer. It is closed before the next
    request of the call, not at once: Python may drop an iterator in any thread and at any moment,
    also while a request is open. What is open when the call ends, the peer closes.

    Args:
        ask: Sends a request of a type with a payload and returns the answer's payload.
    """

    __slots__ = ("_abandoned", "_ask")

    def __init__(self, ask: Callable[["Type.ValueType", bytes], bytes]) -> None:
        self._ask = ask
        self._abandoned: list[str] = []

    def rows(self, request: "Type.ValueType", payload: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the rows that a query finds; its first batch is read at once."""
        return map(row, self._results(self.first_batch(request, payload)))

    def modifications(self, payload: bytes) -> Iterator[KeyModification]:
        """Yield the changes of a key, newest first; the first batch is read at once."""
        first = self.first_batch(Type.GET_HISTORY_FOR_KEY, payload)
        return map(_modification, self._results(first))

    def first_batch(self, request: "Type.ValueType", payload: bytes) -> QueryResponse:
        """Return what the peer answers to a query at first."""
        return QueryResponse.FromString(self._ask(request, payload))

    def take_abandoned(self) -> list[str]:
        """Return the ids of the queries that were left before their end, each once."""
        abandoned, self._abandoned = self._abandoned, []
        return abandoned

    def _results(self, batch: QueryResponse) -> Iterator[bytes]:
        if not batch.has_more:
            return (result.resultBytes for result in batch.results)
        return self._all_results(batch)

    def _all_results(self, batch: QueryResponse) -> Iterator[bytes]:
        try:
            for result in batch.results:
                yield result.resultBytes
            while batch.has_more:
                following = QueryStateNext(id=batch.id).SerializeToString()
                batch = self.first_batch(Type.QUERY_STATE_NEXT, following)
                for result in batch.results:
                    yield result.resultBytes
        except GeneratorExit:
            if batch.has_more:
                self._abandoned.append(batch.id)
            raise


def close_request(query_id: str) -> bytes:
    """Return the payload of the request that closes a query."""
    return QueryStateClose(id=query_id).SerializeToString()


def row(result: bytes) -> tuple[str, bytes]:
    """Return one result of a range or of a rich query."""
    found = KV.FromString(result)
    return found.key, found.value


def _modification(result: bytes) -> KeyModification:
    change = KeyModificationMessage.FromString(result)
    return KeyModification(
        transaction_id=change.tx_id,
        value=change.value,
        timestamp_ns=timestamp_to_ns(change.timestamp),
        is_delete=change.is_delete,
    )
