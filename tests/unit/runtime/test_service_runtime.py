"""Chaincode as a service: the peer dials, with TLS, and again whenever the server was away."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.runtime.elsewhere import Authority, Caller, host

from tallystick.chaincode.package import build_package_of, package_id
from tallystick.chaincode.shim import serving
from tallystick.chaincode.shim.settings import ServerSettings, Tls
from tallystick.node.cluster.ports import free_ports
from tallystick.node.runtime.connection import CallRules
from tallystick.node.runtime.packages import CCAAS, PackageStore
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.runtime.service import (
    DEFAULT_DIAL_TIMEOUT_S,
    ServiceAddress,
    build_service_package,
)
from tallystick.node.runtime.shim_errors import LaunchError, StreamTerminatedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def calling(
    folder: Path, package: bytes, *, start_timeout_s: float = 10.0
) -> AsyncIterator[tuple[Caller, str]]:
    packages = PackageStore(folder)
    name = packages.save(package)
    rules = RuntimeRules(calls=CallRules(timeout_s=5.0, start_timeout_s=start_timeout_s))
    async with RuntimeRegistry(packages, rules, Random(1)) as runtime:
        yield Caller(runtime), name


def service_at(
    port: int, tls: Tls | None = None, client: Tls | None = None, *, dial_timeout: str = "8s"
) -> bytes:
    return build_service_package(
        "notes_1.0",
        ServiceAddress(
            address=f"localhost:{port}",
            dial_timeout=dial_timeout,
            tls_required=tls is not None,
            root_cert="" if tls is None else tls.roots.decode(),
            client_auth_required=client is not None,
            client_cert="" if client is None else client.certificate.decode(),
            client_key="" if client is None else client.private_key.decode(),
        ),
    )


def free_port() -> int:
    return next(free_ports(1))


async def test_a_service_is_dialled_and_dialled_again_after_a_restart(tmp_path: Path) -> None:
    """§9.1, §9.5."""
    port = free_port()
    package = service_at(port)
    settings = ServerSettings(f"localhost:{port}")
    async with calling(tmp_path, package) as (caller, name):
        async with serving(host(name), settings):
            assert await caller.answer(name, "notes", "put", "k", "v") == "t1"
        async with serving(host(name), settings):
            with suppress(StreamTerminatedError):  # a call may still meet the stream that ends
                await caller.answer(name, "notes", "name_of")
            assert await caller.answer(name, "notes", "name_of") == "BrokerMSP"


@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mutual tls"])
async def test_a_service_is_dialled_with_tls(tmp_path: Path, *, mutual: bool) -> None:
    """§9.5."""
    port, authority, peers = free_port(), Authority(), Authority()
    server = authority.issue(peers.roots if mutual else b"")
    client = peers.issue() if mutual else None
    package = service_at(port, Tls(authority.roots), client)
    async with (
        calling(tmp_path, package) as (caller, name),
        serving(host(name), ServerSettings(f"localhost:{port}", server)),
    ):
        assert await caller.answer(name, "notes", "name_of") == "BrokerMSP"


@pytest.mark.parametrize("fault", ["other authority", "no client certificate", "no tls"])
async def test_a_chaincode_server_that_cannot_be_trusted_is_not_used(
    outcome: Outcome, tmp_path: Path, fault: str
) -> None:
    """§9.5."""
    port, authority, peers = free_port(), Authority(), Authority()
    server = authority.issue(peers.roots if fault == "no client certificate" else b"")
    roots = Authority().roots if fault == "other authority" else authority.roots
    package = service_at(port, None if fault == "no tls" else Tls(roots), dial_timeout="1s")
    async with (
        calling(tmp_path, package, start_timeout_s=3.0) as (caller, name),
        serving(host(name), ServerSettings(f"localhost:{port}", server)),
    ):
        with outcome.refuses(LaunchError, leaves=files(tmp_path)):
            await caller.answer(name, "notes", "name_of")


async def test_a_chaincode_server_of_another_package_is_not_used(
    outcome: Outcome, tmp_path: Path
) -> None:
    """§9.1."""
    port = free_port()
    async with (
        calling(tmp_path, service_at(port)) as (caller, name),
        serving(host("other_1.0:00"), ServerSettings(f"localhost:{port}")),
    ):
        with outcome.refuses(
            LaunchError,
            leaves=files(tmp_path),
            match=r"registers as 'other_1\.0:00', but 'notes_1\.0:",
        ):
            await caller.answer(name, "notes", "name_of")


async def test_a_chaincode_server_that_is_away_is_waited_for_as_its_package_says(
    outcome: Outcome,
    tmp_path: Path,
) -> None:
    """§9.5."""
    loop = asyncio.get_running_loop()
    async with calling(tmp_path, service_at(free_port(), dial_timeout="1s")) as (caller, name):
        began = loop.time()
        with outcome.refuses(
            LaunchError, leaves=files(tmp_path), match="accepts no connection within 1 s"
        ):
            await caller.answer(name, "notes", "name_of")
        assert 0.5 < loop.time() - began < 10.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", DEFAULT_DIAL_TIMEOUT_S), ("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1.5s", 1.5)],
)
def test_durations_are_written_as_in_go(text: str, seconds: float) -> None:
    """§9.5."""
    assert ServiceAddress(address="h:1", dial_timeout=text).dial_timeout_s == seconds


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "has no connection.json"),
        (b"{", "malformed"),
        (b"{}", "address"),
        (json.dumps({"address": "nowhere"}).encode(), "host:port"),
        (json.dumps({"address": "h:1", "dial_timeout": "soon"}).encode(), "duration"),
        (json.dumps({"address": "h:1", "tls_required": True}).encode(), "no root_cert"),
        (
            json.dumps(
                {
                    "address": "h:1",
                    "tls_required": True,
                    "root_cert": "x",
                    "client_auth_required": True,
                }
            ).encode(),
            "has no key",
        ),
    ],
    ids=["missing", "no JSON", "no address", "no port", "no duration", "no roots", "no key"],
)
async def test_a_package_that_names_its_server_badly_is_refused(
    outcome: Outcome, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    """§9.5."""
    inside = {} if content is None else {"connection.json": content}
    package = build_package_of(CCAAS, "notes_1.0", inside)
    assert package_id(package).startswith("notes_1.0:")
    async with calling(tmp_path, package) as (caller, name):
        with outcome.refuses(LaunchError, leaves=files(tmp_path), match=problem):
            await caller.answer(name, "notes", "name_of")
