"""What the values in etcd say. Pure.

A request to etcd holds 1.5 MiB unless its operator allows more, a slow line carries less at once,
and a batch may be larger: then it is cut into parts, which are written before the record that names
them. Envelopes repeat the certificates of few clients and endorsers, so that compressed, with the
least effort, they take an eighth of the room, and of the way through etcd to all orderers.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.protos.tallystick.ordered_log_pb2 import LogRecord, OrderedBatch, Parts
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

MAX_VALUE_BYTES: Final = 1024 * 1024
"""Largest value that is written: with its key and the conditions it is well below 1.5 MiB."""
MIN_VALUE_BYTES: Final = 64 * 1024
"""Into what a larger batch is cut over the slowest line: no part but the last is smaller."""
MAX_CONTENT_BYTES: Final = MAX_MESSAGE_BYTES
"""Largest batch that is read: no leader cuts one whose block does not travel in one message."""
_LEAST_EFFORT: Final = 1
_COMPRESSED_AT_ONCE_BYTES: Final = 256 * 1024
"""What takes some milliseconds, where it does not compress."""


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


def compressed(batch: OrderedBatch) -> Iterator[bytes]:
    """Yield the content of a record in pieces, so that others have their turn in between."""
    content = batch.SerializeToString()
    writer = zlib.compressobj(_LEAST_EFFORT)
    for start in range(0, len(content), _COMPRESSED_AT_ONCE_BYTES):
        yield writer.compress(content[start : start + _COMPRESSED_AT_ONCE_BYTES])
    yield writer.flush()


def whole(content: bytes) -> bytes:
    """Return the record of a batch whose compressed ``content`` is small enough."""
    return LogRecord(compressed_batch=content).SerializeToString()


def in_parts(content: bytes, writing: int, count: int) -> bytes:
    """Return the record of a batch whose compressed ``content`` was cut in its ``writing``."""
    note = Parts(term=writing, count=count, digest=sha256(content), is_compressed=True)
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
            case "compressed_batch":
                return decode(OrderedBatch, _decompressed(record.compressed_batch, number))
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
    if note.is_compressed:
        content = _decompressed(content, number)
    try:
        return decode(OrderedBatch, content)
    except WireError as error:
        raise UntrustedBatchError(number, str(error)) from error


def _decompressed(content: bytes, number: int) -> bytes:
    """Return what was compressed, if it is no larger than a batch may be."""
    problem = f"it is not one compressed batch of at most {MAX_CONTENT_BYTES} bytes"
    reader = zlib.decompressobj()
    try:
        batch = reader.decompress(content, MAX_CONTENT_BYTES)
    except zlib.error as error:
        raise UntrustedBatchError(number, f"{problem}: {error}") from error
    if not reader.eof or reader.unused_data:
        raise UntrustedBatchError(number, problem)
    return batch
