"""Lets a call carry on the trace in which the application makes it.

Where OpenTelemetry is installed and a span is current, the peer learns of it, as W3C Trace Context;
nothing else of the application's context is sent.
"""

from typing import TypeAlias

try:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError:  # an extra: then there is no trace to carry on
    _propagator = None
else:
    _propagator = TraceContextTextMapPropagator()

Headers: TypeAlias = tuple[tuple[str, str], ...]


def trace_headers() -> Headers:
    """Return gRPC metadata: ``traceparent`` and perhaps ``tracestate``, or nothing."""
    if _propagator is None:
        return ()
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return tuple(carrier.items())
