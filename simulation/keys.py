"""Keys, signatures, nonces and clocks that a seed decides."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tallystick.client.identity import Identity
from tallystick.contracts.wallet import Wallet
from tallystick.node.membership.ca import KeySource
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.wire.signing import to_low_s
from tallystick.wire.txid import NONCE_SIZE

CURVE: Final = ec.SECP256R1()
# RFC 6979: the same key and message give the same signature again.
_MESSAGE: Final = ec.ECDSA(SHA256(), deterministic_signing=True)
_DIGEST: Final = ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)
_SERIAL_BITS: Final = 159

EPOCH_NS: Final = 1_790_000_000 * 1_000_000_000
"""When simulations begin: a moment in 2026."""


def chance(*parts: object) -> Random:
    """Return the randomness that belongs to a name, such as a seed and a purpose."""
    return Random("/".join(map(str, parts)))


class SeededKeys(KeySource):
    """Keys and serial numbers by chance that repeats."""

    signs_repeatably = True

    def __init__(self, random: Random) -> None:
        self._random = random

    def new_key(self) -> ec.EllipticCurvePrivateKey:
        """Return the next key."""
        return ec.derive_private_key(self._random.randrange(1, CURVE.group_order), CURVE)

    def serial_number(self) -> int:
        """Return the next serial number."""
        return self._random.getrandbits(_SERIAL_BITS) | 1


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return the one low-s signature over ``message`` that a key ever makes."""
    return to_low_s(key.sign(message, _MESSAGE), CURVE)


class SeededIdentity(SigningIdentity):
    """A node's or an administrator's identity that signs alike in every run."""

    def __init__(
        self, msp_id: str, certificate_pem: bytes, private_key: ec.EllipticCurvePrivateKey
    ) -> None:
        super().__init__(msp_id, certificate_pem, private_key)
        self._key = private_key

    @classmethod
    def at(cls, directory: Path, msp_id: str) -> "SeededIdentity":
        """Return the identity in a local MSP directory."""
        (certificate,) = (directory / "signcerts").glob("*.pem")
        return cls(msp_id, certificate.read_bytes(), _key_in(directory))

    def sign(self, message: bytes) -> bytes:
        """Return a low-s signature over ``message``."""
        return sign(self._key, message)


class SeededSigner:
    """A client's key; satisfies `DigestSigner`."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def sign_digest(self, digest: bytes) -> bytes:
        """Return the signature of the message with this SHA-256."""
        return self._key.sign(digest, _DIGEST)


def client_identity(directory: Path, msp_id: str) -> tuple[Identity, SeededSigner]:
    """Return a user's identity and signer, from a local MSP directory."""
    (certificate,) = (directory / "signcerts").glob("*.pem")
    return Identity(msp_id, certificate.read_bytes()), SeededSigner(_key_in(directory))


def new_wallet(name: str, channel: str, keys: SeededKeys) -> Wallet:
    """Return an investor's wallet with the next key."""
    key = keys.new_key()
    return Wallet(name, channel, key.public_key(), partial(sign, key))


def nonces(random: Random) -> Callable[[], bytes]:
    """Return what draws nonces."""
    return lambda: random.randbytes(NONCE_SIZE)


def _key_in(directory: Path) -> ec.EllipticCurvePrivateKey:
    pem = (directory / "keystore" / "priv_sk").read_bytes()
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
