"""The chaincode stub inside a peer: every request goes straight to the transaction's simulator."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.chaincode.errors import (
    BAD_REQUEST,
    INTERNAL,
    InvalidKeyError,
    ReadAfterCalleeWriteError,
    RecursiveCallError,
    Refusal,
)
from tallystick.chaincode.stub import CalleeReply, Chaincode, KeyModification, Page
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.range_query import RangeQuery
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.lifecycle import record_use_of_collections
from tallystick.node.runtime.runtime import Invocation
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.wire.messages import timestamp_to_ns


@dataclass(frozen=True, slots=True)
class EmbeddedTransaction:
    """What all calls of one transaction on one channel share.

    Attributes:
        find: Returns the chaincode of a name on the channel of an invocation, and raises Refusal if
            this peer cannot run it. It leaves the reads that belong to a call in the simulator.
        written: Public keys written so far, by chaincode.
        collection_users: The chaincodes that have used private data so far.
    """

    invocation: Invocation
    find: Callable[[Invocation, str], Chaincode]
    written: dict[str, set[str]] = field(default_factory=dict)
    collection_users: set[str] = field(default_factory=set)


class EmbeddedStub:
    """One call of one chaincode; see ``ChaincodeStub`` for what its methods promise.

    What an earlier call of the same transaction wrote in this namespace is invisible here, as in
    Fabric. A read that would silently miss it raises ReadAfterCalleeWriteError.

    Attributes:
        event: What ``set_event`` was given last, or None.
    """

    __slots__ = (
        "_callers",
        "_chaincode",
        "_simulator",
        "_transaction",
        "_written",
        "_written_before",
        "args",
        "channel_id",
        "creator",
        "entry_chaincode",
        "event",
        "timestamp_ns",
        "transaction_id",
        "transient",
    )

    def __init__(
        self,
        transaction: EmbeddedTransaction,
        chaincode: str,
        args: Sequence[bytes],
        callers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Call ``chaincode``; ``callers`` are those at work above, by channel and name."""
        invocation = transaction.invocation
        self.channel_id: str = invocation.channel_id
        self.transaction_id: str = invocation.transaction_id
        self.timestamp_ns: int = invocation.timestamp_ns
        self.creator: bytes = invocation.creator
        self.transient: Mapping[str, bytes] = invocation.transient
        self.entry_chaincode: str = invocation.entry_chaincode
        self.args: Sequence[bytes] = args
        self.event: ChaincodeEvent | None = None
        self._transaction = transaction
        self._chaincode = chaincode
        self._callers = callers
        self._simulator: Simulator = invocation.simulator
        self._written = transaction.written.setdefault(chaincode, set())
        self._written_before = frozenset(self._written)

    def get_state(self, key: str) -> bytes | None:
        """Return the committed value, or None."""
        if key in self._written_before:
            raise ReadAfterCalleeWriteError(self._chaincode, key)
        return self._simulator.get_state(self._chaincode, key)

    def get_states(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """Return the committed value of each key, or None."""
        return [self.get_state(key) for key in keys]

    def put_state(self, key: str, value: bytes) -> None:
        """Write ``value``, which is not empty."""
        _check_write(key, value)
        self._simulator.put_state(self._chaincode, key, value)
        self._written.add(key)

    def del_state(self, key: str) -> None:
        """Delete ``key``; deleting an absent key is allowed."""
        _check_key(key)
        self._simulator.delete_state(self._chaincode, key)
        self._written.add(key)

    def get_state_range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        """Yield the committed rows of a range, protected against phantoms.

        The first batch is read at once, also when nobody iterates: Fabric's read sets show it.
        """
        for key in self._written_before:
            if start <= key and (not end or key < end):
                raise ReadAfterCalleeWriteError(self._chaincode, key)
        return _rows(self._simulator.range(self._chaincode, start, end))

    def get_state_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """Return one page of a range; refused in a transaction that writes."""
        page = self._simulator.range_page(self._chaincode, start, end, page_size, bookmark)
        return Page(tuple(page.rows), page.bookmark)

    def get_history(self, key: str) -> Iterator[KeyModification]:
        """Yield the committed changes of ``key``, newest first."""
        for change in self._simulator.history(self._chaincode, key):
            yield KeyModification(
                transaction_id=change.tx_id,
                value=change.value,
                timestamp_ns=timestamp_to_ns(change.timestamp),
                is_delete=change.is_delete,
            )

    def get_private_data(self, collection: str, key: str) -> bytes | None:
        """Return the committed private value, or None."""
        self._use_collections()
        return self._simulator.get_private(self._chaincode, collection, key)

    def get_private_data_range(
        self, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the committed private rows of a range; refused in a transaction that writes."""
        self._use_collections()
        return _rows(self._simulator.range_private(self._chaincode, collection, start, end))

    def put_private_data(self, collection: str, key: str, value: bytes) -> None:
        """Write a private value, which is not empty."""
        self._use_collections()
        _check_write(key, value)
        self._simulator.put_private(self._chaincode, collection, key, value)

    def del_private_data(self, collection: str, key: str) -> None:
        """Delete a private value."""
        self._use_collections()
        _check_key(key)
        self._simulator.delete_private(self._chaincode, collection, key)

    def purge_private_data(self, collection: str, key: str) -> None:
        """Delete a private value, and every value that the key has had before."""
        self._use_collections()
        self._simulator.purge_private(self._chaincode, collection, key)

    def get_private_data_hash(self, collection: str, key: str) -> bytes | None:
        """Return the SHA-256 of the committed private value, or None; works for non-members."""
        self._use_collections()
        return self._simulator.get_private_hash(self._chaincode, collection, key)

    def get_state_metadata(self, key: str) -> Mapping[str, bytes]:
        """Return the metadata entries of ``key``, empty when it has none."""
        return self._simulator.get_state_metadata(self._chaincode, key)

    def put_state_metadata(self, key: str, name: str, value: bytes) -> None:
        """Make ``name`` the only metadata entry of ``key``, as Fabric does."""
        _check_write(key, value)
        self._simulator.put_state_metadata(self._chaincode, key, {name: value})

    def get_private_data_metadata(self, collection: str, key: str) -> Mapping[str, bytes]:
        """Return the metadata entries of a private key, empty when it has none."""
        self._use_collections()
        return self._simulator.get_private_metadata(self._chaincode, collection, key)

    def put_private_data_metadata(self, collection: str, key: str, name: str, value: bytes) -> None:
        """Make ``name`` the only metadata entry of a private key, as Fabric does."""
        self._use_collections()
        _check_write(key, value)
        self._simulator.put_private_metadata(self._chaincode, collection, key, {name: value})

    def set_event(self, name: str, payload: bytes) -> None:
        """Set the event of this call; the last one counts."""
        self.event = ChaincodeEvent(
            chaincode_id=self._chaincode,
            tx_id=self.transaction_id,
            event_name=name,
            payload=payload,
        )

    def invoke_chaincode(self, name: str, args: Sequence[bytes]) -> CalleeReply:
        """Call another chaincode inside this transaction.

        On another channel it only answers: nothing of what it reads, writes or publishes is kept.

        Raises:
            Refusal: The name is of a channel or chaincode that is unknown here or not for this
                client, or of a chaincode that is running.
        """
        chaincode, _, channel = name.partition("/")
        chaincode = chaincode.partition(":")[0]  # a version may follow; Fabric ignores it too
        is_elsewhere = channel not in ("", self.channel_id)
        transaction = self._on(channel) if is_elsewhere else self._transaction
        invocation = transaction.invocation
        callers = (*self._callers, (self.channel_id, self._chaincode))
        if (invocation.channel_id, chaincode) in callers:
            raise RecursiveCallError(chaincode, [name for _, name in callers])
        callee = transaction.find(invocation, chaincode)
        stub = EmbeddedStub(transaction, chaincode, args, callers)
        response = callee.invoke(stub)
        is_published = response.status < BAD_REQUEST and not is_elsewhere
        return CalleeReply(response, stub.event if is_published else None)

    def _on(self, channel_id: str) -> EmbeddedTransaction:
        try:
            invocation = self._transaction.invocation.elsewhere(channel_id)
        except LedgerError as error:
            raise Refusal("OTHER_CHANNEL", str(error), INTERNAL) from error
        return EmbeddedTransaction(invocation, self._transaction.find)

    def _use_collections(self) -> None:
        if self._chaincode not in self._transaction.collection_users:
            self._transaction.collection_users.add(self._chaincode)
            record_use_of_collections(self._simulator, self._chaincode)


# The simulator encodes what is written when the chaincode has answered. What cannot be encoded must
# fail before, as a fault of the chaincode.


def _check_write(key: str, value: bytes) -> None:
    _check_key(key)
    if not isinstance(value, bytes):
        raise TypeError(f"the value at key {key!r} is {type(value).__name__}, not bytes")


def _check_key(key: str) -> None:
    if not key:
        raise InvalidKeyError(key, "is empty")
    if not key.isascii():
        key.encode()


def _rows(query: RangeQuery) -> Iterator[tuple[str, bytes]]:
    first = query.next_batch()

    def rest() -> Iterator[tuple[str, bytes]]:
        batch = first
        yield from batch.rows
        while batch.has_more:
            batch = query.next_batch()
            yield from batch.rows

    return rest() if first.has_more else iter(first.rows)
