"""The marks that the rest of a node sets: a call, a stage, whom it is about.

Without ``[telemetry]`` in the settings nobody records, and a mark costs one comparison. Nothing
here imports OpenTelemetry, which is an extra; `tallystick.node.telemetry.recorder` does.

Like a log this is the process's and no parameter, and for the same reason: what is marked has no
influence on what is done.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import Any, Final, Protocol, TypeAlias

import grpc

from tallystick.protos.peer.transaction_pb2 import TxValidationCode

Facts: TypeAlias = dict[str, str | int]
"""What a span says of itself, by name. No argument, no value and no message is ever among it."""

Until: TypeAlias = "Callable[[asyncio.Future[Any]], None]"
"""Lets a span end with an answer."""

Headers: TypeAlias = tuple[tuple[str, str], ...]

_NOTHING: Final = nullcontext()


class Moment(Protocol):
    """A traced transaction that is on its way through a node, and when its present stage began."""

    def passed(self, stage: str, facts: Facts) -> None:
        """Record the stage that ends now, and begin the next one."""


class Recorder(Protocol):
    """Who records what is marked. Nothing is recorded that belongs to no trace."""

    def span(self, name: str, facts: Facts) -> AbstractContextManager[object]:
        """Record the block as part of the trace that the current task belongs to."""

    def span_until(self, name: str, facts: Facts) -> AbstractContextManager[Until]:
        """Likewise, up to the moment of the answer that is handed to what is yielded."""

    def describe(self, facts: Facts) -> None:
        """Add to what the current span says."""

    def follow(self, transaction_id: str, *, again: bool) -> None:
        """Let what happens to a transaction later belong to the current span.

        ``again`` lets this span take the place of the one that it belongs to by now.
        """

    def headers(self) -> Headers:
        """Return what tells another process which span its work belongs to, as gRPC metadata."""

    def moment(self) -> Moment | None:
        """Return where the current task is in its trace; None if it is in none that is recorded."""

    def interceptors(self) -> "Sequence[grpc.aio.ServerInterceptor]":
        """Return what lets a server take over the traces of its callers."""

    def now_ns(self) -> int:
        """Return now, nanoseconds since the epoch."""

    def stage_of(
        self, transaction_id: str, name: str, span_ns: tuple[int, int], facts: Facts
    ) -> None:
        """Record a stage of a transaction, if it is followed."""


_recorder: Recorder | None = None


@contextmanager
def recorded_by(recorder: Recorder) -> Iterator[None]:
    """Let ``recorder`` record all that is marked in this process while the block lasts."""
    global _recorder  # noqa: PLW0603 - see above: one process, one trace of it
    former, _recorder = _recorder, recorder
    try:
        yield
    finally:
        _recorder = former


def interceptors() -> "Sequence[grpc.aio.ServerInterceptor]":
    """Return what lets a server take over the traces of its callers, if anybody records."""
    return () if _recorder is None else _recorder.interceptors()


def span(name: str, **facts: str | int) -> AbstractContextManager[object]:
    """Mark the block as one piece of work."""
    return _NOTHING if _recorder is None else _recorder.span(name, facts)


def span_until(name: str, **facts: str | int) -> AbstractContextManager[Until]:
    """Mark what lasts until an answer is there, which the block hands to what is yielded."""
    return _UNTIL_NOTHING if _recorder is None else _recorder.span_until(name, facts)


def about(channel: str, transaction_id: str) -> None:
    """Say what the current span is about; what becomes of the transaction later belongs to it."""
    if _recorder is not None:
        _recorder.describe({"channel": channel, "transaction_id": transaction_id})
        _recorder.follow(transaction_id, again=False)


def describe(**facts: str | int) -> None:
    """Add to what the current span says."""
    if _recorder is not None:
        _recorder.describe(facts)


def follow(transaction_id: str) -> None:
    """Let all that happens to a transaction from now on belong to the current span."""
    if _recorder is not None:
        _recorder.follow(transaction_id, again=True)


def headers() -> Headers:
    """Return the gRPC metadata by which a call carries on the trace of the current task."""
    return () if _recorder is None else _recorder.headers()


def moment() -> Moment | None:
    """Return where the current task is in a trace that is recorded; None if it is in none."""
    return None if _recorder is None else _recorder.moment()


class BlockStages:
    """What a peer does with a block, and how long it takes.

    Traces are told of each followed transaction once these are known.
    """

    __slots__ = ("_channel", "_clock", "_moments_s", "_stages")

    def __init__(self, channel: str, clock: Callable[[], float]) -> None:
        """Begin the first stage. ``clock`` tells seconds, and never goes back."""
        self._channel = channel
        self._clock = clock
        self._moments_s = [clock()]
        self._stages: list[str] = []

    def passed(self, stage: str) -> None:
        """End a stage and begin the next."""
        self._stages.append(stage)
        self._moments_s.append(self._clock())

    def took_s(self, stage: str) -> float:
        """Return how long a stage took that has passed, in seconds."""
        at = self._stages.index(stage)
        return self._moments_s[at + 1] - self._moments_s[at]

    def tell(self, number: int, transaction_ids: Sequence[str], codes: bytes) -> None:
        """Record the stages for the transactions of a block, ``codes`` being the verdicts."""
        if _recorder is None:
            return
        now_ns, now_s = _recorder.now_ns(), self._clock()
        moments_ns = [now_ns - round((now_s - each) * 1e9) for each in self._moments_s]
        spans_ns = list(zip(self._stages, pairwise(moments_ns), strict=True))
        for transaction_id, code in zip(transaction_ids, codes, strict=True):
            name = TxValidationCode.Name(TxValidationCode.ValueType(code))
            facts: Facts = {
                "channel": self._channel,
                "transaction_id": transaction_id,
                "block_number": number,
                "validation_code": name,
            }
            for stage, span_ns in spans_ns:
                _recorder.stage_of(transaction_id, stage, span_ns, facts)


def _never(answer: "asyncio.Future[Any]") -> None:
    """Take no notice of an answer."""


_UNTIL_NOTHING: Final[AbstractContextManager[Until]] = nullcontext(_never)
