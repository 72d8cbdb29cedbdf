"""An in-memory chaincode stub with the semantics of a peer.

Reads see committed state only; paging and writing exclude each other; a chaincode cannot be called
while it runs; a read of what an earlier call of the transaction wrote is refused, as an embedded
node refuses it.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import Self

from tallystick.chaincode.errors import (
    BAD_REQUEST,
    ReadAfterCalleeWriteError,
    RecursiveCallError,
    Refusal,
)
from tallystick.chaincode.stub import CalleeReply, KeyModification, Page
from tallystick.chaincode.testing.clients import Client
from tallystick.chaincode.testing.world import MemoryTransaction, MemoryWorld
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent


class MemoryStub:
    """One call of one chaincode inside a ``MemoryTransaction``; a ``ChaincodeStub``.

    Attributes:
        event: What ``set_event`` was given last, or None.
        writes: What the transaction has written to the rows of this chaincode.
    """

    def __init__(
        self,
        transaction: MemoryTransaction,
        chaincode: str,
        args: Sequence[bytes] = (),
        callers: tuple[str, ...] = (),
    ) -> None:
        self._transaction = transaction
        self._chaincode = chaincode
        self._callers = callers
        self._rows = transaction.world.rows_of(chaincode)
        self.writes = transaction.writes_of(chaincode)
        self._written_before = frozenset(self.writes.values)
        self.args: Sequence[bytes] = args
        self.event: ChaincodeEvent | None = None

    @classmethod
    def alone(cls, client: Client, *args: bytes, timestamp_ns: int = 0) -> Self:
        """Return the stub of the only transaction of an otherwise empty world."""
        transaction = MemoryTransaction(
            MemoryWorld(), "0" * 64, timestamp_ns, client.creator, entry_chaincode="chaincode"
        )
        return cls(transaction, "chaincode", args)

    def commit(self) -> None:
        """Commit the writes; this stub then stands for a new transaction that sees them."""
        self._transaction.commit()
        self._transaction.writes.clear()
        self.writes = self._transaction.writes_of(self._chaincode)

    @property
    def channel_id(self) -> str:
        """See ``ChaincodeStub``."""
        return self._transaction.channel_id

    @property
    def transaction_id(self) -> str:
        """See ``ChaincodeStub``."""
        return self._transaction.transaction_id

    @property
    def timestamp_ns(self) -> int:
        """See ``ChaincodeStub``."""
        return self._transaction.timestamp_ns

    @property
    def creator(self) -> bytes:
        """See ``ChaincodeStub``."""
        return self._transaction.creator

    @property
    def transient(self) -> Mapping[str, bytes]:
        """See ``ChaincodeStub``."""
        return self._transaction.transient

    @property
    def entry_chaincode(self) -> str:
        """See ``ChaincodeStub``."""
        return self._transaction.entry_chaincode

    def get_state(self, key: str) -> bytes | None:
        """See ``ChaincodeStub``."""
        if key in self._written_before:
            raise ReadAfterCalleeWriteError(self._chaincode, key)
        return self._rows.values.get(key)

    def get_states(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """See ``ChaincodeStub``."""
        return [self.get_state(key) for key in keys]

    def put_state(self, key: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._check_not_paged()
        self.writes.values[key] = value

    def del_state(self, key: str) -> None:
        """See ``ChaincodeStub``."""
        self._check_not_paged()
        self.writes.values[key] = None

    def get_state_range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        """See ``ChaincodeStub``."""
        for key in self._written_before:
            if start <= key and (not end or key < end):
                raise ReadAfterCalleeWriteError(self._chaincode, key)
        return iter(self._sorted_rows(start, end))

    def get_state_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """See ``ChaincodeStub``."""
        if any(self._transaction.writes.values()):
            raise Refusal(
                "PAGED_AFTER_WRITE", "pages can be read only in a transaction that writes nothing"
            )
        self._transaction.paged = True
        rows = tuple(islice(self._sorted_rows(bookmark or start, end), page_size + 1))
        return Page(rows[:page_size], rows[page_size][0] if len(rows) > page_size else "")

    def get_history(self, key: str) -> Iterator[KeyModification]:
        """See ``ChaincodeStub``."""
        return reversed(self._rows.history.get(key, []))

    def get_private_data(self, collection: str, key: str) -> bytes | None:
        """See ``ChaincodeStub``."""
        return self._rows.private.get((collection, key))

    def get_private_data_range(
        self, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, bytes]]:
        """See ``ChaincodeStub``."""
        if any(self._transaction.writes.values()):
            raise Refusal(
                "RANGE_AFTER_WRITE",
                "private ranges can be read only in a transaction that writes nothing",
            )
        self._transaction.paged = True
        rows = self._rows.private.items()
        return iter(
            sorted(
                (key, value)
                for (place, key), value in rows
                if place == collection and start <= key and (not end or key < end)
            )
        )

    def put_private_data(self, collection: str, key: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._check_not_paged()
        self.writes.private[collection, key] = value

    def del_private_data(self, collection: str, key: str) -> None:
        """See ``ChaincodeStub``."""
        self._check_not_paged()
        self.writes.private[collection, key] = None

    def purge_private_data(self, collection: str, key: str) -> None:
        """See ``ChaincodeStub``."""
        self.del_private_data(collection, key)

    def get_private_data_hash(self, collection: str, key: str) -> bytes | None:
        """See ``ChaincodeStub``."""
        value = self._rows.private.get((collection, key))
        return None if value is None else sha256(value).digest()

    def get_state_metadata(self, key: str) -> Mapping[str, bytes]:
        """See ``ChaincodeStub``."""
        return self._rows.metadata.get(key, {})

    def put_state_metadata(self, key: str, name: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._check_not_paged()
        self.writes.metadata[key] = {name: value}

    def get_private_data_metadata(self, collection: str, key: str) -> Mapping[str, bytes]:
        """See ``ChaincodeStub``."""
        return self._rows.private_metadata.get((collection, key), {})

    def put_private_data_metadata(self, collection: str, key: str, name: str, value: bytes) -> None:
        """See ``ChaincodeStub``."""
        self._check_not_paged()
        self.writes.private_metadata[collection, key] = {name: value}

    def set_event(self, name: str, payload: bytes) -> None:
        """See ``ChaincodeStub``."""
        self.event = ChaincodeEvent(
            chaincode_id=self._chaincode,
            tx_id=self.transaction_id,
            event_name=name,
            payload=payload,
        )

    def invoke_chaincode(self, name: str, args: Sequence[bytes]) -> CalleeReply:
        """See ``ChaincodeStub``."""
        callers = (*self._callers, self._chaincode)
        if name in callers:
            raise RecursiveCallError(name, callers)
        stub = MemoryStub(self._transaction, name, args, callers)
        response = self._transaction.world.chaincode(name).invoke(stub)
        return CalleeReply(response, stub.event if response.status < BAD_REQUEST else None)

    def _sorted_rows(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        values = self._rows.values
        keys = sorted(key for key in values if start <= key and (not end or key < end))
        return ((key, values[key]) for key in keys)

    def _check_not_paged(self) -> None:
        if self._transaction.paged:
            raise Refusal(
                "WRITE_AFTER_PAGE",
                "a transaction that has read pages or private ranges cannot write",
            )
