"""The key-value store in memory, for tests and simulations."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping

from tallystick.node.ledger.key_value_store import KeyValueReader, OpenStore


class MemoryStore(OpenStore):
    """A dict, and its keys in order."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        """Return the value at ``key``, or None."""
        return self._values.get(key)

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return the pairs with ``start <= key < end``, in key order, as they are now."""
        first = bisect_left(self._keys, start)
        last = bisect_left(self._keys, end) if end else len(self._keys)
        return iter([(key, self._values[key]) for key in self._keys[first:last]])

    def snapshot(self) -> KeyValueReader:
        """Return a copy."""
        copy = MemoryStore()
        copy._values = dict(self._values)
        copy._keys = list(self._keys)
        return copy

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """Apply the whole batch; None deletes."""
        for key, value in batch.items():
            if value is not None:
                if key not in self._values:
                    insort(self._keys, key)
                self._values[key] = value
            elif self._values.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def sync(self) -> None:
        """Do nothing: nothing survives."""

    def close(self) -> None:
        """Do nothing: there is nothing to release, and the content may be read on."""
