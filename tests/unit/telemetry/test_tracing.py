"""Tracing as the settings ask for it."""

import sys
import time
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.settings import MspSettings, PeerSettings, TelemetrySettings
from tallystick.node.telemetry import spans
from tallystick.node.telemetry.export import CollectorAuthoritiesError
from tallystick.node.telemetry.tracing import TelemetryNotInstalledError, tracing

ADDRESS = "127.0.0.1:4317"


def settings(telemetry: TelemetrySettings | None) -> PeerSettings:
    return PeerSettings(
        listen_address="127.0.0.1:7051",
        data_directory=Path("data"),
        msp=MspSettings(id="OneMSP", directory=Path("msp")),
        tls=None,
        telemetry=telemetry,
    )


async def test_nothing_is_recorded_unless_the_settings_ask_for_it() -> None:
    async with tracing(settings(None), "tallystick-peer", time.monotonic_ns):
        assert not spans.interceptors()


async def test_what_the_settings_ask_for_is_recorded_until_the_node_stops() -> None:
    asked = TelemetrySettings(address=ADDRESS, tls=False)
    async with tracing(settings(asked), "tallystick-peer", time.monotonic_ns):
        assert spans.interceptors()
    assert not spans.interceptors()


async def test_asking_for_traces_without_the_extra_says_what_to_install(
    outcome: Outcome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "tallystick.node.telemetry.export")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    asked = TelemetrySettings(address=ADDRESS, tls=False)
    with outcome.refuses(
        TelemetryNotInstalledError,
        leaves=files(tmp_path),
        match=r"pip install 'tallystick\[node,telem",
    ):
        async with tracing(settings(asked), "tallystick-peer", time.monotonic_ns):
            pytest.fail("a node must not go on without the traces that it was told to send")


async def test_authorities_for_the_collector_of_traces_that_cannot_be_read_are_named(
    outcome: Outcome, tmp_path: Path
) -> None:
    missing = tmp_path / "ca.crt"
    asked = TelemetrySettings(address=ADDRESS, root_certificates=missing)
    with outcome.refuses(
        CollectorAuthoritiesError,
        leaves=files(tmp_path),
        match=r"ca\.crt cannot be read: No such file",
    ):
        async with tracing(settings(asked), "tallystick-peer", time.monotonic_ns):
            pytest.fail("spans would have no way out")
