"""The rows of a state: read out, and compared with those of another store."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.state import decode_row
from tallystick.node.ledger.version import Version

_PRIVATE: Final = "$$p"
_SHOWN_BYTES: Final = 80


@dataclass(frozen=True, slots=True)
class Row:
    """What the state holds at one key.

    Attributes:
        namespace: The chaincode; for hashes of private keys with ``$$h`` and the collection.
        key: The key, or the hash of a private one.
        value: Its value, or the hash of that.
        version: Where it was last written.
        metadata: ``KVMetadataWrite`` bytes; empty if it has none.
    """

    namespace: str
    key: bytes
    value: bytes
    version: Version
    metadata: bytes

    @property
    def is_private(self) -> bool:
        """Whether it is the value of a private key, which members of its collection alone have."""
        return _PRIVATE in self.namespace

    def as_json(self) -> str:
        """Return the row as one line of JSON: bytes as text where they are, else in hex."""
        row: dict[str, object] = {
            "namespace": self.namespace,
            **_readable("key", self.key),
            **_readable("value", self.value),
            "block": self.version.block_number,
            "transaction": self.version.transaction_index,
        }
        if self.metadata:
            row["metadata_hex"] = self.metadata.hex()
        return json.dumps(row, ensure_ascii=False)

    def __str__(self) -> str:
        """Return where it is, what it holds and where that was written, for messages."""
        value = self.value[:_SHOWN_BYTES].decode(errors="replace")
        more = "…" if len(self.value) > _SHOWN_BYTES else ""
        at = f"block {self.version.block_number}, transaction {self.version.transaction_index}"
        return f"{self.place} is {value!r}{more}, written by {at}"

    @property
    def place(self) -> str:
        """Namespace and key, for messages."""
        return f"{self.namespace}/{self.key.decode(errors='backslashreplace')!r}"


def rows(store: KeyValueReader) -> Iterator[Row]:
    """Yield what a state holds, by namespace and key."""
    first, end = keyspace.STATE, keyspace.end_of_prefix(keyspace.STATE)
    for state_key, encoded in store.range(first, end):
        namespace, _, key = state_key[len(first) :].partition(keyspace.SEPARATOR)
        held = decode_row(encoded)
        yield Row(namespace.decode(), key, held.value, held.version, held.metadata)


def namespaces(store: KeyValueReader) -> Iterator[str]:
    """Yield the namespaces of a state, those of private values left out; each takes one look-up."""
    first, end = keyspace.STATE, keyspace.end_of_prefix(keyspace.STATE)
    while (pair := next(store.range(first, end), None)) is not None:
        prefix = pair[0].partition(keyspace.SEPARATOR)[0]
        namespace = prefix.removeprefix(keyspace.STATE).decode()
        if _PRIVATE not in namespace:
            yield namespace
        first = keyspace.end_of_prefix(prefix + keyspace.SEPARATOR)


def first_difference(one: KeyValueReader, other: KeyValueReader) -> str:
    """Return how two states differ at their first such key, private values aside; empty if not."""
    for left, right in zip_longest(_shared(one), _shared(other)):
        if left == right:
            continue
        if left is None or (right is not None and _place(right) < _place(left)):
            return f"{right}, and is missing in the first"
        if right is None or _place(left) < _place(right):
            return f"{left}, and is missing in the second"
        return f"{left} in the first, and in the second {right}"
    return ""


def _shared(store: KeyValueReader) -> Iterator[Row]:
    return (row for row in rows(store) if not row.is_private)


def _place(row: Row) -> tuple[bytes, bytes]:
    return row.namespace.encode(), row.key


def _readable(name: str, data: bytes) -> dict[str, str]:
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_hex": data.hex()}
