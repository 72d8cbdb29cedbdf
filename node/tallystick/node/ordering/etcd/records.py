"""What the values in etcd say. Pure.

A request to etcd holds 1.5 MiB unless its operator allows more, a slow line carries less at once,
and a batch may be larger: then it is cut into parts, which are written before the record that names
them.
"""

from collections.abc import Sequence
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.protos.tallystick.ordered_log_pb2 import LogRecord, OrderedBatch, Parts
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

MAX_VALUE_BYTES: Final = 1024 * 1024
"""Largest value that is written: with its key and the conditions it is well below 1.5 MiB."""
MIN_VALUE_BYTES: Final = 64 * 1024
"""Into what a larger batch is cut over the slowest line."""


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


def whole(content: bytes) -> bytes:
    """Return the record of a batch, ``content``, that is small enough."""
    return LogRecord(batch=content).SerializeToString()


def in_parts(content: bytes, writing: int, count: int) -> bytes:
    """Return the record of a batch that was cut into ``count`` parts in its ``writing``."""
    note = Parts(term=writing, count=count, digest=sha256(content))
    return LogRecord(parts=note).SerializeToString()


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
