"""Where every transaction is: the index from a transaction id to the first block that has it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader, KeyValueStore
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.protos.peer.transaction_pb2 import VALID

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
        """Return where the transaction with this id first appeared.

        None if there is none, or if all that is known of it is its id, from a snapshot.
        """
        encoded = self._store.get(_index_key(transaction_id))
        return _decode(encoded) if encoded else None

    def contains(self, transaction_id: str) -> bool:
        """Tell whether any transaction, valid or not, has this id."""
        return self._store.get(_index_key(transaction_id)) is not None

    def entries(
        self, block_number: int, transaction_ids: Sequence[str], codes: bytes
    ) -> dict[bytes, bytes | None]:
        """Return what indexing a block adds to the store: one entry for each new id.

        An id that is taken stays with the transaction that had it first. A valid transaction's is
        new, or it would not be valid; but a configuration, which is alone in its block, is valid
        whatever id its orderer gave it. An empty id is of an entry whose header cannot be read: it
        is not indexed.
        """
        entries: dict[bytes, bytes | None] = {}
        may_be_config = len(transaction_ids) == 1
        for index, transaction_id in enumerate(transaction_ids):
            key = _index_key(transaction_id)
            if not transaction_id or key in entries:
                continue
            is_new = codes[index] == VALID and not may_be_config
            if is_new or self._store.get(key) is None:
                entries[key] = uvarint(block_number) + uvarint(index) + codes[index : index + 1]
        return entries


def bare_entry(transaction_id: str) -> tuple[bytes, bytes]:
    """Return the entry of a transaction of which nothing but the id is known."""
    return _index_key(transaction_id), b""


def transaction_ids(store: KeyValueReader) -> Iterator[str]:
    """Yield every id in the index, the shorter ones first, those of one length in order.

    Ids that are no digests are rare, for only invalid transactions have them: they are sorted in
    memory.
    """
    start = keyspace.TRANSACTION + _TEXT
    others = sorted(
        (
            key[len(start) :].decode()
            for key, _ in store.range(start, keyspace.end_of_prefix(start))
        ),
        key=lambda each: (len(each.encode()), each),
    )
    prefix = keyspace.TRANSACTION + _DIGEST
    digests = (
        key[len(prefix) :].hex() for key, _ in store.range(prefix, keyspace.end_of_prefix(prefix))
    )
    sizes = [len(each.encode()) for each in others]
    first, last = bisect_left(sizes, _DIGEST_CHARACTERS), bisect_right(sizes, _DIGEST_CHARACTERS)
    yield from others[:first]
    yield from merge(digests, others[first:last])
    yield from others[last:]


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
