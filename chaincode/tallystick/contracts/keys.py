"""The keys of identities: P-256, written as base64 of DER (SPKI), named by its SHA-256."""

import base64
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from tallystick.contracts.reasons import IdentityReason
from tallystick.wire.signing import BadSignatureError, verify

_PEM_START = "-----BEGIN"


def encode_public_key(public_key: ec.EllipticCurvePublicKey) -> str:
    """Return a public key as it is written on the ledger."""
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def normalize_public_key(text: str) -> str:
    """Return a public key, given as PEM or as base64 of DER, as it is written on the ledger.

    Raises:
        Refusal: KEY_MALFORMED, when it is neither or not on P-256.
    """
    try:
        if text.startswith(_PEM_START):
            key = load_pem_public_key(text.encode())
        else:
            key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityReason.KEY_MALFORMED.refusal() from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityReason.KEY_MALFORMED.refusal()
    return encode_public_key(key)


def key_id(public_key: str) -> str:
    """Return the name of a public key as written on the ledger: SHA-256 of its DER form, in hex."""
    return sha256(base64.b64decode(public_key)).hexdigest()


def is_signature(public_key: str, signature: str, payload: bytes) -> bool:
    """Return whether this key made ``signature``, base64 of low-s DER, over ``payload``."""
    try:
        verify(_loaded(public_key), base64.b64decode(signature, validate=True), payload)
    except (BadSignatureError, ValueError):
        return False
    return True


@lru_cache(maxsize=4096)
def _loaded(public_key: str) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(base64.b64decode(public_key))
    assert isinstance(key, ec.EllipticCurvePublicKey), "keys are checked when they are registered"
    return key
