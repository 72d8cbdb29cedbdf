"""A node warns of its own certificates long before they end."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tallystick.node.observability.certificates import (
    OwnCertificate,
    ends_of_files,
    expiry_check,
    own_certificates,
    warn_of_expiry,
    warnings,
)
from tallystick.node.observability.metrics import NodeMetrics
from tallystick.node.observability.program import observed
from tallystick.node.settings import OrdererSettings

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
EXPIRY = "tallystick_certificate_expiry_timestamp_seconds"


@pytest.mark.parametrize(
    ("left", "told"),
    [
        pytest.param(timedelta(days=30, seconds=1), [], id="more than a month"),
        pytest.param(timedelta(days=30), ["expires in 30 days"], id="a month"),
        pytest.param(timedelta(hours=5), ["expires in 0 days"], id="today"),
        pytest.param(timedelta(seconds=-1), ["has expired"], id="over"),
    ],
)
def test_a_certificate_that_ends_soon_is_told_of(left: timedelta, told: list[str]) -> None:
    certificate = OwnCertificate("tls", Path("server.crt"), NOW + left)
    lines = list(warnings([certificate], NOW))
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert line.startswith(f"the certificate server.crt (tls) {words}, on 2026-")
        assert line.endswith("renew it ('tally crypto renew', or your CA) and restart this node")


def test_a_node_is_not_healthy_once_a_certificate_has_ended() -> None:
    now = NOW
    uses = ("msp", "tls", "tls-ca")
    ends = [OwnCertificate(use, Path(f"{use}.crt"), NOW + timedelta(days=1)) for use in uses]
    check = expiry_check(ends, lambda: int(now.timestamp()) * 10**9)
    assert check() == ""
    now += timedelta(days=1)
    assert check() == ""
    now += timedelta(seconds=1)
    assert "msp.crt (msp) has expired" in check()
    assert "tls.crt (tls) has expired" in check()
    assert "tls-ca" not in check(), "another authority may have taken its place"


async def test_the_end_of_a_certificate_is_logged_when_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s, asleep_s = NOW.timestamp(), []

    async def sleep(duration_s: float) -> None:
        nonlocal now_s
        asleep_s.append(duration_s)
        if len(asleep_s) == 3:
            raise asyncio.CancelledError
        now_s += duration_s

    ends = [OwnCertificate("tls", Path("server.crt"), NOW + timedelta(days=1, hours=2))]
    with pytest.raises(asyncio.CancelledError):
        await warn_of_expiry(ends, lambda: int(now_s) * 10**9, sleep)
    day_s = 24 * 60 * 60
    assert asleep_s == [day_s, 2 * 60 * 60 + 1, day_s]
    told = ["expires in 1 days", "expires in 0 days", "has expired"]
    for message, words in zip(caplog.messages, told, strict=True):
        assert words in message


def certificate_pem(name: str, *, ends_at: datetime) -> bytes:
    """Return a certificate that ends then."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(ends_at)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def write_certificate(directory: Path, *, ends_at: datetime) -> None:
    """Let the folder be an MSP directory whose certificate ends then."""
    (directory / "signcerts").mkdir(exist_ok=True)
    pem = certificate_pem("node", ends_at=ends_at)
    (directory / "signcerts" / "node.pem").write_bytes(pem)


async def test_a_node_goes_by_the_certificates_that_it_started_with(tmp_path: Path) -> None:
    """A renewed file changes nothing until the node restarts, and so must not end the warning."""
    write_certificate(tmp_path, ends_at=NOW + timedelta(days=3))
    msp = {"id": "OrdererMSP", "directory": tmp_path}
    document = {"listen_address": "localhost:0", "data_directory": tmp_path, "msp": msp}
    settings = OrdererSettings.model_validate({**document, "tls": None})
    metrics = NodeMetrics()
    async with observed(settings, {}, metrics, lambda: int(NOW.timestamp()) * 10**9):
        write_certificate(tmp_path, ends_at=NOW + timedelta(days=3000))
        labels = {"use": "msp", "file": "signcerts/node.pem"}
        end = metrics.registry.get_sample_value(EXPIRY, labels)
    assert end == (NOW + timedelta(days=3)).timestamp()


