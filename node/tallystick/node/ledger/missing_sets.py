"""What is on record of the private sets that this node lacks, and whether that matters.

A record is the SHA-256 of the set, then ``02``, then for each key that the set left current the
SHA-256 of the key and that of its value, or zeros if the set changed metadata of an older value. By
these a range of private values is told although a set is missing of which nothing is current any
more. A later change of metadata gives a key another version: its value is missing all the same.
Older records do not say that much. The record of a set from before a snapshot is empty, and its
keys are promised hashes: see ``promised_hashes``.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.place_keys import missing_prefix, promised_prefix, read_version
from tallystick.node.ledger.version import Version

_HASH_SIZE: Final = 32
_HASHES_FOLLOW: Final = b"\x02"

_MOST_LOOKS: Final = 10_000
"""So many records and keys are looked at for one range; as many take 25 ms."""

NO_VALUE: Final = bytes(_HASH_SIZE)
"""In the place of a value's hash: a version tells what is missing."""


def missing_record(digest: bytes, brought: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the record of a set that left these keys current, each with the hash of its value."""
    return digest + _HASHES_FOLLOW + b"".join(chain.from_iterable(brought))


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
    is_current: Callable[[bytes, Version, bytes], bool],
) -> Version | None:
    """Return the first transaction that wrote current values which are missing; None without one.

    Of very many sets those that come last are taken to matter: they are not all looked at.

    Args:
        store: Where the records are.
        namespace: Of the collection.
        collection: The collection.
        is_current: Returns whether the private key with a SHA-256 has this version, or holds the
            value with this SHA-256.
    """
    prefix_size, looks = len(missing_prefix(namespace, collection)), count(1)
    for key, record in _records(store, namespace, collection):
        version, _ = read_version(key, prefix_size)
        says_too_little = record and not record.startswith(_HASHES_FOLLOW, _HASH_SIZE)
        if says_too_little or next(looks) > _MOST_LOOKS:
            return version
        brought = _hashes(record) if record else _promised(store, key)
        for key_hash, value_hash in brought:
            if next(looks) > _MOST_LOOKS or is_current(key_hash, version, value_hash):
                return version
    return None


def _records(
    store: KeyValueReader, namespace: str, collection: str
) -> Iterator[tuple[bytes, bytes]]:
    prefix = missing_prefix(namespace, collection)
    return store.range(prefix, keyspace.end_of_prefix(prefix))


def _hashes(record: bytes) -> Iterator[tuple[bytes, bytes]]:
    for at in range(_HASH_SIZE + len(_HASHES_FOLLOW), len(record), 2 * _HASH_SIZE):
        value_at = at + _HASH_SIZE
        yield record[at:value_at], record[value_at : value_at + _HASH_SIZE]


def _promised(store: KeyValueReader, missing_key: bytes) -> Iterator[tuple[bytes, bytes]]:
    prefix = promised_prefix(missing_key)
    rows = store.range(prefix, keyspace.end_of_prefix(prefix))
    return ((row[len(prefix) :], value_hash) for row, value_hash in rows)
