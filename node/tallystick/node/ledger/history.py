"""The past values of keys: an index of who wrote them, answered from the blocks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.block_store import BlockNotFoundError
from tallystick.node.ledger.committed import find_modification
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.varint import uvarint
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.wire.hashing import version_bytes

_INVERTED: Final = bytes(range(255, -1, -1))
"""Translates bytes that sort ascending into bytes that sort descending, and back."""


class HistoryView(Protocol):
    """What transactions may ask about the past."""

    def modifications(self, namespace: str, key: str) -> Iterator[KeyModification]:
        """Yield every write of a public key by a valid transaction, newest first.

        A deletion has an empty value. The timestamp is the one in the transaction's header. What
        was written before the first block that is here is not known.
        """


class History(HistoryView):
    """The index of writes, kept below one prefix of a key-value store; it holds no values."""

    def __init__(self, store: KeyValueReader, read_block: Callable[[int], Block]) -> None:
        self._store = store
        self._read_block = read_block

    def modifications(self, namespace: str, key: str) -> Iterator[KeyModification]:
        """Yield every write of a public key by a valid transaction, newest first."""
        prefix = _prefix(namespace, key)
        block: Block | None = None
        for entry, _ in self._store.range(prefix, keyspace.end_of_prefix(prefix)):
            version = _decode_version(entry[len(prefix) :])
            if block is None or block.header.number != version.block_number:
                try:
                    block = self._read_block(version.block_number)
                except BlockNotFoundError:  # not here, and so is nothing older
                    return
            transaction = block.data.data[version.transaction_index]
            modification = find_modification(transaction, namespace, key)
            if modification is not None:  # None: the transaction changed nothing but metadata
                yield modification


def history_entries(writes: Iterable[tuple[str, str, Version]]) -> dict[bytes, bytes | None]:
    """Return what indexing these writes (namespace, key, version) adds to the store."""
    return {
        _prefix(namespace, key) + _encode_version(version): b""
        for namespace, key, version in writes
    }


def _prefix(namespace: str, key: str) -> bytes:
    # The length keeps apart keys of which one begins with the other.
    name = key.encode()
    return b"".join(
        (keyspace.HISTORY, namespace.encode(), keyspace.SEPARATOR, uvarint(len(name)), name)
    )


def _encode_version(version: Version) -> bytes:
    ascending = version_bytes(version.block_number, version.transaction_index)
    return ascending.translate(_INVERTED)


def _decode_version(descending: bytes) -> Version:
    ascending = descending.translate(_INVERTED)
    split = 1 + ascending[0]
    return Version(
        int.from_bytes(ascending[1:split], "big"), int.from_bytes(ascending[split + 1 :], "big")
    )
