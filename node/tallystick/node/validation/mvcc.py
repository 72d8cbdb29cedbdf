"""Conflicts: has anything changed that a transaction read?

A transaction was executed on some earlier state. It may take effect only if everything it read is
still the same, in the committed state and in what the earlier valid transactions of its block
write; blind writes never conflict. Source: wire.md §12, MVCC.
"""

from functools import partial

from tallystick.node.ledger.range_query import range_is_unchanged, same_version
from tallystick.node.ledger.rwset import (
    HashedCollection,
    NamespaceReadWriteSet,
    ParsedReadWriteSet,
)
from tallystick.node.ledger.state import StateView, UpdateBatch
from tallystick.node.validation.codes import Rejection
from tallystick.protos.peer.transaction_pb2 import MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT


def find_conflict(
    rwset: ParsedReadWriteSet, batch: UpdateBatch, view: StateView
) -> Rejection | None:
    """Return why a transaction conflicts, or None if it does not.

    Namespaces are looked at in the order of the bytes; in each the public reads come first, then
    the range queries, then the hashed reads.

    Args:
        rwset: What the transaction read.
        batch: Changes by the earlier valid transactions of the block.
        view: State before the block.
    """
    for namespace in rwset.namespaces:
        conflict = (
            _stale_read(namespace, batch, view)
            or _phantom(namespace, batch, view)
            or _stale_private_read(namespace, batch, view)
        )
        if conflict is not None:
            return conflict
    return None


def _stale_read(
    rwset: NamespaceReadWriteSet, batch: UpdateBatch, view: StateView
) -> Rejection | None:
    namespace = rwset.namespace
    written = batch.public.get(namespace, {})
    for read in rwset.reads:
        key = read.key
        if key in written:
            return Rejection(
                MVCC_READ_CONFLICT, f"{namespace}/{key!r} is written earlier in this block"
            )
        found = view.get(namespace, key)
        seen = read.version if read.HasField("version") else None
        if not same_version(None if found is None else found.version, seen):
            return Rejection(
                MVCC_READ_CONFLICT,
                f"{namespace}/{key!r} was read at {seen or 'no version'}"
                f" and is at {found.version if found else 'no version'}",
            )
    return None


def _phantom(rwset: NamespaceReadWriteSet, batch: UpdateBatch, view: StateView) -> Rejection | None:
    scan = partial(batch.merged_range, view, rwset.namespace)
    for query in rwset.range_queries:
        if not range_is_unchanged(query, scan):
            return Rejection(
                PHANTOM_READ_CONFLICT,
                f"keys of {rwset.namespace} from {query.start_key!r} to {query.end_key!r} have"
                " changed since they were read",
            )
    return None


def _stale_private_read(
    rwset: NamespaceReadWriteSet, batch: UpdateBatch, view: StateView
) -> Rejection | None:
    for collection in rwset.collections:
        conflict = _stale_hashed_read(rwset.namespace, collection, batch, view)
        if conflict is not None:
            return conflict
    return None


def _stale_hashed_read(
    namespace: str, collection: HashedCollection, batch: UpdateBatch, view: StateView
) -> Rejection | None:
    name = collection.name
    for read in collection.reads:
        key_hash = read.key_hash
        found = view.get_hash(namespace, name, key_hash)
        seen = read.version if read.HasField("version") else None
        if batch.get_hash(namespace, name, key_hash) is not None or not same_version(
            None if found is None else found.version, seen
        ):
            return Rejection(
                MVCC_READ_CONFLICT,
                f"the key with hash {key_hash.hex()} of {namespace}/{name} has changed since it"
                " was read",
            )
    return None
