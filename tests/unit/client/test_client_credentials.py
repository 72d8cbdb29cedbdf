"""Identities, keys and profiles: what is accepted, and what is said of the rest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.unit.client.conftest import Authorities, Client, FakePeer

from tallystick.client import Gateway, Identity, PrivateKeySigner
from tallystick.client.identity import CredentialError
from tallystick.client.profile import Profile, ProfileError
from tallystick.node.membership.ca import CertificateRequest
from tallystick.wire.hashing import sha256
from tallystick.wire.identities import serialize_identity
from tallystick.wire.signing import verify


def test_an_identity_is_its_msp_id_and_its_certificate_to_the_byte(
    authorities: Authorities,
) -> None:
    """§2."""
    pem = authorities.user.certificate_pem

    assert Identity("ATSMSP", pem).serialized == serialize_identity("ATSMSP", pem)


def test_identity_and_key_come_from_files(authorities: Authorities, tmp_path: Path) -> None:
    authorities.write_profile(tmp_path, "localhost:7051")
    identity = Identity.from_file("ATSMSP", tmp_path / "user.crt")
    signer = PrivateKeySigner.from_file(tmp_path / "user.key")

    verify(identity.public_key, signer.sign_digest(sha256(b"message")), b"message")
    assert signer.matches(identity)


def test_a_certificate_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(CredentialError, match="not a PEM certificate"):
        Identity("ATSMSP", b"nonsense")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"user\.key: No such file"):
        PrivateKeySigner.from_file(tmp_path / "user.key")


def ed25519_key() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted_key(authorities: Authorities) -> bytes:
    key = load_pem_private_key(authorities.user.key_pem, password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def test_only_an_open_elliptic_curve_key_can_sign(authorities: Authorities) -> None:
    with pytest.raises(CredentialError, match="Ed25519PrivateKey: use an EC P-256 key"):
        PrivateKeySigner.from_pem(ed25519_key())
    for pem in (b"nonsense", encrypted_key(authorities)):
        with pytest.raises(CredentialError, match="not an unencrypted PEM private key"):
            PrivateKeySigner.from_pem(pem)


def test_the_key_of_another_is_refused_at_once(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    other = authorities.authority.issue(CertificateRequest("other"), now=datetime.now(UTC))

    with pytest.raises(CredentialError, match="does not belong to the certificate"):
        Gateway.over(
            peer, identity=client.identity, signer=PrivateKeySigner.from_pem(other.key_pem)
        )


def test_paths_in_a_profile_are_relative_to_it(authorities: Authorities, tmp_path: Path) -> None:
    profile = Profile.load(authorities.write_profile(tmp_path, "localhost:7051"))

    assert (profile.channel, profile.msp_id) == ("securities", "ATSMSP")
    assert profile.key == tmp_path / "user.key"
    assert profile.tls_key is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(None, "is the network up", id="no file"),
        pytest.param("{", "not a client profile: file: Invalid JSON", id="no JSON"),
        pytest.param(
            '{"channel":"c","msp_id":"m","gateway":"g","tls_ca":"a","certificate":"b","key":"k",'
            '"tls_key":"t"}',
            "tls_certificate and tls_key go together",
            id="half a pair",
        ),
        pytest.param('{"channel": 7}', r"channel: .*msp_id: Field required", id="wrong fields"),
    ],
)
def test_a_profile_that_cannot_be_used_says_why(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    path = tmp_path / "ATSMSP.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ProfileError, match=problem):
        Profile.load(path)
