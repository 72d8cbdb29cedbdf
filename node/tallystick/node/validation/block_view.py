"""The committed state as it was before a block, with each key looked up once."""

from collections.abc import Iterator
from sys import getsizeof
from typing import Final

from tallystick.node.ledger.state import StateView, UpdateBatch, VersionedValue
from tallystick.node.ledger.version import Version

MAX_HELD_BYTES: Final = 8 * 1024 * 1024
"""Of values, from one block to the next."""
_PLACE_BYTES: Final = 256
"""What a place takes beside its key and value."""


class BlockView(StateView):
    """A state view for validating blocks, one after the other: each sees the state before it.

    The endorsement check, the conflict check and the merging of metadata all ask for the same keys,
    and so do the next blocks. So public values are kept, with what the blocks make of them.
    """

    __slots__ = ("_accepted", "_hashes", "_held_bytes", "_values", "_view")

    def __init__(self, view: StateView) -> None:
        """View ``view``, which must not change but by what ``accepted`` is told."""
        self._view = view
        self._accepted = UpdateBatch()
        self._values: dict[tuple[str, str], VersionedValue | None] = {}
        self._hashes: dict[tuple[str, str, bytes], VersionedValue | None] = {}
        self._held_bytes = 0

    def accepted(self, updates: UpdateBatch) -> None:
        """Take note of the changes of the block that this view was for: it is for the next now.

        From here on the underlying view may have the public ones or not; those of earlier blocks,
        and all that are private, it must have.
        """
        self._accepted = updates
        self._hashes.clear()  # those of private values also change when their time is over
        if self._held_bytes > MAX_HELD_BYTES:
            self._values.clear()
            self._held_bytes = 0
        for namespace, changes in updates.public.items():
            for key, change in changes.items():
                self._keep((namespace, key), change if isinstance(change, VersionedValue) else None)

    def get(self, namespace: str, key: str) -> VersionedValue | None:
        """Return what a public key holds."""
        place = (namespace, key)
        try:
            return self._values[place]
        except KeyError:
            return self._keep(place, self._view.get(namespace, key))

    def range(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, VersionedValue]]:
        """Return public keys and what they hold, in order; an empty ``end`` is no bound."""
        return self._accepted.merged_range(self._view, namespace, start, end)

    def get_private(self, namespace: str, collection: str, key: str) -> VersionedValue | None:
        """Return what a private key holds, as far as this node may know."""
        return self._view.get_private(namespace, collection, key)

    def get_hash(self, namespace: str, collection: str, key_hash: bytes) -> VersionedValue | None:
        """Return what the private key with this SHA-256 holds: the hash of its value."""
        place = (namespace, collection, key_hash)
        try:
            return self._hashes[place]
        except KeyError:
            found = self._hashes[place] = self._view.get_hash(namespace, collection, key_hash)
            return found

    def range_private(
        self, namespace: str, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, VersionedValue]]:
        """Return the private keys that this node may know and what they hold, in order."""
        return self._view.range_private(namespace, collection, start, end)

    def oldest_missing(self, namespace: str, collection: str) -> Version | None:
        """Return the first transaction that wrote current private values which this node lacks."""
        return self._view.oldest_missing(namespace, collection)

    def _keep(self, place: tuple[str, str], held: VersionedValue | None) -> VersionedValue | None:
        self._values[place] = held
        self._held_bytes += _PLACE_BYTES + getsizeof(place[0]) + getsizeof(place[1])
        if held is not None:
            self._held_bytes += len(held.value) + len(held.metadata)
        return held
