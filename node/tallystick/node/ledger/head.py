"""How far the views of a ledger have come, in one record that every commit replaces."""

from dataclasses import dataclass
from typing import NamedTuple

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader, KeyValueStore
from tallystick.node.ledger.varint import read_uvarint, uvarint


class UnsupportedFormatError(LedgerError):
    """A store was written by a version of this software with another layout.

    Attributes:
        found: The format of the store.
    """

    def __init__(self, found: bytes) -> None:
        super().__init__(
            f"the store has format {found!r}, this software reads format {keyspace.FORMAT!r}: "
            "`tally ledger rebuild` makes it anew from the blocks"
        )
        self.found = found


@dataclass(frozen=True, slots=True)
class Head:
    """The savepoint: what the views of a ledger show, and what the next commit builds on.

    Attributes:
        height: How many blocks the views include.
        last_config_block: Number of the newest of them that carries a channel configuration.
        block_hash: Header hash of the newest of them.
        previous_hash: Header hash of the one before.
        commit_hash: Of the newest of them; empty if the chain of commit hashes has not begun.
    """

    height: int = 0
    last_config_block: int = 0
    block_hash: bytes = b""
    previous_hash: bytes = b""
    commit_hash: bytes = b""

    def entries(self) -> dict[bytes, bytes | None]:
        """Return what recording this head writes to the store."""
        encoded = uvarint(self.height) + uvarint(self.last_config_block)
        for digest in (self.block_hash, self.previous_hash, self.commit_hash):
            encoded += uvarint(len(digest)) + digest
        return {keyspace.HEAD_KEY: encoded, keyspace.FORMAT_KEY: keyspace.FORMAT}


class LedgerMoment(NamedTuple):
    """What a ledger keeps beside its blocks, at one height; ``docs/formats.md`` has its layout."""

    store: KeyValueReader
    head: Head


def read_head(store: KeyValueStore) -> Head:
    """Return the recorded head, or that of an empty ledger.

    Raises:
        UnsupportedFormatError: The store has another layout.
    """
    encoded = store.get(keyspace.HEAD_KEY)
    if encoded is None:
        return Head()
    found = store.get(keyspace.FORMAT_KEY) or b""
    if found != keyspace.FORMAT:
        raise UnsupportedFormatError(found)
    height, at = read_uvarint(encoded, 0)
    last_config_block, at = read_uvarint(encoded, at)
    digests = []
    for _ in range(3):
        size, at = read_uvarint(encoded, at)
        digests.append(encoded[at : at + size])
        at += size
    block_hash, previous_hash, commit_hash = digests
    return Head(height, last_config_block, block_hash, previous_hash, commit_hash)
