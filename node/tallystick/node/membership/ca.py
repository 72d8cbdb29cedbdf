"""A certificate authority that issues what a network needs: node, user and TLS certificates.

It keeps no record of what it issued: it serves development networks, tests, and members who will
bring a CA of their own. Keys are EC P-256.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tallystick.node.membership.certificates import (
    canonical_certificate,
    encode_attributes,
    load_certificate,
    organization,
    to_pem,
)
from tallystick.node.membership.signing_identity import load_private_key

_CLOCK_SKEW: Final = timedelta(minutes=5)
_AUTHORITY_LIFETIME: Final = timedelta(days=3650)
_CERTIFICATE_LIFETIME: Final = timedelta(days=3650)


class Purpose(Enum):
    """What an issued certificate is for."""

    SIGNING = "signing"
    TLS = "tls"


class KeySource(Protocol):
    """Where new keys and serial numbers come from."""

    @property
    def signs_repeatably(self) -> bool:
        """Whether authorities sign by RFC 6979: same keys and numbers, same certificates."""

    def new_key(self) -> ec.EllipticCurvePrivateKey:
        """Return a key on P-256 that nobody else has."""

    def serial_number(self) -> int:
        """Return a number that no other certificate of an authority has."""


class SystemKeys(KeySource):
    """Keys and numbers from the operating system's randomness."""

    signs_repeatably = False

    def new_key(self) -> ec.EllipticCurvePrivateKey:
        """Return a new key on P-256."""
        return ec.generate_private_key(ec.SECP256R1())

    def serial_number(self) -> int:
        """Return a random number of 159 bits."""
        return x509.random_serial_number()


SYSTEM_KEYS: Final = SystemKeys()


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM; the key is PKCS#8 and not encrypted."""

    certificate_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """Whom to certify.

    Attributes:
        common_name: CN of the subject.
        organizational_units: OUs of the subject; a node OU such as ``peer`` gives the role.
        hosts: DNS names and IP addresses under which the owner will be reached.
        attributes: What the CA shall certify for chaincode to read.
        purpose: Signing, or TLS as server and as client.
        lifetime: How long the certificate shall be valid, from the time it is issued.
    """

    common_name: str
    organizational_units: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    purpose: Purpose = Purpose.SIGNING
    lifetime: timedelta = _CERTIFICATE_LIFETIME


