"""An identity together with its private key: how a node or a user signs."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tallystick.node.membership import certificates
from tallystick.node.membership.errors import CertificateError, MaterialError
from tallystick.wire.identities import serialize_identity
from tallystick.wire.signing import sign


class SigningIdentity:
    """A certificate and its private key; satisfies `tallystick.wire.signing.Signer`.

    Attributes:
        msp_id: The MSP that should vouch for the certificate.
        certificate_pem: The certificate, byte for byte as others will see it.
        identity: ``SerializedIdentity`` bytes.
    """

    def __init__(
        self, msp_id: str, certificate_pem: bytes, private_key: EllipticCurvePrivateKey
    ) -> None:
        """Raise CertificateError if the key is not the certificate's."""
        certificate = certificates.load_certificate(certificate_pem)
        if certificate.public_key() != private_key.public_key():
            raise CertificateError(
                f"the private key is not that of {certificates.describe(certificate)}"
            )
        self.msp_id = msp_id
        self.certificate_pem = certificate_pem
        self.identity = serialize_identity(msp_id, certificate_pem)
        self._private_key = private_key

    @classmethod
    def from_pem(cls, msp_id: str, certificate_pem: bytes, key_pem: bytes) -> "SigningIdentity":
        """Return the identity of a certificate and its PKCS#8 or SEC 1 private key.

        Raises:
            CertificateError: One of them cannot be read, or they do not belong together.
        """
        return cls(msp_id, certificate_pem, load_private_key(key_pem))

    @classmethod
    def from_directory(cls, msp_directory: Path, msp_id: str) -> "SigningIdentity":
        """Return the identity in a local MSP directory: a certificate, and its key in ``keystore``.

        Raises:
            MaterialError: There is not exactly one certificate, or no key fits it.
        """
        certificate, certificate_pem = own_certificate(msp_directory)
        keystore = msp_directory / "keystore"
        for path in sorted(path for path in keystore.glob("*") if path.is_file()):
            try:
                return cls.from_pem(msp_id, certificate_pem, path.read_bytes())
            except CertificateError:
                continue  # a keystore may hold other keys too
        raise MaterialError(
            str(keystore),
            f"no private key here belongs to {certificate}: copy the key of that certificate",
        )

    def sign(self, message: bytes) -> bytes:
        """Return a low-s signature over ``message``."""
        return sign(self._private_key, message)


def own_certificate(msp_directory: Path) -> tuple[Path, bytes]:
    """Return the one certificate in ``signcerts`` of a local MSP directory: its file, and the PEM.

    Raises:
        MaterialError: There is not exactly one.
    """
    signcerts = msp_directory / "signcerts"
    found = sorted(signcerts.glob("*.pem"))
    if len(found) != 1:
        raise MaterialError(str(signcerts), f"expected one certificate (*.pem), found {len(found)}")
    return found[0], found[0].read_bytes()


def load_private_key(pem: bytes) -> EllipticCurvePrivateKey:
    """Return the elliptic-curve key in ``pem``, which must not be encrypted.

    Raises:
        CertificateError: There is no such key in it.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            "not an unencrypted PEM private key: write it as PKCS #8 without a passphrase"
        ) from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise CertificateError(f"the private key is a {type(key).__name__}: use an EC P-256 key")
    return key
