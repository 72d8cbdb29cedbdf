"""The store as it was after one block, for simulations that other work may interrupt.

A contract in another process answers later, and blocks may be committed meanwhile. Validation would
catch a transaction that read half of its input before such a block and half after it, but nothing
validates a query. So all simulations that begin at one height read through one reader; before the
next block changes the store, a reader that somebody still uses is pinned to a snapshot. Nothing
waits: neither the commit for a slow contract nor the contract for a commit.
"""

from collections.abc import Iterator

from tallystick.node.ledger.key_value_store import KeyValueReader, KeyValueStore


class SteadyReader(KeyValueReader):
    """Reads from the store itself until it is pinned."""

    def __init__(self, store: KeyValueStore) -> None:
        self._source: KeyValueReader = store

    def pin(self, snapshot: KeyValueReader) -> None:
        """Read from ``snapshot`` from now on."""
        self._source = snapshot

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""
        return self._source.get(key)

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return the pairs with ``start <= key < end``, in key order."""
        return self._source.range(start, end)