class CertificateAuthority:
    """A CA: its certificate, its key, and the certificates it issues.

    Attributes:
        certificate: The CA's own certificate.
    """

    def __init__(
        self,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        keys: KeySource = SYSTEM_KEYS,
    ) -> None:
        self.certificate = certificate
        self._key = key
        self._keys = keys

    @classmethod
    def create(
        cls, common_name: str, organization: str, *, now: datetime, keys: KeySource = SYSTEM_KEYS
    ) -> "CertificateAuthority":
        """Return a new root CA, valid from shortly before ``now``.

        Args:
            common_name: CN of its subject, such as ``ca.clearing.example``.
            organization: O of its subject and of everybody it certifies.
            now: Timezone-aware.
            keys: Where its own key, and those of everybody it certifies, come from.
        """
        key = keys.new_key()
        subject = _name(common_name, organization)
        builder = _builder(subject, subject, key.public_key(), (now, _AUTHORITY_LIFETIME), keys)
        return cls(_sign_authority(builder, key, key.public_key(), keys), key, keys)

    @classmethod
    def from_pem(cls, pair: KeyPair) -> "CertificateAuthority":
        """Return the CA whose certificate and key were saved with `to_pem`.

        Raises:
            CertificateError: One of them cannot be read.
        """
        return cls(load_certificate(pair.certificate_pem), load_private_key(pair.key_pem))

    def to_pem(self) -> KeyPair:
        """Return the CA's certificate and key; whoever has the key can certify anybody."""
        return KeyPair(to_pem(self.certificate), private_key_pem(self._key))

    def create_intermediate(self, common_name: str, *, now: datetime) -> "CertificateAuthority":
        """Return a new CA below this one.

        From then on an MSP that lists both accepts identities from the new CA only.
        """
        key = self._keys.new_key()
        subject = _name(common_name, self._organization)
        validity = (now, _AUTHORITY_LIFETIME)
        issuer = self.certificate.subject
        builder = _builder(subject, issuer, key.public_key(), validity, self._keys)
        builder = builder.add_extension(self._key_identifier(), critical=False)
        certificate = _sign_authority(builder, self._key, key.public_key(), self._keys)
        canonical = canonical_certificate(certificate, self.certificate)
        return CertificateAuthority(canonical, key, self._keys)

    def issue(self, request: CertificateRequest, *, now: datetime) -> KeyPair:
        """Return a new key and the certificate for it, valid from shortly before ``now``."""
        key = self._keys.new_key()
        certificate_pem = self.certify(key.public_key(), request, now=now)
        return KeyPair(certificate_pem, private_key_pem(key))

    def certify(
        self, public_key: ec.EllipticCurvePublicKey, request: CertificateRequest, *, now: datetime
    ) -> bytes:
        """Return the PEM certificate for a key that its owner keeps, in a security module say.

        Its validity begins shortly before ``now``. That the request comes from the owner is for the
        caller to know.
        """
        subject = _name(request.common_name, self._organization, request.organizational_units)
        validity = (now, request.lifetime)
        builder = _builder(subject, self.certificate.subject, public_key, validity, self._keys)
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(request.purpose), critical=True)
            .add_extension(self._key_identifier(), critical=False)
        )
        if request.purpose is Purpose.TLS:
            usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if request.hosts:
            names = x509.SubjectAlternativeName(list(map(_host_name, request.hosts)))
            builder = builder.add_extension(names, critical=False)
        if request.attributes:
            builder = builder.add_extension(encode_attributes(request.attributes), critical=False)
        certificate = _signed(builder, self._key, self._keys)
        return to_pem(canonical_certificate(certificate, self.certificate))

    def revoke(self, certificates: list[x509.Certificate], *, now: datetime) -> bytes:
        """Return a PEM revocation list that names ``certificates``, for an MSP's ``crls``."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + _AUTHORITY_LIFETIME)
            .add_extension(self._key_identifier(), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for certificate in certificates:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now).build())
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    @property
    def _organization(self) -> str:
        return organization(self.certificate)

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        identifier = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


def private_key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return ``key`` as PKCS#8 PEM, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common_name: str, organization: str, units: tuple[str, ...] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    validity: tuple[datetime, timedelta],
    keys: KeySource,
) -> x509.CertificateBuilder:
    now, lifetime = validity
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(keys.serial_number())
        .not_valid_before(now - _CLOCK_SKEW)  # nodes whose clocks are a little behind accept it too
        .not_valid_after(now + lifetime)
    )


def _sign_authority(
    builder: x509.CertificateBuilder,
    signing_key: ec.EllipticCurvePrivateKey,
    public_key: ec.EllipticCurvePublicKey,
    keys: KeySource,
) -> x509.Certificate:
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_authority_usage(), critical=True)
        .add_extension(identifier, critical=False)
    )
    certificate = _signed(builder, signing_key, keys)
    is_root = certificate.issuer == certificate.subject
    return canonical_certificate(certificate, certificate) if is_root else certificate


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, keys: KeySource
) -> x509.Certificate:
    # None and not False: an OpenSSL that cannot sign by RFC 6979 need not be asked.
    return builder.sign(key, SHA256(), ecdsa_deterministic=keys.signs_repeatably or None)


def _usage(*granted: str) -> x509.KeyUsage:
    kinds = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{kind: kind in granted for kind in kinds})


def _key_usage(purpose: Purpose) -> x509.KeyUsage:
    if purpose is Purpose.TLS:
        return _usage("digital_signature", "key_encipherment")
    return _usage("digital_signature")


def _authority_usage() -> x509.KeyUsage:
    return _usage("digital_signature", "key_cert_sign", "crl_sign")


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
