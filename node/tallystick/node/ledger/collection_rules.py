"""What a simulation asks before it touches private data collections."""

from typing import Protocol


class CollectionRules(Protocol):
    """Says which private data collections a transaction may use; each raises LedgerError if not."""

    def check_read(self, chaincode: str, collection: str) -> None:
        """Check that private values may be read."""

    def check_write(self, chaincode: str, collection: str) -> None:
        """Check that private values may be written."""

    def check_purge(self, chaincode: str, collection: str) -> None:
        """Check that private values may be purged."""

    def check_hash(self, chaincode: str, collection: str) -> None:
        """Check that hashes of private values may be read."""


class Unguarded(CollectionRules):
    """Allows everything: for the chaincodes that are part of a peer."""

    def check_read(self, chaincode: str, collection: str) -> None:
        """Allow it."""

    def check_write(self, chaincode: str, collection: str) -> None:
        """Allow it."""

    def check_purge(self, chaincode: str, collection: str) -> None:
        """Allow it."""

    def check_hash(self, chaincode: str, collection: str) -> None:
        """Allow it."""


UNGUARDED = Unguarded()
