"""Sends what is recorded to a collector. Needs the extra ``telemetry``.

A collector that is slow or away costs spans, never a transaction: what waits is bounded, and a
thread of its own sends it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from tallystick.node.errors import LedgerError
from tallystick.node.settings import TelemetrySettings
from tallystick.node.telemetry.recorder import OpenTelemetryRecorder
from tallystick.node.telemetry.spans import recorded_by

MAX_FACT_CHARACTERS: Final = 128
"""A client names transactions and channels as it likes until somebody has looked."""

_SEND_EVERY_MS: Final = 1_000
_SEND_TIMEOUT_S: Final = 5.0
_LAST_SEND_S: Final = 2.0
"""How long a node that stops waits for its collector: well within the time that it is given."""


class CollectorAuthoritiesError(LedgerError):
    """The file with the authorities of the collector's certificate cannot be read.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"telemetry.root_certificates: {path} cannot be read: {reason}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Source:
    """Whose spans they are.

    Attributes:
        service: ``tallystick-peer`` or ``tallystick-orderer``.
        msp_id: The organisation that runs the node.
        address: Where the node listens.
    """

    service: str
    msp_id: str
    address: str

    @property
    def resource(self) -> Resource:
        """What every span says of its source, under OpenTelemetry's names."""
        return Resource(
            {
                "service.name": self.service,
                "service.version": version("tallystick"),
                "service.instance.id": f"{self.msp_id}/{self.address}",
                "tallystick.msp_id": self.msp_id,
            }
        )


@asynccontextmanager
async def exporting(
    settings: TelemetrySettings, source: Source, now_ns: Callable[[], int]
) -> AsyncIterator[None]:
    """Record what is marked in this process while the block lasts, and send it.

    Raises:
        CollectorAuthoritiesError: The file with the collector's authorities cannot be read.
    """
    exporter = _exporter(settings)
    rule = TraceIdRatioBased(settings.sample_ratio)
    provider = TracerProvider(
        # A client may leave its own trace out, and cannot ask for more than the operator allows.
        sampler=ParentBased(rule, remote_parent_sampled=rule),
        resource=source.resource,
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_span_attribute_length=MAX_FACT_CHARACTERS),
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=settings.max_waiting_spans,
            schedule_delay_millis=_SEND_EVERY_MS,
        )
    )
    recorder = OpenTelemetryRecorder(provider.get_tracer("tallystick.node"), now_ns)
    try:
        with recorded_by(recorder):
            yield
    finally:
        giving_up = asyncio.get_running_loop().call_later(_LAST_SEND_S, exporter.shutdown)
        await asyncio.to_thread(provider.shutdown)
        giving_up.cancel()


def _exporter(settings: TelemetrySettings) -> OTLPSpanExporter:
    credentials = None
    if settings.tls:
        roots = settings.root_certificates
        try:
            known = None if roots is None else roots.read_bytes()
        except OSError as error:
            assert roots is not None
            raise CollectorAuthoritiesError(roots, error.strerror or str(error)) from error
        credentials = grpc.ssl_channel_credentials(known)
    return OTLPSpanExporter(
        endpoint=settings.address,
        insecure=not settings.tls,
        credentials=credentials,
        timeout=_SEND_TIMEOUT_S,
    )
