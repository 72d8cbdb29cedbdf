"""A signer that does not always sign, like one whose key is on a token that was taken out."""

from dataclasses import dataclass

from tallystick.node.membership.errors import SigningFailedError
from tallystick.wire.signing import Signer


@dataclass
class ReluctantSigner:
    """Signs as another one does, but for some times.

    Attributes:
        signer: Who signs.
        refusals: How often it still refuses.
        before: How often it still signs before it refuses.
    """

    signer: Signer
    refusals: int = 0
    before: int = 0

    @property
    def identity(self) -> bytes:
        return self.signer.identity

    def sign(self, message: bytes) -> bytes:
        if self.refusals and not self.before:
            self.refusals -= 1
            raise SigningFailedError("the token was taken out")
        self.before = max(0, self.before - 1)
        return self.signer.sign(message)
