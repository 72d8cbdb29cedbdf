"""How the views of a ledger share one key-value store: each owns the keys below its prefix.

Changing a prefix or an encoding below it makes existing stores unreadable: raise ``FORMAT`` then.
The whole layout is described in docs/formats.md.
"""

from typing import Final

FORMAT: Final = b"2"
"""The format of everything below these prefixes."""

FORMAT_KEY: Final = b"mformat"
HEAD_KEY: Final = b"mhead"
INDEXED_KEY: Final = b"mindexed"
INSPECTED_KEY: Final = b"minspected"

BLOCK_LOCATION: Final = b"b"
BLOCK_HASH: Final = b"x"
TRANSACTION: Final = b"t"
STATE: Final = b"s"
HISTORY: Final = b"h"
TRANSIENT: Final = b"p"
PRIVATE_SET: Final = b"v"
PRIVATE_KEY: Final = b"k"
MISSING_SET: Final = b"g"
EXPIRY: Final = b"e"
PURGED_KEY: Final = b"u"
PROMISED_HASH: Final = b"i"
COLLECTION_HISTORY: Final = b"c"
SNAPSHOT_REQUEST: Final = b"n"

SEPARATOR: Final = b"\x00"
"""Ends a namespace, which never contains it. A key may."""

_HIGHEST_BYTE: Final = 0xFF


def end_of_prefix(prefix: bytes) -> bytes:
    """Return the smallest key above all that start with ``prefix``; empty if there is none."""
    kept = prefix.rstrip(bytes((_HIGHEST_BYTE,)))
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else b""
