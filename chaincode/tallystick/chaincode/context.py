"""What a contract function may know and do."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

from tallystick.chaincode.client_identity import ClientIdentity
from tallystick.chaincode.codec import Argument, encode
from tallystick.chaincode.errors import BAD_REQUEST, CalleeRefusal
from tallystick.chaincode.events import (
    EVENT_NAME,
    DomainEvent,
    encode_event,
    encode_record,
    pack,
    unpack,
)
from tallystick.chaincode.private_state import PrivateState
from tallystick.chaincode.state import State
from tallystick.chaincode.stub import CalleeReply, ChaincodeStub
from tallystick.chaincode.transient import TransientData

IMPLICIT_COLLECTION_PREFIX = "_implicit_org_"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Context:
    """One call of one contract function. It ends with the call: keep no reference to it.

    Attributes:
        state: The rows of this chaincode.
        stub: The port below, for what has no place here. What is written through it is not seen by
            ``state``.
    """

    def __init__(self, stub: ChaincodeStub, *, read_only: bool = False) -> None:
        self.stub = stub
        self.state = State(stub, read_only=read_only)
        self._read_only = read_only
        self._private: dict[str, PrivateState] = {}
        self._events: list[bytes] = []

    @property
    def transaction_id(self) -> str:
        """The id of the transaction, the same in every chaincode that takes part."""
        return self.stub.transaction_id

    @property
    def channel_id(self) -> str:
        """The channel that the transaction belongs to."""
        return self.stub.channel_id

    @property
    def timestamp_ns(self) -> int:
        """The time of the transaction, nanoseconds since the epoch, UTC.

        It is the client's word, the same on every peer; endorsers refuse a proposal whose time is
        far from their own clock.
        """
        return self.stub.timestamp_ns

    @cached_property
    def timestamp(self) -> datetime:
        """The time of the transaction, UTC, rounded down to a microsecond."""
        return _EPOCH + timedelta(microseconds=self.stub.timestamp_ns // 1000)

    @cached_property
    def client(self) -> ClientIdentity:
        """Who signed the proposal; the same in every chaincode that takes part."""
        return ClientIdentity.of(self.stub.creator)

    @cached_property
    def transient(self) -> Mapping[str, bytes]:
        """What the client sent along that does not become part of the transaction.

        It cannot be changed. A name that the client did not send refuses the call, uncaught, with
        TRANSIENT_MISSING; it is a KeyError as well.
        """
        return TransientData(self.stub.transient)

    @property
    def entry_chaincode(self) -> str:
        """The chaincode that the client named; another than this one when that one called this."""
        return self.stub.entry_chaincode

    def private(self, collection: str) -> PrivateState:
        """Return a private data collection of this chaincode, the same one every time."""
        found = self._private.get(collection)
        if found is None:
            found = PrivateState(self.stub, collection, read_only=self._read_only)
            self._private[collection] = found
        return found

    def private_of(self, msp_id: str) -> PrivateState:
        """Return the collection that an organisation has in every chaincode without defining it.

        Its peers alone hold the values, and a peer of it must endorse what is written there.
        """
        return self.private(f"{IMPLICIT_COLLECTION_PREFIX}{msp_id}")

    def emit(self, event: DomainEvent) -> None:
        """Publish ``event`` if the transaction becomes valid, after the events emitted before."""
        self._events.append(encode_event(event))

    def invoke(self, chaincode: str, function: str, *arguments: Argument) -> bytes:
        """Call a function of another chaincode, usually of this channel; return its result.

        The callee runs in this transaction, as the same client, on its own rows; its events follow
        those emitted so far. Arguments are written as the callee's parameters read them.

        Batch the operations on one callee into one call. Reads see committed state only, so a
        second call of the same transaction does not see what the first one wrote; a runtime that
        can tell refuses such a read with READ_AFTER_CALLEE_WRITE. For the same reason a chaincode
        may not call itself, directly or through others.

        ``name/channel`` asks a chaincode on another channel, where the client must belong too.
        Nothing of that call is part of the transaction: its writes and events are dropped, and
        nobody checks at commit that what it read still holds.

        Raises:
            CalleeRefusal: The callee refused. Uncaught, it refuses this call in the same words.
        """
        reply = self.stub.invoke_chaincode(
            chaincode, [function.encode(), *(encode(argument) for argument in arguments)]
        )
        response = reply.response
        if response.status >= BAD_REQUEST:
            raise CalleeRefusal(chaincode, response)
        self._events.extend(_events_of(reply))
        return response.payload

    def finish(self) -> None:
        """Hand writes and events to the stub. Called once, when the function has succeeded.

        Private ones first: a peer may refuse those, and a caller that catches the refusal must not
        publish half of what this call has done.
        """
        for collection in self._private.values():
            collection.flush()
        self.state.flush()
        if self._events:
            self.stub.set_event(EVENT_NAME, pack(self._events))


def _events_of(reply: CalleeReply) -> Iterator[bytes]:
    """Yield the callee's domain events; as in Fabric, its other events stay unpublished."""
    if reply.event is not None and reply.event.event_name == EVENT_NAME:
        for record in unpack(reply.event.payload):
            yield encode_record(record)
