"""TLS material: wire.md §1."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
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


def encrypted(key: bytes) -> bytes:
    """Return the PEM of a key under a password."""
    return load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            ("certificate", "garbage"),
            r"wrong\.pem holds no certificates .* name the PEM of the",
        ),
        (
            ("certificate", "broken"),
            r"wrong\.pem holds no certificates .* name the PEM of the",
        ),
        (
            ("certificate", "of another"),
            r"server\.key belongs to another certificate than .*wrong\.pem",
        ),
        (
            ("private_key", "garbage"),
            r"wrong\.pem holds no private key .* name the PEM of an unencr",
        ),
        (("private_key", "encrypted"), r"wrong\.pem holds no private key .*is encrypted"),
        (("private_key", "key of another"), r"wrong\.pem belongs to another certificate than"),
        (
            ("root_certificates", "garbage"),
            r"wrong\.pem holds no certificates .* of the authorities",
        ),
        (
            ("client_root_certificates", "broken"),
            r"wrong\.pem holds no certificates .* authorities",
        ),
    ],
)
def test_a_file_of_tls_that_cannot_be_used_is_named(
    outcome: Outcome,
    channel_material: ChannelMaterial,
    tmp_path: Path,
    wrong: tuple[str, str],
    says: str,
) -> None:
    good = settings(channel_material)
    setting, content = wrong
    file = tmp_path / "wrong.pem"
    other = good.certificate.parents[3] / "users" / "Admin" / "tls"
    contents = {
        "garbage": b"garbage",
        "broken": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "of another": (other / "client.crt").read_bytes(),
        "encrypted": encrypted(good.private_key.read_bytes()),
        "key of another": (other / "client.key").read_bytes(),
    }
    file.write_bytes(contents[content])
    value = (file,) if setting == "client_root_certificates" else file
    load = ClientTls.load if setting == "root_certificates" else ServerTls.load
    with outcome.refuses(TlsMaterialError, leaves=files(tmp_path), match=says):
        load(good.model_copy(update={setting: value}))


def test_a_chain_of_certificates_and_a_key_of_openssl_are_used(
    channel_material: ChannelMaterial, tmp_path: Path
) -> None:
    good = settings(channel_material)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(good.certificate.read_bytes() + good.root_certificates.read_bytes())
    traditional = load_pem_private_key(good.private_key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    key.write_bytes(parameters + traditional)  # as `openssl ecparam -genkey` writes it
    tls = ServerTls.load(good.model_copy(update={"certificate": chain, "private_key": key}))
    assert tls.credentials() is not None


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
