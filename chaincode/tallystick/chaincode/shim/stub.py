"""What a contract sees of a peer at the other end of a stream."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from tallystick.chaincode.errors import BAD_REQUEST, InvalidKeyError, Refusal
from tallystick.chaincode.keys import FIRST_SIMPLE_KEY
from tallystick.chaincode.shim.errors import RequestRefusedError
from tallystick.chaincode.shim.proposal import ProposalFacts
from tallystick.chaincode.shim.queries import Queries, close_request, row
from tallystick.chaincode.shim.session import Offer
from tallystick.chaincode.shim.writes import Writes
from tallystick.chaincode.stub import CalleeReply, KeyModification, Page
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID, ChaincodeInput, ChaincodeSpec
from tallystick.protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    GetHistoryForKey,
    GetQueryResult,
    GetState,
    GetStateByRange,
    GetStateMetadata,
    GetStateMultiple,
    GetStateMultipleResult,
    QueryMetadata,
    QueryResponseMetadata,
    StateMetadataResult,
)
from tallystick.protos.peer.proposal_response_pb2 import Response

Type = ChaincodeMessage.Type


class ShimStub:
    """One call of one chaincode; a ``ChaincodeStub`` whose methods wait for the peer.

    Beyond the port it offers what Fabric's peers can do besides. Every method raises
    RequestRefusedError with the peer's words where the peer refuses, a write perhaps only when the
    call ends: writes travel together where the peer takes them so.

    Attributes:
        event: What ``set_event`` was given last, or None.
    """

    def __init__(
        self,
        message: ChaincodeMessage,
        send: Callable[["Type.ValueType", bytes], bytes],
        offer: Offer,
    ) -> None:
        """Read what starts the call.

        Args:
            message: The peer's TRANSACTION or INIT.
            send: Sends a request of a type with a payload, waits, and returns the answer's payload.
            offer: What the peer can do beyond Fabric 2.

        Raises:
            MalformedMessageError: The proposal cannot be read.
            DecodeError: The input cannot be read.
        """
        facts = ProposalFacts.of(message.proposal)
        self.channel_id: str = message.channel_id
        self.transaction_id: str = message.txid
        self.timestamp_ns: int = facts.timestamp_ns
        self.creator: bytes = facts.creator
        self.transient: Mapping[str, bytes] = facts.transient
        self.entry_chaincode: str = facts.entry_chaincode
        self.args: Sequence[bytes] = tuple(ChaincodeInput.FromString(message.payload).args)
        self.event: ChaincodeEvent | None = None
        self._send = send
        self._keys_per_request = offer.keys
        self._writes = Writes(self._ask, offer.write_batch)
        self._queries = Queries(self._ask)

    def finish(self) -> None:
        """Send the writes that are still here. Called once, when the call has ended.

        Raises:
            RequestRefusedError: The peer does not take them.
        """
        self._writes.flush()

    def get_state(self, key: str) -> bytes | None:
        """See ``ChaincodeStub``."""
        return self._ask(Type.GET_STATE, GetState(key=key).SerializeToString()) or None

    def get_states(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the committed value of each key, or None, in the order of ``keys``.

        A peer that offers it is asked for many at once.
        """
        if not self._keys_per_request:
            return [self.get_state(key) for key in keys]
        values: list[bytes | None] = []
        for start in range(0, len(keys), self._keys_per_request):
            request = GetStateMultiple(keys=keys[start : start + self._keys_per_request])
            answer = self._ask(Type.GET_STATE_MULTIPLE, request.SerializeToString())
            values.extend(
                value or None for value in GetStateMultipleResult.FromString(answer).values
            )
        return values

    def put_state(self, key: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._writes.put(_named(key), value)

    def del_state(self, key: str) -> None:
        """See ``ChaincodeStub``."""
        self._writes.delete(_named(key))

    def get_state_range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        """See ``ChaincodeStub``; as in every shim, an empty start leaves composite keys out."""
        request = GetStateByRange(startKey=start or FIRST_SIMPLE_KEY, endKey=end)
        return self._queries.rows(Type.GET_STATE_BY_RANGE, request.SerializeToString())

    def get_state_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """See ``ChaincodeStub``; as in every shim, an empty start leaves composite keys out."""
        metadata = QueryMetadata(pageSize=page_size, bookmark=bookmark).SerializeToString()
        request = GetStateByRange(startKey=start or FIRST_SIMPLE_KEY, endKey=end, metadata=metadata)
        return self._page(Type.GET_STATE_BY_RANGE, request.SerializeToString())

    def get_query_result(self, query: str) -> Iterator[tuple[str, bytes]]:
        """Yield what a rich query finds, on peers that keep their state in CouchDB.

        The result is not protected against phantoms.
        """
        request = GetQueryResult(query=query)
        return self._queries.rows(Type.GET_QUERY_RESULT, request.SerializeToString())

    def get_history(self, key: str) -> Iterator[KeyModification]:
        """See ``ChaincodeStub``."""
        return self._queries.modifications(GetHistoryForKey(key=key).SerializeToString())

    def get_private_data(self, collection: str, key: str) -> bytes | None:
        """See ``ChaincodeStub``."""
        request = GetState(key=key, collection=_collection(collection))
        return self._ask(Type.GET_STATE, request.SerializeToString()) or None

    def get_private_data_range(
        self, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the committed rows of a range of a collection, in key order."""
        request = GetStateByRange(
            startKey=start or FIRST_SIMPLE_KEY, endKey=end, collection=_collection(collection)
        )
        return self._queries.rows(Type.GET_STATE_BY_RANGE, request.SerializeToString())

    def put_private_data(self, collection: str, key: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._writes.put(_named(key), value, _collection(collection))

    def del_private_data(self, collection: str, key: str) -> None:
        """See ``ChaincodeStub``."""
        self._writes.delete(_named(key), _collection(collection))

    def purge_private_data(self, collection: str, key: str) -> None:
        """Delete a private value and what it was before, on every member's peer."""
        self._writes.purge(_named(key), _collection(collection))

    def get_private_data_hash(self, collection: str, key: str) -> bytes | None:
        """See ``ChaincodeStub``."""
        request = GetState(key=key, collection=_collection(collection))
        return self._ask(Type.GET_PRIVATE_DATA_HASH, request.SerializeToString()) or None

    def get_state_metadata(self, key: str) -> Mapping[str, bytes]:
        """See ``ChaincodeStub``."""
        return self._metadata(GetStateMetadata(key=key))

    def put_state_metadata(self, key: str, name: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._writes.put_metadata(_named(key), name, value)

    def get_private_data_metadata(self, collection: str, key: str) -> Mapping[str, bytes]:
        """See ``ChaincodeStub``."""
        return self._metadata(GetStateMetadata(key=key, collection=_collection(collection)))

    def put_private_data_metadata(self, collection: str, key: str, name: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._writes.put_metadata(_named(key), name, value, _collection(collection))

    def set_event(self, name: str, payload: bytes) -> None:
        """See ``ChaincodeStub``; the peer adds chaincode and transaction."""
        self.event = ChaincodeEvent(event_name=name, payload=payload)

    def invoke_chaincode(self, name: str, args: Sequence[bytes]) -> CalleeReply:
        """See ``ChaincodeStub``.

        Raises:
            RequestRefusedError: The peer did not run the callee, or the callee failed to answer.
        """
        spec = ChaincodeSpec(
            chaincode_id=ChaincodeID(name=name), input=ChaincodeInput(args=list(args))
        )
        answer = self._ask(Type.INVOKE_CHAINCODE, spec.SerializeToString())
        message = ChaincodeMessage.FromString(answer)
        if message.type != Type.COMPLETED:
            raise RequestRefusedError(message.payload.decode(errors="replace"))
        response = Response.FromString(message.payload)
        has_event = message.HasField("chaincode_event") and response.status < BAD_REQUEST
        return CalleeReply(response, message.chaincode_event if has_event else None)

    def _metadata(self, request: GetStateMetadata) -> Mapping[str, bytes]:
        answer = self._ask(Type.GET_STATE_METADATA, request.SerializeToString())
        entries = StateMetadataResult.FromString(answer).entries
        return {entry.metakey: entry.value for entry in entries}

    def _page(self, request: "Type.ValueType", payload: bytes) -> Page:
        answer = self._queries.first_batch(request, payload)
        bookmark = QueryResponseMetadata.FromString(answer.metadata).bookmark
        return Page(tuple(row(result.resultBytes) for result in answer.results), bookmark)

    def _ask(self, request: "Type.ValueType", payload: bytes) -> bytes:
        for query_id in self._queries.take_abandoned():
            self._send(Type.QUERY_STATE_CLOSE, close_request(query_id))
        return self._send(request, payload)


def _named(key: str) -> str:
    if not key:
        raise InvalidKeyError(key, "is empty")
    return key


def _collection(name: str) -> str:
    """Return the name of a collection; an empty one would mean public state to the peer."""
    if not name:
        raise Refusal("INVALID_COLLECTION", "a collection of private data needs a name")
    return name
