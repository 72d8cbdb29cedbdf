"""How keys of the store name a collection and a transaction, so that they sort by both."""

from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.version import Version

NUMBER_SIZE: Final = 8
INDEX_SIZE: Final = 4


def place_key(namespace: str, collection: str) -> bytes:
    """Return how keys of the store name a collection."""
    return namespace.encode() + keyspace.SEPARATOR + collection.encode()


def number_key(number: int) -> bytes:
    """Return how keys of the store name a block."""
    return number.to_bytes(NUMBER_SIZE)


def version_key(version: Version) -> bytes:
    """Return how keys of the store name a transaction."""
    return number_key(version.block_number) + version.transaction_index.to_bytes(INDEX_SIZE)


def read_version(key: bytes, at: int) -> tuple[Version, bytes]:
    """Return the version at a place in a key, and what comes behind it."""
    middle, end = at + NUMBER_SIZE, at + NUMBER_SIZE + INDEX_SIZE
    version = Version(int.from_bytes(key[at:middle]), int.from_bytes(key[middle:end]))
    return version, key[end:]


def missing_prefix(namespace: str, collection: str) -> bytes:
    """Return how the records of the sets begin that are missing of a collection."""
    return keyspace.MISSING_SET + place_key(namespace, collection) + keyspace.SEPARATOR


def promised_prefix(missing_key: bytes) -> bytes:
    """Return how the rows of promised hashes begin of the set that is on record under a key."""
    return keyspace.PROMISED_HASH + missing_key[len(keyspace.MISSING_SET) :]
