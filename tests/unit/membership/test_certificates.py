import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tallystick.node.membership import certificates
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.errors import CertificateError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BLOCK = b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"


@pytest.fixture
def authority() -> CertificateAuthority:
    return CertificateAuthority.create("ca", "org", now=NOW)


@pytest.mark.parametrize(
    ("text", "surplus"),
    [
        pytest.param(BLOCK, b"", id="one block and its line end"),
        pytest.param(BLOCK.rstrip(b"\n"), b"", id="no line end"),
        pytest.param(BLOCK.replace(b"\n", b"\r\n"), b"", id="line ends of Windows"),
        pytest.param(BLOCK.rstrip(b"\n") + b" \t\n", b"", id="spaces before the line end"),
        pytest.param(b"preface\n" + BLOCK, b"", id="text in front is skipped"),
        pytest.param(BLOCK.replace(b"AAEC", b"====") + BLOCK, b"", id="a broken block is skipped"),
        pytest.param(
            BLOCK.replace(b"AAEC", b"Proc-Type: 4,X\nKey: a-b\n\nAAEC"),
            b"",
            id="headers are skipped",
        ),
        pytest.param(BLOCK + b"\n", b"\n", id="an empty line is surplus"),
        pytest.param(BLOCK + BLOCK, BLOCK, id="a second block is surplus"),
    ],
)
def test_pem_is_read_as_fabric_reads_it(text: bytes, surplus: bytes) -> None:
    """§14.5: trailing data behind the PEM block."""
    block = certificates.first_pem_block(text)
    assert (block.label, block.der, block.surplus) == ("CERTIFICATE", b"\0\1\2", surplus)


@pytest.mark.parametrize(
    "text",
    [b"", b"hello", BLOCK[:-10], b"x" + BLOCK, BLOCK.replace(b"END C", b"END X")],
    ids=["empty", "no block", "cut short", "not at the start of a line", "labels differ"],
)
def test_text_without_a_whole_pem_block_is_refused(text: bytes) -> None:
    with pytest.raises(CertificateError, match="no PEM block"):
        certificates.first_pem_block(text)


@pytest.mark.parametrize(
    "line",
    [b"-----BEGIN A:-----\n", b"-----BEGIN A-----\n", b"-----BEGIN A-----\na:b\n", b"a:b\n"],
)
def test_the_time_for_a_text_grows_with_its_length_and_not_with_its_square(line: bytes) -> None:
    """Whoever can send a message can send this as the certificate of its creator."""
    text = line * (2_000_000 // len(line))
    begun = time.perf_counter()
    with pytest.raises(CertificateError, match="no PEM block"):
        certificates.first_pem_block(text)
    assert time.perf_counter() - begun < 5, "where it grew with the square it took an hour"
    assert certificates.first_pem_block(text + b"text\n" + BLOCK).der == b"\0\1\2"


def test_bytes_that_are_no_certificate_are_refused() -> None:
    with pytest.raises(CertificateError, match=r"not an X\.509 certificate"):
        certificates.load_certificate(BLOCK)


def with_other_half(certificate: x509.Certificate) -> x509.Certificate:
    """Return the same certificate with the other of its issuer's two valid signatures."""
    r, s = decode_dss_signature(certificate.signature)
    other = encode_dss_signature(r, P256_ORDER - s)
    encoded = certificates.to_der(certificate)
    signed = certificate.tbs_certificate_bytes
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    assert algorithm in encoded
    body = signed + algorithm + bytes((0x03, len(other) + 1, 0)) + other
    return certificates.parse_certificate(b"\x30\x82" + len(body).to_bytes(2, "big") + body)


def test_both_halves_of_a_signature_make_the_same_canonical_certificate(
    authority: CertificateAuthority,
) -> None:
    """§2, certificate canonicalisation."""
    pair = authority.issue(CertificateRequest("user", ("client",)), now=NOW)
    low = certificates.load_certificate(pair.certificate_pem)
    high = with_other_half(low)
    assert certificates.fingerprint(high) != certificates.fingerprint(low)
    canonical = certificates.canonical_certificate(high, authority.certificate)
    assert certificates.fingerprint(canonical) == certificates.fingerprint(low)
    assert certificates.canonical_certificate(low, authority.certificate) is low


def test_attributes_come_back_as_they_were_certified(authority: CertificateAuthority) -> None:
    """§14: the attributes extension, OID 1.2.3.4.5.6.7.8.1."""
    wanted = {"role": "trader", "hf.EnrollmentID": "alice"}
    pair = authority.issue(CertificateRequest("alice", attributes=wanted), now=NOW)
    certificate = certificates.load_certificate(pair.certificate_pem)
    assert certificates.attributes(certificate) == wanted
    extension = certificate.extensions.get_extension_for_oid(certificates.ATTRIBUTES_OID).value
    assert isinstance(extension, x509.UnrecognizedExtension)
    assert json.loads(extension.value) == {"attrs": wanted}


def test_a_certificate_without_attributes_has_none(authority: CertificateAuthority) -> None:
    assert certificates.attributes(authority.certificate) == {}


def test_the_end_of_validity_is_in_nanoseconds(authority: CertificateAuthority) -> None:
    request = CertificateRequest("user", lifetime=timedelta(hours=1))
    pair = authority.issue(request, now=NOW)
    certificate = certificates.load_certificate(pair.certificate_pem)
    end = int((NOW + timedelta(hours=1)).timestamp()) * 1_000_000_000
    assert certificates.not_after_ns(certificate) == end


def test_revocation_lists_may_be_pem_or_der(authority: CertificateAuthority) -> None:
    """§14.6, revocation_list."""
    pem = authority.revoke([authority.certificate], now=NOW)
    from_pem = certificates.load_revocation_list(pem)
    from_der = certificates.load_revocation_list(from_pem.public_bytes(Encoding.DER))
    assert from_pem == from_der
    assert certificates.authority_key_identifier(from_der) == certificates.subject_key_identifier(
        authority.certificate
    )


def test_bytes_that_are_no_revocation_list_are_refused() -> None:
    with pytest.raises(CertificateError, match="not a certificate revocation list"):
        certificates.load_revocation_list(b"nothing of the kind")


@pytest.mark.parametrize("value", [b"no JSON", b"[]", b'{"attrs": 7}', b"{}"])
def test_attributes_that_cannot_be_read_are_an_error(value: bytes) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    extension = x509.UnrecognizedExtension(certificates.ATTRIBUTES_OID, value)
    certificate = builder.add_extension(extension, critical=False).sign(key, SHA256())
    with pytest.raises(CertificateError, match="is not JSON of the form"):
        certificates.attributes(certificate)


def test_a_certificate_of_an_rsa_authority_is_canonical_as_it_is() -> None:
    """§2: only ECDSA signatures have two halves."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    certificate = builder.sign(key, SHA256())
    assert certificates.canonical_certificate(certificate, certificate) is certificate


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_negative_serial_number_is_refused(authority: CertificateAuthority) -> None:
    encoded = bytearray(certificates.to_der(authority.certificate))
    start = encoded.index(bytes.fromhex("a003020102")) + 5  # what follows the version
    assert encoded[start] == 0x02
    encoded[start + 2] = 0x80  # 0xFF could be a superfluous byte, depending on the next one
    with pytest.raises(CertificateError, match="serial number is negative"):
        certificates.parse_certificate(bytes(encoded))
