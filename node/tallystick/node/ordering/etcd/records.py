"""What the values in etcd say. Pure.

A request to etcd holds 1.5 MiB unless its operator allows more, and a batch may be larger: then it
is cut into parts, which are written before the record that names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.protos.tallystick.ordered_log_pb2 import LogRecord, OrderedBatch, Parts
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

MAX_VALUE_BYTES: Final = 1024 * 1024
"""Largest value that is written: with its key and the conditions it is well below 1.5 MiB."""


class UntrustedBatchError(LedgerError):
    """The log holds something that no orderer should have written.

    Attributes:
        number: Of the block that should be made of it; None if it is of no block.
        problem: The rule that it breaks.
    """

    def __init__(self, number: int | None, problem: str) -> None:
        of_block = "" if number is None else f" for block {number}"
        super().__init__(
            f"what the log in etcd holds{of_block} is not to be trusted: {problem}."
            " Nothing more is ordered here: compare the blocks of all orderers, and find out who"
            " wrote it"
        )
        self.number = number
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch as it is written.

    Attributes:
        record: The value of the block's key.
        parts: The values of the parts, in their order; none for a batch that is small enough.
    """

    record: bytes
    parts: Sequence[bytes] = ()


def encode(batch: OrderedBatch, term: int, *, max_value_bytes: int = MAX_VALUE_BYTES) -> Encoded:
    """Return the values that hold ``batch`` when it is written under the leadership ``term``."""
    content = batch.SerializeToString()
    if len(content) <= max_value_bytes:
        return Encoded(LogRecord(batch=content).SerializeToString())
    parts = [
        content[start : start + max_value_bytes]
        for start in range(0, len(content), max_value_bytes)
    ]
    note = Parts(term=term, count=len(parts), digest=sha256(content))
    return Encoded(LogRecord(parts=note).SerializeToString(), parts)


def decode_record(value: bytes, number: int) -> OrderedBatch | Parts:
    """Return the batch of a block, or where its parts are.

    Raises:
        UntrustedBatchError: It is neither.
    """
    try:
        record = decode(LogRecord, value)
        match record.WhichOneof("content"):
            case "batch":
                return decode(OrderedBatch, record.batch)
            case "parts":
                return record.parts
            case _:
                raise UntrustedBatchError(number, "the record is empty")
    except WireError as error:
        raise UntrustedBatchError(number, str(error)) from error


def join(note: Parts, parts: Sequence[bytes], number: int) -> OrderedBatch:
    """Return the batch that was cut into ``parts``.

    Raises:
        UntrustedBatchError: They are not the parts that ``note`` tells of.
    """
    content = b"".join(parts)
    if len(parts) != note.count or sha256(content) != note.digest:
        raise UntrustedBatchError(number, f"its {note.count} parts are not those that were written")
    try:
        return decode(OrderedBatch, content)
    except WireError as error:
        raise UntrustedBatchError(number, str(error)) from error
