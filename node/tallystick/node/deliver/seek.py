"""Which blocks a request asks for. Pure. Source: wire.md §6."""

from dataclasses import dataclass

from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekPosition
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER


@dataclass(frozen=True, slots=True)
class BlockRange:
    """Block numbers, both ends included; ``stop`` may lie far beyond the chain."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class SeekRefused:
    """Why a request names no range."""

    status: "Status.ValueType"
    reason: str


def resolve(seek: SeekInfo, height: int, first: int = 0) -> BlockRange | SeekRefused:
    """Return the blocks that ``seek`` asks of a chain of ``height`` blocks, at least one.

    ``first`` is the first block that is kept: the oldest one here.
    """
    if not seek.HasField("start") or not seek.HasField("stop"):
        return SeekRefused(Status.BAD_REQUEST, "start and stop must both be set")
    start = _start(seek.start, height, first)
    if start is None:
        return SeekRefused(Status.BAD_REQUEST, "start names no position")
    if start < first:
        return SeekRefused(
            Status.NOT_FOUND,
            f"block {start} is not kept here: the blocks of this ledger begin with block {first}",
        )
    if start > height:
        return SeekRefused(Status.NOT_FOUND, f"block {start} is beyond the next one, {height}")
    return _range(start, seek.stop, height, same=seek.start == seek.stop)


def _start(position: SeekPosition, height: int, first: int) -> int | None:
    match position.WhichOneof("Type"):
        case "oldest":
            return first
        case "newest":
            return max(first, height - 1)
        case "next_commit":
            return height
        case "specified":
            return position.specified.number
        case None:
            return None


def _range(start: int, stop: SeekPosition, height: int, *, same: bool) -> BlockRange | SeekRefused:
    match stop.WhichOneof("Type"):
        case "oldest":
            return BlockRange(start, start)
        case "newest":
            newest = start if same else height - 1
            # A stop that the start has already passed is never met: the range lasts.
            return BlockRange(start, newest if newest >= start else FOREVER_BLOCK_NUMBER)
        case "specified":
            if stop.specified.number < start:
                return SeekRefused(
                    Status.BAD_REQUEST,
                    f"stop {stop.specified.number} is before start {start}",
                )
            return BlockRange(start, stop.specified.number)
        case "next_commit" | None:
            return SeekRefused(Status.BAD_REQUEST, "stop must be oldest, newest or specified")
