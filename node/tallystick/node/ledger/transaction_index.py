"""Where every transaction is: the index from a transaction id to the first block that has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.varint import read_uvarint, uvarint

_DIGEST: Final = b"\x01"
_TEXT: Final = b"\x00"
_DIGEST_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class TransactionLocation:
    """Where a transaction is, and what validation said about it.

    Attributes:
        block_number: The block.
        index: The transaction's place in the block, from 0.
        code: The validation code.
    """

    block_number: int
    index: int
    code: int


class TransactionIndex:
    """The index, kept below one prefix of a key-value store. Invalid transactions are in it too."""

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store

    def find(self, transaction_id: str) -> TransactionLocation | None:
        """Return where the transaction with this id first appeared."""
        encoded = self._store.get(_index_key(transaction_id))
        return None if encoded is None else _decode(encoded)

    def contains(self, transaction_id: str) -> bool:
        """Tell whether any transaction, valid or not, has this id."""
        return self._store.get(_index_key(transaction_id)) is not None

    def entries(
        self, block_number: int, transaction_ids: Sequence[str], codes: bytes
    ) -> dict[bytes, bytes | None]:
        """Return what indexing a block adds to the store: one entry for each new id.

        An id that is taken stays with the transaction that had it first. An empty id is of an entry
        whose header cannot be read: it is not indexed.
        """
        entries: dict[bytes, bytes | None] = {}
        for index, transaction_id in enumerate(transaction_ids):
            key = _index_key(transaction_id)
            if transaction_id and key not in entries and self._store.get(key) is None:
                entries[key] = uvarint(block_number) + uvarint(index) + codes[index : index + 1]
        return entries


def _index_key(transaction_id: str) -> bytes:
    """Return the key of an id; half as long if it is, like all valid ones, a digest in hex."""
    if len(transaction_id) == _DIGEST_CHARACTERS:
        try:
            digest = bytes.fromhex(transaction_id)
        except ValueError:
            digest = b""
        if digest.hex() == transaction_id:  # not so for capitals or spaces: those ids differ
            return keyspace.TRANSACTION + _DIGEST + digest
    return keyspace.TRANSACTION + _TEXT + transaction_id.encode()


def _decode(encoded: bytes) -> TransactionLocation:
    block_number, at = read_uvarint(encoded, 0)
    index, at = read_uvarint(encoded, at)
    return TransactionLocation(block_number, index, encoded[at])
