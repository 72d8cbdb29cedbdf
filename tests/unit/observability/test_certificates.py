"""A node warns of its own certificates long before they end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tallystick.node.observability.certificates import OwnCertificate, expired, warnings
from tallystick.node.observability.metrics import NodeMetrics
from tallystick.node.observability.program import observed
from tallystick.node.settings import OrdererSettings

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


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


def write_certificate(directory: Path, *, ends_at: datetime) -> None:
    """Let the folder be an MSP directory whose certificate ends then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(ends_at)
        .sign(key, hashes.SHA256())
    )
    (directory / "signcerts").mkdir(exist_ok=True)
    (directory / "signcerts" / "node.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


async def test_a_node_goes_by_the_certificates_that_it_started_with(tmp_path: Path) -> None:
    """A renewed file changes nothing until the node restarts, and so must not end the warning."""
    write_certificate(tmp_path, ends_at=NOW + timedelta(days=3))
    msp = {"id": "OrdererMSP", "directory": tmp_path}
    document = {"listen_address": "localhost:0", "data_directory": tmp_path, "msp": msp}
    settings = OrdererSettings.model_validate({**document, "tls": None})
    metrics = NodeMetrics()
    async with observed(settings, {}, metrics, lambda: int(NOW.timestamp()) * 10**9):
        write_certificate(tmp_path, ends_at=NOW + timedelta(days=3000))
        labels = {"use": "msp", "file": "node.pem"}
        name = "tallystick_certificate_expiry_timestamp_seconds"
        end = metrics.registry.get_sample_value(name, labels)
    assert end == (NOW + timedelta(days=3)).timestamp()


@pytest.mark.parametrize(
    ("use", "left", "told"),
    [
        ("tls", timedelta(seconds=0), ""),
        ("tls", timedelta(seconds=-1), "server.crt (tls) has expired, on 2026-06-01 11:59 UTC"),
        ("tls-ca", timedelta(days=-1), ""),
    ],
)
def test_a_node_is_not_healthy_once_nobody_accepts_its_certificate(
    use: str, left: timedelta, told: str
) -> None:
    assert expired([OwnCertificate(use, Path("server.crt"), NOW + left)], NOW) == told
