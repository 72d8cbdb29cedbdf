"""A collector in memory, and what it was sent as a tree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import Tracer

from tallystick.node.telemetry.recorder import OpenTelemetryRecorder
from tallystick.node.telemetry.spans import recorded_by


@dataclass(frozen=True)
class Collected:
    """Spans that have ended, and the tracer that makes them."""

    exporter: InMemorySpanExporter
    tracer: Tracer

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def tree(self) -> list[str]:
        """Return the names, each below its parent's and deeper, siblings by name."""
        return [line for root in self._below(None) for line in self._lines(root, "")]

    def _lines(self, span: ReadableSpan, indent: str) -> Iterator[str]:
        yield indent + span.name
        for child in self._below(span):
            yield from self._lines(child, indent + "  ")

    def _below(self, parent: ReadableSpan | None) -> list[ReadableSpan]:
        parent_id = parent.context.span_id if parent is not None and parent.context else None
        children = [
            span
            for span in self.spans
            if (span.parent.span_id if span.parent else None) == parent_id
        ]
        return sorted(children, key=lambda span: span.name)


@contextmanager
def collecting(sampler: Sampler) -> Iterator[Collected]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with recorded_by(OpenTelemetryRecorder(tracer, count(1).__next__)):
        yield Collected(exporter, tracer)
    provider.shutdown()
