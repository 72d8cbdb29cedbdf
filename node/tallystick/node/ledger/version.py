"""The version of a key."""

from typing import NamedTuple


class Version(NamedTuple):
    """Where a key was last written: its block, then its place in that block.

    Versions order like the ledger itself, so ``a < b`` reads "a was committed first".
    """

    block_number: int
    transaction_index: int
