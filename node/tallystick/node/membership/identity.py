"""One member of one organisation, as its certificate describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tallystick.node.membership import certificates
from tallystick.protos.msp.msp_principal_pb2 import MSPRole
from tallystick.wire.signing import BadSignatureError, verify

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey


class NodeRole(IntEnum):
    """What a certificate's node OU makes its owner; the numbers are those of ``MSPRole``."""

    ADMIN = MSPRole.ADMIN
    CLIENT = MSPRole.CLIENT
    PEER = MSPRole.PEER
    ORDERER = MSPRole.ORDERER

    @property
    def word(self) -> str:
        """The role as policies and certificates spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class OrganizationalUnit:
    """An OU of a subject, together with who certified it.

    Attributes:
        name: The OU.
        certifiers: SHA-256 of the DER of the CA certificates above the identity, issuer first.
    """

    name: str
    certifiers: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """A member of an organisation. Made by an `Msp`; compared by object, so that it keys caches.

    Attributes:
        msp_id: The organisation's MSP.
        serialized: The ``SerializedIdentity`` bytes that it was read from.
        certificate: The certificate in canonical form (wire.md §2).
        issuers: The CA certificates above it, issuer first, root last.
        public_key: Verifies its signatures.
        fingerprint: SHA-256 of the canonical certificate; tells the identities of an MSP apart.
        not_after_ns: When the certificate expires, in nanoseconds since the epoch, UTC.
        organizational_units: OUs of the subject.
        roles: Roles by node OU; empty in an MSP that does not use node OUs.
        flaw: What keeps the serialized form from being acceptable for the creator of an envelope,
            though not for an endorser; empty if nothing does.
    """

    msp_id: str
    serialized: bytes
    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...]
    public_key: PublicKey
    fingerprint: bytes
    not_after_ns: int
    organizational_units: tuple[OrganizationalUnit, ...]
    roles: frozenset[NodeRole]
    flaw: str = ""

    @property
    def is_node(self) -> bool:
        """Whether this is a peer or an orderer of its organisation, by its node OU."""
        return not self.roles.isdisjoint({NodeRole.PEER, NodeRole.ORDERER})

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if this identity signed exactly ``message``.

        Raises:
            BadSignatureError: It did not, or the signature has a high s.
        """
        key = self.public_key
        if isinstance(key, EllipticCurvePublicKey):
            verify(key, signature, message)
            return
        try:
            key.verify(signature, message)
        except InvalidSignature as error:
            raise BadSignatureError("mismatch") from error

    @property
    def attributes(self) -> Mapping[str, str]:
        """The attributes that the CA certified, such as ``hf.EnrollmentID``.

        Raises:
            CertificateError: The certificate's attribute extension cannot be read.
        """
        return certificates.attributes(self.certificate)

    @property
    def common_name(self) -> str:
        """The subject's common name."""
        return certificates.common_name(self.certificate)

    def __str__(self) -> str:
        """Return the MSP and the certificate, for error messages."""
        return f"{self.msp_id} {certificates.describe(self.certificate)}"