async def test_no_series_comes_twice_whatever_the_files_hold(tmp_path: Path) -> None:
    """Prometheus takes nothing of a node that shows a series twice."""
    pem = b"".join(certificate_pem(name, ends_at=NOW) for name in ("one", "two"))
    places = ("signcerts/node.pem", "cacerts/ca.pem", "intermediatecerts/ca.pem", "tls/ca.crt")
    for place in ("tls/server.crt", *places):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(pem)
    document = {
        "listen_address": "localhost:0",
        "data_directory": tmp_path,
        "msp": {"id": "OrdererMSP", "directory": tmp_path},
        "tls": _pair(tmp_path / "tls", "server", "ca"),
    }
    settings, metrics = OrdererSettings.model_validate(document), NodeMetrics()
    async with observed(settings, {}, metrics, lambda: int(NOW.timestamp()) * 10**9):
        (family,) = [each for each in metrics.registry.collect() if each.name == EXPIRY]
    assert [(each.labels["use"], each.labels["file"]) for each in family.samples] == [
        ("msp", "signcerts/node.pem"),
        ("msp-ca", "cacerts/ca.pem"),
        ("msp-ca", "intermediatecerts/ca.pem"),
        ("tls", "tls/server.crt"),
        ("tls-ca", "tls/ca.crt"),
    ]


@pytest.mark.parametrize(
    ("use", "ends", "shown"),
    [
        pytest.param("tls", [("node", 9), ("ca", 3)], 3, id="of a chain, the first to end"),
        pytest.param("tls", [("node", 3), ("node", 9)], 3, id="the node's own, the first to end"),
        pytest.param("tls-ca", [("one", 9), ("two", 3)], 3, id="of authorities, the first to end"),
        pytest.param("tls-ca", [("ca", 9), ("ca", 3)], 9, id="not one that has a successor"),
        pytest.param("tls-ca", [("ca", 3), ("ca", 9)], 9, id="nor where the successor is behind"),
        pytest.param("tls-ca", [("ca", 3), ("ca", 9), ("b", 5)], 5, id="beside another authority"),
    ],
)
def test_one_end_is_shown_of_a_file_with_several_certificates(
    use: str, ends: list[tuple[str, int]], shown: int
) -> None:
    found = [
        OwnCertificate(use, Path("tls/some.crt"), NOW + timedelta(days=days), subject)
        for subject, days in ends
    ]
    end = (NOW + timedelta(days=shown)).timestamp()
    assert list(ends_of_files(found)) == [(use, "tls/some.crt", end)]


def test_what_an_orderer_shows_to_etcd_and_to_administrators_is_among_its_certificates(
    tmp_path: Path,
) -> None:
    """One file that serves two uses is told of once."""
    write_certificate(tmp_path, ends_at=NOW + timedelta(days=1))
    (pem,) = (tmp_path / "signcerts").iterdir()
    for name in ("tls", "ca", "etcd", "etcd-ca", "admin"):
        shutil.copy(pem, tmp_path / f"{name}.crt")
    document = {
        "listen_address": "localhost:0",
        "data_directory": tmp_path,
        "msp": {"id": "OrdererMSP", "directory": tmp_path},
        "tls": _pair(tmp_path, "tls", "ca"),
        "etcd": {**_pair(tmp_path, "etcd", "etcd-ca"), "endpoints": ["localhost:2379"]},
        "admin": {
            "certificate": tmp_path / "admin.crt",
            "private_key": tmp_path / "admin.key",
            "client_root_certificates": [tmp_path / "ca.crt"],
            "listen_address": "localhost:0",
        },
    }
    found = tuple(own_certificates(OrdererSettings.model_validate(document)))
    assert [each.use for each in found] == ["msp", "tls", "tls-ca", "etcd", "etcd-ca", "admin"]
    assert len(list(warnings(found, NOW))) == len(found)
    later = NOW + timedelta(days=2)
    ended = expiry_check(found, lambda: int(later.timestamp()) * 10**9)()
    assert ended.count("has expired") == 4
    assert "etcd.crt (etcd) has expired" in ended
    assert "admin.crt (admin) has expired" in ended

    document["etcd"] = {**_pair(tmp_path, "tls", "ca"), "endpoints": ["localhost:2379"]}
    found = tuple(own_certificates(OrdererSettings.model_validate(document)))
    assert [each.use for each in found] == ["msp", "tls", "tls-ca", "admin"]


def _pair(directory: Path, name: str, authority: str) -> dict[str, Path]:
    return {
        "certificate": directory / f"{name}.crt",
        "private_key": directory / f"{name}.key",
        "root_certificates": directory / f"{authority}.crt",
    }
