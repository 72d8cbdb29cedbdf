"""The verdict on a transaction that is not valid."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from tallystick.protos.peer.transaction_pb2 import TxValidationCode

ValidationCode: TypeAlias = "TxValidationCode.ValueType"

FIRST_COUNTS: Final = (
    "ask for the verdict on that one, which counts, before you propose anything anew"
)
"""What to do about a transaction whose id another one has had."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a transaction is not valid.

    The code enters the block and must be the same on every peer; the reason is for the logs of this
    one.

    Attributes:
        code: The validation code; never ``VALID``.
        reason: What was found.
        transaction_id: The id that the transaction claims; "" if it could not be read.
    """

    code: ValidationCode
    reason: str
    transaction_id: str = ""

    @property
    def name(self) -> str:
        """The code in words."""
        return TxValidationCode.Name(self.code)

    def __str__(self) -> str:
        """Return one line for a log."""
        transaction = self.transaction_id or "(without id)"
        return f"transaction {transaction}: {self.name} ({self.code}): {self.reason}"
