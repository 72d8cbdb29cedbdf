"""What is on record of the private sets that this node lacks, and whether that matters.

A record is the SHA-256 of the set, then ``01`` and the SHA-256 of each key that held a value of the
set after its block. By these a range of private values is told although a set is missing of which
nothing is current any more. Older records have the first hash alone. The record of a set from
before a snapshot is empty, and its keys are promised hashes: see ``promised_hashes``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.place_keys import missing_prefix, promised_prefix, read_version
from tallystick.node.ledger.version import Version

_HASH_SIZE: Final = 32
_KEYS_FOLLOW: Final = b"\x01"


def missing_record(digest: bytes, key_hashes: Iterable[bytes]) -> bytes:
    """Return the record of a set."""
    return digest + _KEYS_FOLLOW + b"".join(key_hashes)


def set_hash(record: bytes) -> bytes:
    """Return the SHA-256 of the set; empty if that is unknown."""
    return record[:_HASH_SIZE]


def lacks_any(store: KeyValueReader, namespace: str, collection: str) -> bool:
    """Return whether any set of a collection is missing."""
    return next(_records(store, namespace, collection), None) is not None


def oldest_that_matters(
    store: KeyValueReader,
    namespace: str,
    collection: str,
    version_of: Callable[[bytes], Version | None],
) -> Version | None:
    """Return the first transaction that wrote current values which are missing; None without one.

    Args:
        store: Where the records are.
        namespace: Of the collection.
        collection: The collection.
        version_of: Returns the version of the private key with a SHA-256; None if there is none.
    """
    prefix_size = len(missing_prefix(namespace, collection))
    for key, record in _records(store, namespace, collection):
        version, _ = read_version(key, prefix_size)
        if len(record) == _HASH_SIZE:  # it says nothing of the keys
            return version
        brought = _hashes(record) if record else _promised(store, key)
        if any(version_of(key_hash) == version for key_hash in brought):
            return version
    return None


def _records(
    store: KeyValueReader, namespace: str, collection: str
) -> Iterator[tuple[bytes, bytes]]:
    prefix = missing_prefix(namespace, collection)
    return store.range(prefix, keyspace.end_of_prefix(prefix))


def _hashes(record: bytes) -> Iterator[bytes]:
    first = _HASH_SIZE + len(_KEYS_FOLLOW)
    return (record[at : at + _HASH_SIZE] for at in range(first, len(record), _HASH_SIZE))


def _promised(store: KeyValueReader, missing_key: bytes) -> Iterator[bytes]:
    prefix = promised_prefix(missing_key)
    return (row[len(prefix) :] for row, _ in store.range(prefix, keyspace.end_of_prefix(prefix)))
