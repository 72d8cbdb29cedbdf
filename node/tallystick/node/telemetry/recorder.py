"""Records spans with OpenTelemetry, which must be installed.

Context travels as W3C Trace Context: https://www.w3.org/TR/trace-context/.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import grpc
from opentelemetry import trace
from opentelemetry.context import Context, attach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tallystick.node.telemetry.calls import RecordCalls
from tallystick.node.telemetry.spans import Facts, Headers, Moment, Until

MAX_FOLLOWED: Final = 10_000
"""Transactions whose span is remembered; the oldest is forgotten first."""
MAX_ID_LENGTH: Final = 64
"""How long a transaction id is. Callers claim longer ones, which belong to no transaction."""

_PREFIX: Final = "tallystick."
_NOTHING: Final = nullcontext()
_CONTEXT: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Moment:
    """Where a transaction is. Satisfies `Moment`."""

    recorder: "OpenTelemetryRecorder"
    context: Context
    began_ns: int

    def passed(self, stage: str, facts: Facts) -> None:
        """Record the stage that ends now, and begin the next one."""
        began_ns, self.began_ns = self.began_ns, self.recorder.now_ns()
        self.recorder.record(stage, self.context, (began_ns, self.began_ns), facts)


class OpenTelemetryRecorder:
    """Satisfies `Recorder`, with the spans of one tracer.

    Only a call to a gateway begins a trace. All else is recorded where it belongs to one, whose
    client or gateway has decided whether it is: a node that decided anew would record fragments.
    """

    def __init__(self, tracer: Tracer, now_ns: Callable[[], int]) -> None:
        self._tracer = tracer
        self._followed: OrderedDict[str, Context] = OrderedDict()
        self.now_ns = now_ns

    def span(self, name: str, facts: Facts) -> AbstractContextManager[object]:
        """Record the block as part of the current trace."""
        if not _is_recorded(trace.get_current_span()):
            return _NOTHING
        return _current(self._tracer.start_span(name, attributes=_named(facts)), ends=True)

    @contextmanager
    def span_until(self, name: str, facts: Facts) -> Iterator[Until]:
        """Record up to the moment of an answer."""
        if not _is_recorded(trace.get_current_span()):
            yield lambda _: None
            return
        begun = self._tracer.start_span(name, kind=SpanKind.SERVER, attributes=_named(facts))

        def end(_: "asyncio.Future[Any]") -> None:
            begun.end()

        with _current(begun, ends=False):
            yield lambda answer: answer.add_done_callback(end)

    @contextmanager
    def call(self, method: str, *, begins: bool, transaction_id: str) -> Iterator[Span]:
        """Record the block as the answer to a call whose context `adopt` has taken over.

        Args:
            method: The full name, such as ``gateway.Gateway/Endorse``.
            begins: Whether a call that belongs to no trace begins one.
            transaction_id: Which followed transaction such a call belongs to, if it says so.
        """
        caller = trace.get_current_span().get_span_context()
        parent = None if caller.is_valid else self._followed.get(transaction_id)
        if not (caller.is_valid or parent is not None or begins):
            yield trace.INVALID_SPAN
            return
        service, _, name = method.rpartition("/")
        facts = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
        begun = self._tracer.start_span(method, parent, SpanKind.SERVER, facts)
        with _current(begun, ends=True):
            yield begun

    def adopt(self, metadata: Mapping[str, str]) -> None:
        """Let the current task belong to the trace of whoever called."""
        attach(_CONTEXT.extract(metadata, Context()))

    def interceptors(self) -> "Sequence[grpc.aio.ServerInterceptor]":
        """Return what lets a server take over the traces of its callers."""
        return (RecordCalls(self),)

    def describe(self, facts: Facts) -> None:
        """Add to what the current span says."""
        trace.get_current_span().set_attributes(_named(facts))

    def follow(self, transaction_id: str, *, again: bool) -> None:
        """Let what happens to a transaction later belong to the current span."""
        current = trace.get_current_span()
        if not _is_recorded(current) or not 0 < len(transaction_id) <= MAX_ID_LENGTH:
            return
        if again or transaction_id not in self._followed:
            self._followed[transaction_id] = trace.set_span_in_context(current, Context())
            if len(self._followed) > MAX_FOLLOWED:
                self._followed.popitem(last=False)

    def headers(self) -> Headers:
        """Return ``traceparent``, and ``tracestate`` if there is one."""
        carrier: dict[str, str] = {}
        _CONTEXT.inject(carrier)
        return tuple(carrier.items())

    def moment(self) -> Moment | None:
        """Return where the current task is in its trace."""
        current = trace.get_current_span()
        if not _is_recorded(current):
            return None
        return _Moment(self, trace.set_span_in_context(current, Context()), self.now_ns())

    def stage_of(
        self, transaction_id: str, name: str, span_ns: tuple[int, int], facts: Facts
    ) -> None:
        """Record a stage of a transaction, if it is followed."""
        context = self._followed.get(transaction_id)
        if context is not None:
            self.record(name, context, span_ns, facts)

    def record(self, name: str, context: Context, span_ns: tuple[int, int], facts: Facts) -> None:
        """Record what has passed, between two moments in nanoseconds since the epoch."""
        began_ns, ended_ns = span_ns
        passed = self._tracer.start_span(
            name, context, attributes=_named(facts), start_time=began_ns
        )
        passed.end(ended_ns)


@contextmanager
def _current(span: Span, *, ends: bool) -> Iterator[None]:
    """Let a span be current. Of a failure it says the kind only: messages may quote arguments."""
    with trace.use_span(
        span, end_on_exit=ends, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def _is_recorded(span: Span) -> bool:
    return span.get_span_context().trace_flags.sampled


def _named(facts: Facts) -> dict[str, str | int]:
    return {_PREFIX + name: fact for name, fact in facts.items()}
