"""Unsigned varints: seven bits to a byte, least significant first, top bit set on all but the last.

They are the numbers of every value that the ledger stores, because most of them are small.
"""

from typing import Final

_CONTINUES: Final = 0x80


def uvarint(value: int) -> bytes:
    """Return the encoding of ``value``, which is not negative."""
    if value < _CONTINUES:
        return bytes((value,))
    encoded = bytearray()
    while value >= _CONTINUES:
        encoded.append(value & 0x7F | _CONTINUES)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_uvarint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at ``data[at]``, and the position after it.

    Raises:
        IndexError: ``data`` ends within the number.
    """
    byte = data[at]
    if byte < _CONTINUES:
        return byte, at + 1
    value = byte & 0x7F
    shift = 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            return value, at + 1
        shift += 7
