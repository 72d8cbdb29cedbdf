"""One organisation's MSP: which certificates it stands by, and which roles their owners have.

The rules are those that Fabric applies from channel capability V1_4_3 on.

Source: wire.md §14.4-14.6.
"""

from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tallystick.node.membership import certificates
from tallystick.node.membership.authorities import (
    CertificateAuthorities,
    certifiers_identifier,
)
from tallystick.node.membership.certificates import describe, to_der
from tallystick.node.membership.errors import (
    CertificateError,
    IdentityError,
    InvalidIdentityError,
    MalformedIdentityError,
    MspConfigError,
)
from tallystick.node.membership.identity import Identity, NodeRole, OrganizationalUnit, PublicKey
from tallystick.node.membership.node_units import NodeUnits
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from tallystick.wire.errors import MalformedMessageError, WireError
from tallystick.wire.messages import decode

FABRIC_MSP_TYPE: Final = 0
_HASHES: Final = ("", "SHA2"), ("", "SHA256")


class Msp:
    """The members of one organisation.

    Attributes:
        msp_id: The name by which identities and policies refer to it.
        tls_root_certificates: PEM of the CAs, roots before intermediates, that certify the TLS keys
            of the organisation's nodes.
    """

    def __init__(self, config: FabricMSPConfig, *, ed25519: bool = False) -> None:
        """Check the definition and prepare everything that does not depend on an identity.

        Args:
            config: The definition.
            ed25519: Whether identities may have Ed25519 keys, as they may from channel capability
                V3_0 on. Elliptic-curve keys are always accepted.

        Raises:
            MspConfigError: The definition is not usable; the message names certificate and rule.
        """
        self.msp_id = config.name
        self._ed25519 = ed25519
        try:
            self._set_up(config)
        except (CertificateError, WireError) as error:
            raise MspConfigError(config.name, str(error)) from error

    @classmethod
    def from_config(cls, config: MSPConfig, *, ed25519: bool = False) -> "Msp":
        """Return the MSP that ``config`` defines; ``ed25519`` as for the constructor.

        Raises:
            MspConfigError: The definition is unreadable or not usable.
        """
        if config.type != FABRIC_MSP_TYPE:
            raise MspConfigError("", f"type {config.type} is not X.509, the only type supported")
        try:
            return cls(decode(FabricMSPConfig, config.config), ed25519=ed25519)
        except MalformedMessageError as error:
            raise MspConfigError("", str(error)) from error

    def deserialize(self, serialized: bytes) -> Identity:
        """Return the identity in ``SerializedIdentity`` bytes; `validate` says whether it counts.

        Raises:
            MalformedIdentityError: The bytes are not an identity of this MSP: its certificate
                cannot be read, or no single chain leads from it to this MSP.
        """
        try:
            message = decode(SerializedIdentity, serialized)
            block = certificates.first_pem_block(message.id_bytes)
            certificate = certificates.parse_certificate(block.der)
        except (MalformedMessageError, CertificateError) as error:
            raise MalformedIdentityError(self.msp_id, str(error)) from error
        if message.mspid != self.msp_id:
            raise MalformedIdentityError(self.msp_id, f"it names MSP {message.mspid!r}")
        return self._identity(serialized, certificate, flaw=_flaw(block))

    def validate(self, identity: Identity) -> None:
        """Return if this MSP stands by ``identity``. Expiry is not considered.

        Raises:
            InvalidIdentityError: It does not; the message says which rule is broken.
        """
        problem = self._problem(identity)
        if problem:
            raise InvalidIdentityError(self.msp_id, describe(identity.certificate), problem)

    def has_role(self, identity: Identity, role: NodeRole) -> bool:
        """Return whether a valid identity of this MSP has ``role``.

        Whoever the definition lists as an administrator is one, whatever its node OU.
        """
        if role is NodeRole.ADMIN and identity.fingerprint in self._admins:
            return True
        return role in identity.roles

    def _set_up(self, config: FabricMSPConfig) -> None:
        crypto = config.crypto_config
        if crypto.signature_hash_family not in _HASHES[0] or (
            crypto.identity_identifier_hash_function not in _HASHES[1]
        ):
            raise CertificateError(f"crypto_config must say SHA2 and SHA256, not {crypto}")
        if not config.name:
            raise CertificateError("it has no name")
        if not config.root_certs:
            raise CertificateError("it lists no root CA certificate")
        self._authorities = _authorities(config.root_certs, config.intermediate_certs)
        tls_certificates = (*config.tls_root_certs, *config.tls_intermediate_certs)
        _authorities(config.tls_root_certs, config.tls_intermediate_certs)
        self.tls_root_certificates = b"".join(pem.rstrip(b"\n") + b"\n" for pem in tls_certificates)
        self._revoked = self._revocations(
            map(certificates.load_revocation_list, config.revocation_list)
        )
        for authority in self._authorities.intermediates:
            if self._is_revoked(authority, self._authorities.chain(authority)[1]):
                raise CertificateError(f"CA {describe(authority)} is revoked: remove it")
        self._node_units = NodeUnits.from_config(config, self._authorities)
        self._required_units = {
            OrganizationalUnit(
                unit.organizational_unit_identifier,
                self._authorities.certifiers_of(certificates.load_certificate(unit.certificate)),
            )
            for unit in config.organizational_unit_identifiers
        }
        self._admins: frozenset[bytes] = frozenset()
        self._admins = frozenset(self._admin_fingerprints(config.admins))

    def _admin_fingerprints(self, admins: Iterable[bytes]) -> Iterable[bytes]:
        admins = list(admins)
        if not admins and not self._node_units.can_be(NodeRole.ADMIN):
            raise CertificateError(
                "nobody could administer it: list admin certificates, or enable NodeOUs with an "
                "AdminOUIdentifier"
            )
        for pem in admins:
            try:
                admin = self._identity(b"", certificates.load_certificate(pem))
                self._check_admin(admin)
            except IdentityError as error:
                raise CertificateError(f"an admin certificate is not valid: {error}") from error
            yield admin.fingerprint

    def _check_admin(self, admin: Identity) -> None:
        if not self._node_units.enabled:
            self.validate(admin)
        elif admin.roles.isdisjoint((NodeRole.ADMIN, NodeRole.CLIENT)):
            raise CertificateError(
                f"admin {describe(admin.certificate)} has neither the admin nor the client OU"
            )

    def _revocations(
        self, lists: Iterable[x509.CertificateRevocationList]
    ) -> frozenset[tuple[bytes, int]]:
        """Return the revoked certificates as (DER of the issuing CA, serial number)."""
        revoked: set[tuple[bytes, int]] = set()
        for revocation_list in lists:
            issuer_ski = certificates.authority_key_identifier(revocation_list)
            if issuer_ski is None:
                raise CertificateError("a revocation list lacks an authority key identifier")
            for authority in self._authorities.roots + self._authorities.intermediates:
                if certificates.subject_key_identifier(authority) != issuer_ski:
                    continue
                if _made_by(revocation_list, authority):
                    der = to_der(authority)
                    revoked.update((der, entry.serial_number) for entry in revocation_list)
        return frozenset(revoked)

    def _is_revoked(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        return (to_der(issuer), certificate.serial_number) in self._revoked

    def _identity(
        self, serialized: bytes, certificate: x509.Certificate, *, flaw: str = ""
    ) -> Identity:
        public_key = self._public_key(certificate)
        try:
            issuers = self._authorities.chain(certificate)[1:]
            canonical = (
                certificates.canonical_certificate(certificate, issuers[0])
                if issuers
                else certificate
            )
        except (CertificateError, WireError) as error:
            problem = f"{describe(certificate)}: {error}"
            raise MalformedIdentityError(self.msp_id, problem) from error
        certifiers = certifiers_identifier(issuers)
        units = tuple(
            OrganizationalUnit(name, certifiers)
            for name in certificates.organizational_units(certificate)
        )
        return Identity(
            msp_id=self.msp_id,
            serialized=serialized,
            certificate=canonical,
            issuers=issuers,
            public_key=public_key,
            fingerprint=certificates.fingerprint(canonical),
            not_after_ns=certificates.not_after_ns(canonical),
            organizational_units=units,
            roles=self._node_units.roles(units),
            flaw=flaw,
        )

    def _public_key(self, certificate: x509.Certificate) -> PublicKey:
        try:
            key = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MalformedIdentityError(self.msp_id, f"unreadable public key: {error}") from error
        if isinstance(key, EllipticCurvePublicKey):
            return key
        if isinstance(key, Ed25519PublicKey) and self._ed25519:
            return key
        raise MalformedIdentityError(
            self.msp_id,
            f"{describe(certificate)} has a {type(key).__name__}: use an elliptic-curve key, P-256 "
            "for instance",
        )

    def _problem(self, identity: Identity) -> str:
        """Return which rule ``identity`` breaks, empty if none. Order as in Fabric."""
        certificate = identity.certificate
        if certificates.is_ca(certificate) or not identity.issuers:
            return "it is a CA certificate, which cannot be used as an identity"
        issuer = identity.issuers[0]
        if not self._authorities.is_leaf(issuer):
            return (
                f"its issuer {describe(issuer)} has intermediate CAs below it; only CAs without "
                "such may issue identities"
            )
        if self._is_revoked(certificate, issuer):
            return "it has been revoked by its CA"
        if self._node_units.enabled:
            return self._node_units.problem(identity.organizational_units)
        required = self._required_units
        if required and required.isdisjoint(identity.organizational_units):
            wanted = sorted(unit.name for unit in required)
            return f"none of its organizational units is one of {', '.join(wanted)}"
        return ""


def _authorities(roots: Iterable[bytes], intermediates: Iterable[bytes]) -> CertificateAuthorities:
    return CertificateAuthorities(
        map(certificates.load_certificate, roots), map(certificates.load_certificate, intermediates)
    )


def _made_by(revocation_list: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    return isinstance(
        key, EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey
    ) and revocation_list.is_signature_valid(key)


def _flaw(block: certificates.PemBlock) -> str:
    if block.surplus:
        return f"{len(block.surplus)} bytes follow the PEM block of its certificate"
    if block.label not in ("CERTIFICATE", ""):
        return f"its PEM block is labelled {block.label!r} instead of 'CERTIFICATE'"
    return ""
