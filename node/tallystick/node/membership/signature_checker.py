"""Checking signatures, without checking again what this node has signed or checked itself."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple, Self

from tallystick.node.membership.identity import Identity
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import sha256

MAX_SIGNATURE_BYTES: Final = 256
"""Longer ones are not remembered. Those of the longest curve have 139 bytes, and the rest of a
longer one is padding, which does not make it bad."""
MAX_IDENTITY_BYTES: Final = 8 * 1024
"""What belongs to a longer ``SerializedIdentity`` is not remembered. Most have about 1 KiB."""
_DEFAULT_CAPACITY: Final = 8_192


class GoodSignature(NamedTuple):
    """A signature that was found good.

    Attributes:
        identity: ``SerializedIdentity`` bytes of the signer.
        digest: SHA-256 of what was signed.
        signature: In the low-s form.
    """

    identity: bytes
    digest: bytes
    signature: bytes

    @classmethod
    def of(cls, identity: bytes, message: bytes, signature: bytes) -> Self:
        """Return a signature over ``message``, of which only the hash is kept."""
        return cls(identity, sha256(message), signature)


class SignatureChecker:
    """Says whether a signature is good; one per node.

    A peer meets its own endorsements again when the block arrives. To verify them would cost some
    40 us each, so it remembers them. The memory is found by the signature alone: for all other
    signatures, nothing is hashed and the look-up costs next to nothing.
    """

    def __init__(self, capacity: int = _DEFAULT_CAPACITY) -> None:
        """Remember at most ``capacity`` signatures; the oldest are forgotten first."""
        assert capacity > 0
        self._capacity = capacity
        # A plain dict walks over all that it has forgotten to find what is oldest.
        self._good: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()

    def remember(self, identity_serialized: bytes, message: bytes, signature: bytes) -> None:
        """Take ``signature`` over ``message`` to be good from now on.

        Call this only for signatures that this node made or has verified.

        Args:
            identity_serialized: The signer.
            message: What was signed.
            signature: In the low-s form.
        """
        self.remember_all([GoodSignature.of(identity_serialized, message, signature)])

    def remember_all(self, signatures: Iterable[GoodSignature]) -> None:
        """Likewise for signatures that this node has verified elsewhere.

        One that is too long, or of too long an identity, is verified anew each time.
        """
        for identity, digest, signature in signatures:
            if len(signature) > MAX_SIGNATURE_BYTES or len(identity) > MAX_IDENTITY_BYTES:
                continue
            if len(self._good) >= self._capacity and signature not in self._good:
                self._good.popitem(last=False)
            self._good[signature] = (identity, digest)

    def good(self, identity: Identity, message: bytes, signature: bytes) -> bool:
        """Return whether ``identity`` made ``signature`` over exactly ``message``."""
        known = self._good.get(signature)
        if known is not None and known == (identity.serialized, sha256(message)):
            return True
        try:
            identity.verify(message, signature)
        except WireError:
            return False
        return True
