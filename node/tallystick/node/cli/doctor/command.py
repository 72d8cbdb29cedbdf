"""``tally doctor``."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from tallystick.node.cli.doctor.clocks import judge_newest_block
from tallystick.node.cli.doctor.disk import judge_disk
from tallystick.node.cli.doctor.files import (
    credentials,
    look_at_ledgers,
    measure_disk,
    newest_transactions,
)
from tallystick.node.cli.doctor.findings import Finding, State, failed, warning
from tallystick.node.cli.doctor.ledgers import judge_ledgers
from tallystick.node.cli.doctor.ports import Port
from tallystick.node.cli.doctor.surroundings import (
    ask_token,
    health,
    judge_ports,
    place_on_channels,
    ports,
    reach_collector,
    reach_etcd,
    reach_others,
)
from tallystick.node.cli.doctor.versions import (
    floors,
    judge_extra,
    judge_packages,
    judge_python,
)
from tallystick.node.cli.node_file import UnlikeAnyNodeError, load_node_settings
from tallystick.node.membership.errors import CertificateError
from tallystick.node.settings import (
    EndorserSettings,
    OrdererSettings,
    PeerSettings,
    SettingsError,
)

_SICK: Final = 1
_TRACES: Final = "opentelemetry-sdk"
_PACKAGES: Final = ("grpcio", "protobuf", "cryptography")


async def doctor(options: argparse.Namespace) -> int:
    """Print what is found about each node; exit with 1 if anything has failed."""
    findings = list(versions())
    for path in options.config:
        findings += await examine(path)
    if options.json:
        print(json.dumps([asdict(each) for each in findings], indent=1))
    else:
        for each in findings:
            print("\n".join(each.lines))
        counts = Counter(each.state for each in findings)
        print(", ".join(f"{counts[state]} {state}" for state in State))
    return _SICK if any(each.state is State.FAILED for each in findings) else 0


async def examine(path: Path) -> list[Finding]:
    """Return what is to say about the node with these settings."""
    try:
        settings = load_node_settings(path)
    except (SettingsError, UnlikeAnyNodeError) as error:
        return [failed("settings", str(path), str(error), "see docs/configuration.md")]
    now_s = time.time()  # noqa: TID251 - a command is its own root
    findings: list[Finding] = []
    with _unless_unreadable("certificates", settings.msp.directory, findings):
        findings += credentials(settings, datetime.fromtimestamp(now_s, UTC))
    findings += place_on_channels(settings)
    if settings.msp.pkcs11 is not None:
        findings += [await ask_token(settings.msp, settings.msp.pkcs11.token)]
    listening = False
    try:
        listeners = await ports(settings)
        findings += judge_ports(listeners)
        listening = listeners["listen_address"][1] is Port.OURS
    except (OSError, CertificateError) as error:
        text = f"cannot tell whether they are this node's: {error}"
        findings.append(warning("ports", "all", text, "mend what is said of certificates"))
    findings += _data(settings, now_s, listening=listening)
    if listening:
        findings += [each async for each in health(settings)]
    findings += [each async for each in reach_others(settings)]
    if settings.telemetry is not None:
        findings += [judge_extra("telemetry", _TRACES, _installed(_TRACES))]
        findings += [await reach_collector(settings.telemetry)]
    if isinstance(settings, OrdererSettings) and settings.etcd is not None:
        findings += [each async for each in reach_etcd(settings.etcd, now_s)]
    return findings


def _data(
    settings: PeerSettings | OrdererSettings, now_s: float, *, listening: bool
) -> list[Finding]:
    """Return what is to say about a node's data directory."""
    findings: list[Finding] = []
    data, operations = settings.data_directory, settings.operations
    with _unless_unreadable("disk", data, findings):
        findings += judge_disk(str(data), measure_disk(data), operations.min_free_disk_bytes)
    with _unless_unreadable("ledgers", data, findings):
        findings += judge_ledgers(str(data), look_at_ledgers(settings, listening=listening))
    with _unless_unreadable("clocks", data, findings):
        for channel, newest_s in newest_transactions(settings):
            subject = f"channel {channel}"
            findings.append(judge_newest_block(subject, now_s, newest_s, _skew_s(settings)))
    return findings


@contextmanager
def _unless_unreadable(check: str, data: Path, findings: list[Finding]) -> Iterator[None]:
    """Let a file that cannot be read be a finding, and hide no other."""
    try:
        yield
    except OSError as error:
        subject = str(error.filename or data)
        advice = "run this as the node's user; if it is that, check the disk"
        findings.append(failed(check, subject, f"cannot be read: {error.strerror}", advice))


def versions() -> Iterator[Finding]:
    """Yield what is to say about this interpreter and its packages."""
    yield judge_python(sys.version_info[:2])
    packages = [*_PACKAGES, *(["plyvel"] if sys.platform == "linux" else [])]
    installed = {name: _installed(name) for name in packages}
    yield from judge_packages(installed, floors(requires("tallystick") or [], packages))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _skew_s(settings: PeerSettings | OrdererSettings) -> float:
    endorser = settings.endorser if isinstance(settings, PeerSettings) else EndorserSettings()
    return endorser.clock_skew_s
