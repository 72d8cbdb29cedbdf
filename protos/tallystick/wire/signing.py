"""Signatures: ECDSA over SHA-256, in DER, with s in the lower half of the curve's order.

For each ECDSA signature (r, s) there is a second valid one, (r, n - s). Fabric takes only the one
with the smaller s, so that nobody can alter the bytes of a signed message's signature in transit.
Source: wire.md §2.
"""

from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from tallystick.wire import der
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import sha256

SignatureFault = Literal["malformed", "high-s", "mismatch"]

_MESSAGE: Final = ec.ECDSA(SHA256())
_DIGEST: Final = ec.ECDSA(Prehashed(SHA256()))

# The curves that Fabric knows. P-256 is the usual one; all of them sign a SHA-256 digest.
_ORDERS: Final = {
    curve.name: curve.group_order
    for curve in (ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
}
_HALF_ORDERS: Final = {name: order // 2 for name, order in _ORDERS.items()}

_EXPLANATIONS: Final[dict[SignatureFault, str]] = {
    "malformed": "it is not a DER sequence of two integers",
    "high-s": "its s is in the upper half of the curve's order; sign with low s",
    "mismatch": "this key did not make it over this message",
}


class BadSignatureError(WireError):
    """A signature does not count.

    Attributes:
        reason: ``malformed``, ``high-s`` or ``mismatch``.
    """

    def __init__(self, reason: SignatureFault) -> None:
        super().__init__(f"bad signature: {_EXPLANATIONS[reason]}")
        self.reason = reason


class UnsupportedCurveError(WireError):
    """A key lies on a curve that identities cannot use.

    Attributes:
        curve: Name of the curve.
    """

    def __init__(self, curve: str) -> None:
        super().__init__(f"keys on curve {curve} cannot sign; use P-256 or P-384")
        self.curve = curve


class Signer(Protocol):
    """Someone who can sign: an identity and, somewhere, its private key."""

    @property
    def identity(self) -> bytes:
        """Serialized identity, as creator and endorser fields hold it."""

    def sign(self, message: bytes) -> bytes:
        """Return a signature over ``message`` that the identity's certificate verifies."""


def sign(private_key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return a low-s signature over ``message``."""
    return to_low_s(private_key.sign(message, _MESSAGE), private_key.curve)


def sign_digest(private_key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """Return a low-s signature over the message whose SHA-256 is ``digest``."""
    return to_low_s(private_key.sign(digest, _DIGEST), private_key.curve)


def verify(public_key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
    """Return if ``signature`` was made over ``message`` with this key and has a low s.

    Pass the bytes that arrived, never a message encoded again. Like Fabric, this ignores bytes
    behind the two integers: to refuse them would give a transaction another verdict than Fabric
    gives it.

    Raises:
        BadSignatureError: It was not, or its s is high.
        UnsupportedCurveError: The key is on a curve that identities cannot use.
    """
    verify_digest(public_key, signature, sha256(message))


def verify_digest(public_key: ec.EllipticCurvePublicKey, signature: bytes, digest: bytes) -> None:
    """Likewise, for the message whose SHA-256 is ``digest``."""
    try:
        _, s = decode_dss_signature(signature)
    except ValueError:
        signature = _without_surplus(signature)
        s = _s_of(signature)
    if s > _half_order(public_key.curve):
        raise BadSignatureError("high-s")
    try:
        public_key.verify(signature, digest, _DIGEST)
    except InvalidSignature as error:
        raise BadSignatureError("mismatch") from error


def is_low_s(signature: bytes, curve: ec.EllipticCurve) -> bool:
    """Return whether s is at most half the order of ``curve``.

    Raises:
        BadSignatureError: The signature is malformed.
        UnsupportedCurveError: Identities cannot use the curve.
    """
    return _s_of(signature) <= _half_order(curve)


def to_low_s(signature: bytes, curve: ec.EllipticCurve) -> bytes:
    """Return the one of the two equivalent signatures that has the low s.

    Raises:
        BadSignatureError: The signature is malformed.
        UnsupportedCurveError: Identities cannot use the curve.
    """
    try:
        r, s = decode_dss_signature(signature)
    except ValueError as error:
        raise BadSignatureError("malformed") from error
    if s <= _half_order(curve):
        return signature
    return encode_dss_signature(r, _ORDERS[curve.name] - s)


def _half_order(curve: ec.EllipticCurve) -> int:
    try:
        return _HALF_ORDERS[curve.name]
    except KeyError:
        raise UnsupportedCurveError(curve.name) from None


def _s_of(signature: bytes) -> int:
    try:
        _, s = decode_dss_signature(signature)
    except ValueError as error:
        raise BadSignatureError("malformed") from error
    return s


def _without_surplus(signature: bytes) -> bytes:
    """Return a signature without what follows its two integers, inside or behind the sequence.

    Source: Go's encoding/asn1, with which Fabric reads signatures, skips such bytes.
    """
    try:
        start, end = der.element_span(signature, 0, der.SEQUENCE)
        body = signature[start:end]
        _, r_end = der.element_span(body, 0, der.INTEGER)
        _, s_end = der.element_span(body, r_end, der.INTEGER)
    except WireError as error:
        raise BadSignatureError("malformed") from error
    return der.element(der.SEQUENCE, body[:s_end])
