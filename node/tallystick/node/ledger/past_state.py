"""What a few keys held at some block, worked out from the blocks alone.

A peer keeps the latest state only. Who asks why an old transaction was judged as it was needs the
metadata and the definitions of its time, and those are in the blocks before it.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from tallystick.node.ledger.committed import is_endorser_transaction, recorded_codes
from tallystick.node.ledger.committed import results_of_entry as _results
from tallystick.node.ledger.private_sets import BlocksToLive, forever
from tallystick.node.ledger.rwset import (
    HashedCollection,
    NamespaceReadWriteSet,
    ParsedReadWriteSet,
    parse_results,
)
from tallystick.node.ledger.state import StateView, UpdateBatch, VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.transaction_pb2 import VALID

Places = Mapping[str, AbstractSet[str | bytes] | None]
"""By namespace the keys to follow, private ones by their SHA-256; None follows all of them."""


class PastState(StateView):
    """The state after the blocks applied so far, as far as ``places`` go.

    Private values are unknown; their hashes are there until their time is over.
    """

    def __init__(self, places: Places, lives: BlocksToLive = forever) -> None:
        """Follow ``places``; ``lives`` says for how many blocks private values live."""
        self._places = places
        self._lives = lives
        self._height = 0
        self._changes = UpdateBatch()

    def apply(self, block: Block) -> None:
        """Apply what the valid transactions of the next block write. Blocks come from 0 on.

        Raises:
            MalformedMessageError: A valid transaction cannot be read.
        """
        number, codes = block.header.number, recorded_codes(block)
        for index, entry in enumerate(block.data.data):
            if codes[index] == VALID and is_endorser_transaction(entry):
                followed = self._followed(parse_results(_results(entry)))
                followed.apply_to(self._changes, Version(number, index), self)
        # The lists of all that was ever written grow with the channel, and nobody reads them here.
        for record in (self._changes.writes, self._changes.private_sets, self._changes.purges):
            record.clear()
        self._height = number + 1

    def get(self, namespace: str, key: str) -> VersionedValue | None:
        """Return what a public key holds."""
        found = self._changes.get(namespace, key)
        return found if isinstance(found, VersionedValue) else None

    def get_hash(self, namespace: str, collection: str, key_hash: bytes) -> VersionedValue | None:
        """Return what the private key with this SHA-256 holds: the hash of its value."""
        found = self._changes.get_hash(namespace, collection, key_hash)
        if not isinstance(found, VersionedValue):
            return None
        life = self._lives(self, namespace, collection)
        is_over = life and found.version.block_number + life + 1 < self._height
        return None if is_over else found

    def get_private(
        self,
        namespace: str,  # noqa: ARG002
        collection: str,  # noqa: ARG002
        key: str,  # noqa: ARG002
    ) -> VersionedValue | None:
        """Return None: blocks hold no private values."""
        return None

    def range(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, VersionedValue]]:
        """Return the public keys that are followed and what they hold, in order."""
        rows = self._changes.public.get(namespace, {})
        return (
            (key, held)
            for key, held in sorted(rows.items())
            if isinstance(held, VersionedValue) and start <= key and (not end or key < end)
        )

    def range_private(
        self,
        namespace: str,  # noqa: ARG002
        collection: str,  # noqa: ARG002
        start: str,  # noqa: ARG002
        end: str,  # noqa: ARG002
    ) -> Iterator[tuple[str, VersionedValue]]:
        """Return nothing: blocks hold no private values."""
        return iter(())

    def oldest_missing(
        self,
        namespace: str,  # noqa: ARG002
        collection: str,  # noqa: ARG002
    ) -> Version | None:
        """Return None: blocks do not say what a node lacks."""
        return None

    def _followed(self, rwset: ParsedReadWriteSet) -> ParsedReadWriteSet:
        return ParsedReadWriteSet(
            tuple(
                _restricted(entry, keys) if keys is not None else entry
                for entry in rwset.namespaces
                if entry.namespace in self._places
                for keys in (self._places[entry.namespace],)
            )
        )


def _restricted(
    entry: NamespaceReadWriteSet, keys: AbstractSet[str | bytes]
) -> NamespaceReadWriteSet:
    return replace(
        entry,
        writes=[each for each in entry.writes if each.key in keys],
        metadata_writes=[each for each in entry.metadata_writes if each.key in keys],
        collections=tuple(_restricted_collection(each, keys) for each in entry.collections),
    )


def _restricted_collection(
    entry: HashedCollection, keys: AbstractSet[str | bytes]
) -> HashedCollection:
    return replace(
        entry,
        writes=[each for each in entry.writes if each.key_hash in keys],
        metadata_writes=[each for each in entry.metadata_writes if each.key_hash in keys],
    )
