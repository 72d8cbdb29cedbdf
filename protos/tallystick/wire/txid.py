"""Transaction ids. Source: wire.md §2."""

import hashlib

NONCE_SIZE = 24
"""Bytes of nonce that clients draw by convention. Nodes accept any that is not empty."""


def transaction_id(nonce: bytes, creator: bytes) -> str:
    """Return the id of the transaction that ``creator`` proposes with ``nonce``.

    The id is 64 lowercase hexadecimal digits. It ties a transaction to its creator, so that no
    one else can claim or block an id.

    Args:
        nonce: Random bytes, drawn anew for each proposal.
        creator: Serialized identity of the client.
    """
    return hashlib.sha256(nonce + creator).hexdigest()
