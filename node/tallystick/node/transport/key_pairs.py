"""Whether a private key is that of a certificate. Pure."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)


class UnusableKeyError(ValueError):
    """What should be the PEM of an unencrypted private key is none."""


def public_key_in(private_key: bytes) -> PublicKeyTypes:
    """Return the public key that belongs to the PEM of an unencrypted private key.

    Raises:
        UnusableKeyError: It is no such PEM.
    """
    try:
        # Whether an RSA key's numbers are sound takes long to find out, and is not asked here.
        return load_pem_private_key(
            private_key, None, unsafe_skip_rsa_key_validation=True
        ).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKeyError(str(error)) from error


def belongs_to(public_key: PublicKeyTypes, certificate: x509.Certificate) -> bool:
    """Return whether ``certificate`` is one for ``public_key``."""
    try:
        certified = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    return _encoded(public_key) == _encoded(certified)


def _encoded(key: PublicKeyTypes | CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
