"""How much a node keeps in memory for one transaction that it simulates."""

from typing import Final

from tallystick.node.errors import LedgerError

MAX_HELD_BYTES: Final = 100 * 1024 * 1024
"""Most bytes that one simulation may read and write: as much as the largest message of Fabric."""

_ENTRY_BYTES: Final = 100
"""What an entry weighs beside its key and value."""


class SimulationTooLargeError(LedgerError):
    """A transaction reads and writes more than a node keeps for one.

    Attributes:
        transaction_id: The transaction.
    """

    def __init__(self, transaction_id: str) -> None:
        super().__init__(
            f"transaction {transaction_id} reads and writes more than {MAX_HELD_BYTES} bytes, the "
            "most that a peer keeps for one: do less, or do it in several transactions"
        )
        self.transaction_id = transaction_id


class HeldBytes:
    """Counts what a simulation holds, whichever chaincodes share in it."""

    __slots__ = ("_size", "_transaction_id")

    def __init__(self, transaction_id: str) -> None:
        self._transaction_id = transaction_id
        self._size = 0

    def add(self, *contents: str | bytes) -> None:
        """Count an entry that is about to be kept.

        Raises:
            SimulationTooLargeError: It is one too many.
        """
        size = _ENTRY_BYTES
        for content in contents:
            size += len(content)
        self._add(size)

    def add_row(self, key: str) -> None:
        """Count a row of a range, of which at most the key is kept.

        Raises:
            SimulationTooLargeError: It is one too many.
        """
        self._add(len(key))

    def check(self) -> None:
        """Check that nothing had to be refused.

        Raises:
            SimulationTooLargeError: Something had, even if the chaincode took no notice.
        """
        self._add(0)

    def _add(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HELD_BYTES:
            raise SimulationTooLargeError(self._transaction_id)
