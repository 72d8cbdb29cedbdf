"""What the ledger says of a transaction."""

from dataclasses import dataclass

from tallystick.client.errors import CommitError, code_name
from tallystick.protos.peer.transaction_pb2 import TxValidationCode


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """The verdict on a committed transaction.

    Attributes:
        transaction_id: Of the transaction.
        code: ``TxValidationCode``; 0 is valid.
        block_number: The block that holds it.
    """

    transaction_id: str
    code: int
    block_number: int

    @property
    def is_valid(self) -> bool:
        """Whether the transaction took effect."""
        return self.code == TxValidationCode.VALID

    @property
    def code_name(self) -> str:
        """The name of the validation code, such as ``VALID``."""
        return code_name(self.code)

    def raise_if_invalid(self) -> None:
        """Raise CommitError unless the transaction took effect."""
        if not self.is_valid:
            raise CommitError(self.transaction_id, self.code, self.block_number)
