"""The writes of one call on their way to the peer.

Reads never see them, so their order relative to reads does not matter, and a peer that takes
batches gets them together. Source: wire.md §9.3 and §19 item 14.
"""

from collections.abc import Callable

from tallystick.protos.peer.chaincode_shim_pb2 import (
    ChaincodeMessage,
    DelState,
    PurgePrivateState,
    PutState,
    PutStateMetadata,
    StateMetadata,
    WriteBatchState,
    WriteRecord,
)

Type = ChaincodeMessage.Type


class Writes:
    """Sends the writes of one call, together where the peer offers that, else one by one.

    Args:
        ask: Sends a request of a type with a payload, and raises if the peer refuses it.
        batch_size: How many writes may travel together; 0 when the peer takes no batches.
    """

    __slots__ = ("_ask", "_batch_size", "_pending")

    def __init__(self, ask: Callable[["Type.ValueType", bytes], bytes], batch_size: int) -> None:
        self._ask = ask
        self._batch_size = batch_size
        self._pending: list[WriteRecord] = []

    def put(self, key: str, value: bytes, collection: str = "") -> None:
        """Write a value, public if ``collection`` is empty."""
        if self._batch_size:
            kind = WriteRecord.PUT_STATE
            self._add(WriteRecord(key=key, value=value, collection=collection, type=kind))
        else:
            request = PutState(key=key, value=value, collection=collection)
            self._ask(Type.PUT_STATE, request.SerializeToString())

    def delete(self, key: str, collection: str = "") -> None:
        """Delete a value, public if ``collection`` is empty."""
        if self._batch_size:
            self._add(WriteRecord(key=key, collection=collection, type=WriteRecord.DEL_STATE))
        else:
            request = DelState(key=key, collection=collection)
            self._ask(Type.DEL_STATE, request.SerializeToString())

    def purge(self, key: str, collection: str) -> None:
        """Delete a private value and its past."""
        if self._batch_size:
            kind = WriteRecord.PURGE_PRIVATE_DATA
            self._add(WriteRecord(key=key, collection=collection, type=kind))
        else:
            request = PurgePrivateState(key=key, collection=collection)
            self._ask(Type.PURGE_PRIVATE_DATA, request.SerializeToString())

    def put_metadata(self, key: str, name: str, value: bytes, collection: str = "") -> None:
        """Write the metadata entry of a key, public if ``collection`` is empty."""
        entry = StateMetadata(metakey=name, value=value)
        if self._batch_size:
            kind = WriteRecord.PUT_STATE_METADATA
            self._add(WriteRecord(key=key, metadata=entry, collection=collection, type=kind))
        else:
            request = PutStateMetadata(key=key, metadata=entry, collection=collection)
            self._ask(Type.PUT_STATE_METADATA, request.SerializeToString())

    def flush(self) -> None:
        """Send what is left. Called once more when the call has ended."""
        if self._pending:
            batch = WriteBatchState(rec=self._pending)
            self._pending = []
            self._ask(Type.WRITE_BATCH_STATE, batch.SerializeToString())

    def _add(self, record: WriteRecord) -> None:
        self._pending.append(record)
        if len(self._pending) == self._batch_size:
            self.flush()
