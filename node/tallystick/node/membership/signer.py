"""Who signs for a node, wherever its key is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.settings import MspSettings
from tallystick.wire.signing import Signer


@asynccontextmanager
async def signer_of(settings: MspSettings) -> AsyncIterator[Signer]:
    """Yield who signs for a node: with a key in its directory, or on a token until the block ends.

    Raises:
        MaterialError: The directory has not exactly one certificate, or no key that fits it.
        TokenError: The token or its key cannot be used.
    """
    if settings.pkcs11 is None:
        yield SigningIdentity.from_directory(settings.directory, settings.id)
        return
    # A node with its key in a file loads nothing of the client, with which this one reads its key.
    from tallystick.node.membership.token_identity import token_identity  # noqa: PLC0415

    with token_identity(settings, settings.pkcs11) as signer:
        yield signer
