"""Who the client is, and how it proves it. Source: wire.md §2."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tallystick.client.errors import ClientError, MissingSignerError
from tallystick.wire.hashing import sha256
from tallystick.wire.identities import serialize_identity
from tallystick.wire.signing import sign_digest, to_low_s


class CredentialError(ClientError):
    """A certificate or private key cannot be used."""


class SigningError(ClientError):
    """A signer, and be it a device, did not sign."""


class Identity:
    """An organisation's X.509 certificate of a user.

    Attributes:
        msp_id: The organisation.
        certificate_pem: The certificate, byte for byte as the ledger will see it.
        serialized: ``SerializedIdentity`` bytes, as creator fields hold them.
        public_key: The certificate's.
    """

    __slots__ = ("certificate_pem", "msp_id", "public_key", "serialized")

    def __init__(self, msp_id: str, certificate_pem: bytes) -> None:
        """Raise CredentialError if the certificate cannot be read or has no elliptic-curve key."""
        try:
            public_key = x509.load_pem_x509_certificate(certificate_pem).public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CredentialError(f"not a PEM certificate: {error}") from error
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise CredentialError(
                f"the certificate holds a {type(public_key).__name__}: use an EC P-256 key"
            )
        self.msp_id = msp_id
        self.certificate_pem = certificate_pem
        self.serialized = serialize_identity(msp_id, certificate_pem)
        self.public_key = public_key

    @classmethod
    def from_file(cls, msp_id: str, certificate: Path) -> Self:
        """Return the identity whose certificate is in a PEM file.

        Raises:
            CredentialError: The file cannot be read, or holds no such certificate.
        """
        return cls(msp_id, read_pem(certificate))


class DigestSigner(Protocol):
    """Something that signs with the identity's private key, wherever the key is kept."""

    def sign_digest(self, digest: bytes) -> bytes | Awaitable[bytes]:
        """Return the DER signature of the message whose SHA-256 is ``digest``; any s will do.

        It is called on the event loop: what has to wait for a device returns an awaitable.

        Raises:
            SigningError: There is no signature, for a reason that is in the message.
        """


@runtime_checkable
class KeyedSigner(DigestSigner, Protocol):
    """A signer that knows its public key."""

    def matches(self, identity: Identity) -> bool:
        """Return whether the key is that of the identity's certificate."""


class PrivateKeySigner:
    """Signs with a private key in memory."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._private_key = private_key

    @classmethod
    def from_pem(cls, key_pem: bytes) -> Self:
        """Return the signer of an unencrypted PKCS#8 or SEC 1 private key.

        Raises:
            CredentialError: There is no such key in it.
        """
        try:
            key = load_pem_private_key(key_pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise CredentialError(f"not an unencrypted PEM private key: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CredentialError(f"the private key is a {type(key).__name__}: use an EC P-256 key")
        return cls(key)

    @classmethod
    def from_file(cls, key: Path) -> Self:
        """Return the signer of a private key in a PEM file.

        Raises:
            CredentialError: The file cannot be read, or holds no such key.
        """
        return cls.from_pem(read_pem(key))

    def sign_digest(self, digest: bytes) -> bytes:
        """Return a low-s signature."""
        return sign_digest(self._private_key, digest)

    def matches(self, identity: Identity) -> bool:
        """Return whether the key is that of the identity's certificate."""
        return self._private_key.public_key() == identity.public_key


class SigningIdentity:
    """An identity and, unless all signing is done elsewhere, its signer.

    Attributes:
        identity: ``SerializedIdentity`` bytes.
    """

    __slots__ = ("_curve", "_signer", "identity")

    def __init__(self, identity: Identity, signer: DigestSigner | None) -> None:
        """Raise CredentialError if the signer's private key is known to be another's."""
        if isinstance(signer, KeyedSigner) and not signer.matches(identity):
            raise CredentialError(
                f"the private key does not belong to the certificate of {identity.msp_id}"
            )
        self.identity = identity.serialized
        self._curve = identity.public_key.curve
        self._signer = signer

    async def sign(self, message: bytes) -> bytes:
        """Return a low-s signature over ``message``.

        Raises:
            MissingSignerError: There is no signer.
            SigningError: The signer did not sign.
        """
        if self._signer is None:
            raise MissingSignerError(
                "this gateway has no signer: sign the digest elsewhere and add the signature,"
                " or connect with a signer"
            )
        signature = self._signer.sign_digest(sha256(message))
        if not isinstance(signature, bytes):
            signature = await signature
        return self.normalised(signature)

    def normalised(self, signature: bytes) -> bytes:
        """Return the low-s form of a signature of this identity, the only one that peers accept.

        Raises:
            BadSignatureError: It is not a DER signature.
        """
        return to_low_s(signature, self._curve)


def read_pem(path: Path) -> bytes:
    """Return the bytes of a PEM file.

    Raises:
        CredentialError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialError(f"cannot read {path}: {error.strerror}") from error
