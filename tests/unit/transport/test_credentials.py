"""TLS material: wire.md §1."""

import ssl
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.conftest import ChannelMaterial

from tallystick.node.settings import TlsSettings
from tallystick.node.transport.credentials import (
    ClientTls,
    KeyPair,
    ServerTls,
    TlsMaterialError,
    certificate_hash,
)
from tallystick.wire.hashing import sha256


def settings(material: ChannelMaterial) -> TlsSettings:
    tls = material.directory / "orderer" / "orderers" / "orderer0" / "tls"
    return TlsSettings(
        certificate=tls / "server.crt",
        private_key=tls / "server.key",
        root_certificates=tls / "ca.crt",
        client_root_certificates=(tls / "ca.crt",),
        client_certificate_required=True,
    )


def test_a_server_loads_what_its_settings_name(channel_material: ChannelMaterial) -> None:
    tls = ServerTls.load(settings(channel_material))
    assert b"BEGIN CERTIFICATE" in tls.key_pair.certificate
    assert b"PRIVATE KEY" in tls.key_pair.private_key
    assert tls.client_roots == settings(channel_material).root_certificates.read_bytes()
    assert tls.requires_client_certificate
    assert tls.credentials() is not None


def test_a_client_trusts_its_own_roots_and_those_of_the_channel(
    channel_material: ChannelMaterial,
) -> None:
    tls = ClientTls.load(settings(channel_material)).trusting(b"more roots")
    assert tls.server_roots.endswith(b"more roots")
    assert tls.key_pair == KeyPair.load(settings(channel_material))


def test_the_hash_is_that_of_the_first_certificates_der(channel_material: ChannelMaterial) -> None:
    pem = settings(channel_material).certificate.read_text()
    expected = sha256(ssl.PEM_cert_to_DER_cert(pem))
    chain = (pem + settings(channel_material).root_certificates.read_text()).encode()
    assert certificate_hash(chain) == expected  # §1
    assert ClientTls(b"roots", KeyPair(chain, b"key")).certificate_hash == expected
    assert ClientTls(b"roots").certificate_hash == b""


def test_a_file_of_tls_that_is_missing_is_named(
    outcome: Outcome, channel_material: ChannelMaterial, tmp_path: Path
) -> None:
    missing = settings(channel_material).model_copy(update={"private_key": tmp_path / "gone.key"})
    with outcome.refuses(
        TlsMaterialError, leaves=files(tmp_path), match=r"gone\.key cannot be read: No such file"
    ):
        ServerTls.load(missing)


def test_requiring_client_certificates_without_roots_is_an_error(
    outcome: Outcome, tmp_path: Path
) -> None:
    tls = ServerTls(KeyPair(b"c", b"k"), requires_client_certificate=True)
    with outcome.refuses(TlsMaterialError, leaves=files(tmp_path), match="no authority is trusted"):
        tls.credentials()


@pytest.mark.parametrize("pem", [b"", b"junk", b"\xff"])
def test_what_is_no_certificate_is_refused_where_one_is_needed(
    outcome: Outcome, tmp_path: Path, pem: bytes
) -> None:
    with outcome.refuses(TlsMaterialError, leaves=files(tmp_path), match="not a PEM certificate"):
        certificate_hash(pem)
