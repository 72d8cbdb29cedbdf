"""The committed state as it was before a block, with each key looked up once."""

from collections.abc import Iterator

from tallystick.node.ledger.state import StateView, VersionedValue


class BlockView(StateView):
    """A state view for validating one block, during which the state does not change.

    The endorsement check, the conflict check and the merging of metadata all ask for the same keys.
    """

    __slots__ = ("_hashes", "_values", "_view")

    def __init__(self, view: StateView) -> None:
        self._view = view
        self._values: dict[tuple[str, str], VersionedValue | None] = {}
        self._hashes: dict[tuple[str, str, bytes], VersionedValue | None] = {}

    def get(self, namespace: str, key: str) -> VersionedValue | None:
        """Return what a public key holds."""
        place = (namespace, key)
        try:
            return self._values[place]
        except KeyError:
            found = self._values[place] = self._view.get(namespace, key)
            return found

    def range(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, VersionedValue]]:
        """Return public keys and what they hold, in order; an empty ``end`` is no bound."""
        return self._view.range(namespace, start, end)

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
