"""Hashes of blocks and of state changes. Source: wire.md §11."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from tallystick.protos.common.common_pb2 import BlockHeader
from tallystick.wire import der

_VARINT_CONTINUES: Final = 0x80
_REMEMBERED_VERSIONS: Final = 1_024
"""All that a transaction writes has one version."""


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 of ``data``."""
    return hashlib.sha256(data).digest()


def block_header_bytes(number: int, previous_hash: bytes, data_hash: bytes) -> bytes:
    """Return the DER form of a block header, which is what gets hashed and signed.

    Args:
        number: The block's number, from 0 to 2^64 - 1.
        previous_hash: Header hash of the block before; empty for block 0.
        data_hash: Hash of the block's data.
    """
    return der.element(
        der.SEQUENCE,
        der.unsigned_integer(number)
        + der.element(der.OCTET_STRING, previous_hash)
        + der.element(der.OCTET_STRING, data_hash),
    )


def block_header_hash(header: BlockHeader) -> bytes:
    """Return the hash by which the next block refers to the one with this header."""
    return sha256(block_header_bytes(header.number, header.previous_hash, header.data_hash))


def block_data_hash(entries: Iterable[bytes]) -> bytes:
    """Return the hash of a block's entries, in block order.

    The entries are simply concatenated: the boundaries between them are not part of the hash.
    """
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(entry)
    return digest.digest()


def ordered_varint(value: int) -> bytes:
    """Return an encoding of ``value`` (not negative) that sorts like the number itself.

    One byte gives the count of bytes that follow: the number, big-endian, without leading zeros.
    """
    size = (value.bit_length() + 7) // 8
    return bytes((size,)) + value.to_bytes(size, "big")


@lru_cache(_REMEMBERED_VERSIONS)
def version_bytes(block_number: int, transaction_index: int) -> bytes:
    """Return the version of a key written by a transaction, in sortable form."""
    return ordered_varint(block_number) + ordered_varint(transaction_index)


def commit_hash(flags: bytes, update_bytes: bytes, previous: bytes) -> bytes:
    """Return the hash that chains the outcomes of all blocks so far.

    Args:
        flags: The block's validation codes, one byte for each transaction.
        update_bytes: The block's net state changes: ``txmgr.Updates`` bytes.
        previous: Commit hash of the block before; empty for block 1, where the chain begins.
    """
    return sha256(_uvarint(len(flags)) + flags + update_bytes + previous)


def _uvarint(value: int) -> bytes:
    encoded = bytearray()
    while value >= _VARINT_CONTINUES:
        encoded.append(value & 0x7F | _VARINT_CONTINUES)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
