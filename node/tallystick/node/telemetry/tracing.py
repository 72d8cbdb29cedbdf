"""Tracing of a node's process, as its settings say."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tallystick.node.errors import LedgerError
from tallystick.node.settings import NodeSettings


class TelemetryNotInstalledError(LedgerError):
    """The settings ask for traces, and what makes them is not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"the settings have [telemetry], and {missing} is not installed: run"
            " pip install 'tallystick[node,telemetry]', or take the table out of the settings"
        )


@asynccontextmanager
async def tracing(
    settings: NodeSettings, service: str, now_ns: Callable[[], int]
) -> AsyncIterator[None]:
    """Record and send this process's part of traces while the block lasts.

    Without ``[telemetry]`` in the settings nothing happens, and OpenTelemetry is not imported.

    Args:
        settings: The node's.
        service: What the node is called among the services of a trace.
        now_ns: Returns now, nanoseconds since the epoch.

    Raises:
        TelemetryNotInstalledError: The extra ``telemetry`` is missing.
        CollectorAuthoritiesError: The file with the collector's authorities cannot be used.
    """
    if settings.telemetry is None:
        yield
        return
    try:
        from tallystick.node.telemetry.export import Source, exporting  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise TelemetryNotInstalledError(error.name or "OpenTelemetry") from error
    source = Source(service, settings.msp.id, settings.listen_address)
    async with exporting(settings.telemetry, source, now_ns):
        yield
