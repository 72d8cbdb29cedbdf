"""An identity whose private key stays on a PKCS#11 token."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tallystick.client.hsm import open_key
from tallystick.client.identity import CredentialError, Identity, SigningError
from tallystick.client.pkcs11_key import Pkcs11Key
from tallystick.node.membership.errors import MembershipError, SigningFailedError
from tallystick.node.membership.signing_identity import own_certificate
from tallystick.node.settings import MspSettings
from tallystick.node.settings_parts import Pkcs11Settings
from tallystick.wire.hashing import sha256
from tallystick.wire.signing import to_low_s

if TYPE_CHECKING:
    from tallystick.client.cryptoki import TokenKey


class TokenError(MembershipError):
    """A token or its key cannot be used; the message says what to do."""


class TokenIdentity:
    """A certificate, and its key on a token; satisfies `tallystick.wire.signing.Signer`.

    A signature is made while the caller waits: see docs/operations.md for what that costs.

    Attributes:
        identity: ``SerializedIdentity`` bytes.
    """

    def __init__(self, certified: Identity, key: "TokenKey") -> None:
        self.identity = certified.serialized
        self._curve = certified.public_key.curve
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Return a low-s signature over ``message``.

        Raises:
            SigningFailedError: The token did not sign.
        """
        try:
            return to_low_s(self._key.sign_digest(sha256(message)), self._curve)
        except SigningError as error:
            raise SigningFailedError(f"the node cannot sign: {error}") from error


@contextmanager
def token_identity(msp: MspSettings, token: Pkcs11Settings) -> Iterator[TokenIdentity]:
    """Yield the identity of a node whose key is on ``token``, until the block ends.

    Raises:
        MaterialError: The node's directory has not exactly one certificate.
        TokenError: The token or its key cannot be used.
    """
    _, certificate_pem = own_certificate(msp.directory)
    try:
        certified = Identity(msp.id, certificate_pem)
        key = open_key(_place(token), certified)
    except CredentialError as error:
        raise TokenError(f"[msp.pkcs11] cannot be used: {error}") from error
    try:
        yield TokenIdentity(certified, key)
    finally:
        key.close()


def _place(token: Pkcs11Settings) -> Pkcs11Key:
    pin_env = token.pin_env if token.pin_file is None else None
    return Pkcs11Key(
        library=token.library,
        token=token.token,
        label=token.label,
        id=token.id,
        pin_env=pin_env,
        pin_file=token.pin_file,
    )
