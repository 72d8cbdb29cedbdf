"""Reading X.509 certificates and revocation lists the way Fabric reads them.

Fabric is written in Go, and which bytes pass for a certificate is part of what decides a
transaction's validity; so PEM is read here by Go's rules, not by those of another library.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from tallystick.node.membership.errors import CertificateError
from tallystick.wire import der
from tallystick.wire.hashing import sha256
from tallystick.wire.signing import to_low_s

ATTRIBUTES_OID: Final = x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1")
"""Extension in which Fabric's CA certifies attributes: JSON ``{"attrs": {name: value}}``."""

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

# Dashes around a label, and headers with a colon if any. What was read as a header is not looked
# at again: else a text of nothing but beginnings would take the square of its length in time.
_PEM_BEGIN: Final = re.compile(
    rb"(?m:^)-----BEGIN (?P<label>[^\n-]*)-----[ \t\r]*\n(?:[^\n:]*:[^\n]*\n)*+"
)
# Base64 lines, and whatever whitespace ends the last line.
_PEM_END: Final = re.compile(rb"(?P<body>[^-]*)-----END (?P<label>[^\n-]*)-----[ \t]*\r?(?:\n|\Z)")
_ECDSA_ALGORITHMS: Final = frozenset({
    SignatureAlgorithmOID.ECDSA_WITH_SHA1,
    SignatureAlgorithmOID.ECDSA_WITH_SHA224,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
})  # fmt: skip
# What the library raises about parts of a certificate, at the first look at them.
_UNREADABLE: Final = (
    TypeError,
    ValueError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BIT_STRING: Final = 0x03
_NO_UNUSED_BITS: Final = b"\x00"


@dataclass(frozen=True, slots=True)
class PemBlock:
    """The first PEM block of a text.

    Attributes:
        label: What the block says it holds, such as ``CERTIFICATE``.
        der: The decoded content.
        surplus: The bytes behind the block. One line end belongs to the block.
    """

    label: str
    der: bytes
    surplus: bytes


def first_pem_block(text: bytes) -> PemBlock:
    """Return the first whole PEM block in ``text``; what comes before it is skipped.

    Raises:
        CertificateError: There is none.
    """
    start = 0
    while begin := _PEM_BEGIN.search(text, start):
        start = begin.end()  # a broken block does not hide the next one, wherever that begins
        end = _PEM_END.match(text, start)
        if end is None or end["label"] != begin["label"]:
            continue
        with suppress(binascii.Error):
            content = base64.b64decode(b"".join(end["body"].split()), validate=True)
            label = begin["label"].decode("ascii", "replace")
            return PemBlock(label, content, text[end.end() :])
    raise CertificateError("no PEM block: expected text that starts with -----BEGIN")


def parse_certificate(der_bytes: bytes) -> x509.Certificate:
    """Return the certificate in DER bytes.

    Raises:
        CertificateError: The bytes are no certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(der_bytes)
        _parse_lazy_parts(certificate)
    except _UNREADABLE as error:
        raise CertificateError(f"not an X.509 certificate: {error}") from error
    if certificate.serial_number < 0:  # Go refuses it, and so must every peer
        raise CertificateError("not an X.509 certificate: its serial number is negative")
    return certificate


def load_certificate(pem: bytes) -> x509.Certificate:
    """Return the certificate in the first PEM block of ``pem``.

    Raises:
        CertificateError: There is no block, or it holds no certificate.
    """
    return parse_certificate(first_pem_block(pem).der)


def load_revocation_list(data: bytes) -> x509.CertificateRevocationList:
    """Return a revocation list given as PEM or as DER.

    Raises:
        CertificateError: It is neither.
    """
    der_bytes = first_pem_block(data).der if data.startswith(b"-----BEGIN X509 CRL") else data
    try:
        revocation_list = x509.load_der_x509_crl(der_bytes)
        _parse_lazy_parts(revocation_list)
    except _UNREADABLE as error:
        raise CertificateError(f"not a certificate revocation list: {error}") from error
    return revocation_list


def to_pem(certificate: x509.Certificate) -> bytes:
    """Return ``certificate`` as one PEM block."""
    return certificate.public_bytes(Encoding.PEM)


def to_der(certificate: x509.Certificate) -> bytes:
    """Return the bytes of ``certificate``, as they were parsed."""
    return certificate.public_bytes(Encoding.DER)


def fingerprint(certificate: x509.Certificate) -> bytes:
    """Return the 32-byte SHA-256 of the certificate's DER form."""
    return sha256(to_der(certificate))


def signature_is_ecdsa(certificate: x509.Certificate) -> bool:
    """Return whether an elliptic-curve key signed ``certificate``."""
    return certificate.signature_algorithm_oid in _ECDSA_ALGORITHMS


def canonical_certificate(
    certificate: x509.Certificate, issuer: x509.Certificate
) -> x509.Certificate:
    """Return ``certificate`` with its issuer's signature in the low-s form.

    Two encodings of one certificate, which differ in the half that s is in, must count as one
    identity. Certificates that were not signed with ECDSA come back as they are.

    Raises:
        WireError: The issuer's signature or its key is not one that Fabric can read.

    Source: wire.md §2.
    """
    issuer_key = issuer.public_key()
    if not signature_is_ecdsa(certificate) or not isinstance(issuer_key, ec.EllipticCurvePublicKey):
        return certificate
    signature = to_low_s(certificate.signature, issuer_key.curve)
    if signature == certificate.signature:
        return certificate
    encoded = to_der(certificate)
    start, _ = der.element_span(encoded, 0, der.SEQUENCE)
    _, signed_end = der.element_span(encoded, start, der.SEQUENCE)
    _, algorithm_end = der.element_span(encoded, signed_end, der.SEQUENCE)
    bit_string = der.element(_BIT_STRING, _NO_UNUSED_BITS + signature)
    return parse_certificate(der.element(der.SEQUENCE, encoded[start:algorithm_end] + bit_string))


def extension(
    certificate: x509.Certificate | x509.CertificateRevocationList, kind: type[ExtensionT]
) -> ExtensionT | None:
    """Return the extension of a certificate or revocation list, or None if it has none such."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def subject_key_identifier(certificate: x509.Certificate) -> bytes | None:
    """Return the SKI by which revocation lists refer to a CA, or None if it has none."""
    found = extension(certificate, x509.SubjectKeyIdentifier)
    return None if found is None else found.digest


def authority_key_identifier(revocation_list: x509.CertificateRevocationList) -> bytes | None:
    """Return the SKI of the CA that issued a revocation list, or None if the list does not say."""
    found = extension(revocation_list, x509.AuthorityKeyIdentifier)
    return None if found is None else found.key_identifier


def is_ca(certificate: x509.Certificate) -> bool:
    """Return whether ``certificate`` carries the CA flag."""
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def organizational_units(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return every OU of the subject, in the order in which the certificate lists them."""
    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return tuple(str(unit.value) for unit in units)


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's common name; empty if there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def organization(certificate: x509.Certificate) -> str:
    """Return the subject's organisation; empty if there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(names[0].value) if names else ""


def attributes(certificate: x509.Certificate) -> Mapping[str, str]:
    """Return the attributes that Fabric's CA wrote into ``certificate``; empty if it wrote none.

    Raises:
        CertificateError: The extension is there but does not hold attributes.
    """
    try:
        found = certificate.extensions.get_extension_for_oid(ATTRIBUTES_OID).value
    except x509.ExtensionNotFound:
        return {}
    assert isinstance(found, x509.UnrecognizedExtension)
    try:
        listed = json.loads(found.value)["attrs"]
        return {str(name): str(value) for name, value in listed.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CertificateError(
            f"extension {ATTRIBUTES_OID.dotted_string} of {describe(certificate)} is not JSON of "
            "the form {'attrs': {name: value}}"
        ) from error


def encode_attributes(values: Mapping[str, str]) -> x509.UnrecognizedExtension:
    """Return the extension that `attributes` reads."""
    document = json.dumps({"attrs": dict(sorted(values.items()))}, separators=(",", ":"))
    return x509.UnrecognizedExtension(ATTRIBUTES_OID, document.encode())


def not_after_ns(certificate: x509.Certificate) -> int:
    """Return when ``certificate`` expires, in nanoseconds since the epoch, UTC."""
    lifetime = certificate.not_valid_after_utc - _EPOCH
    return (lifetime.days * 86_400 + lifetime.seconds) * 1_000_000_000


def describe(certificate: x509.Certificate) -> str:
    """Return what an operator needs to find ``certificate``: its subject and serial number."""
    return f"{certificate.subject.rfc4514_string()} (serial {certificate.serial_number:x})"


def _parse_lazy_parts(parsed: x509.Certificate | x509.CertificateRevocationList) -> None:
    """Raise one of _UNREADABLE now, rather than wherever a part is first looked at."""
    _ = parsed.issuer, parsed.extensions, parsed.signature_algorithm_oid
    if isinstance(parsed, x509.Certificate):
        _ = parsed.subject, parsed.not_valid_before_utc, parsed.not_valid_after_utc
