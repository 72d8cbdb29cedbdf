"""Signing with a hardware security module, without holding up the event loop."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from tallystick.client.identity import CredentialError, Identity, SigningError
from tallystick.client.pkcs11_key import Pkcs11Key

if TYPE_CHECKING:
    from tallystick.client.cryptoki import TokenKey

ResultT = TypeVar("ResultT")

_ANSWER_S: Final = 30.0
_CLOSED: Final = "this signer is closed: connect again"


class HsmSigner:
    """Signs with a private key that stays on its PKCS#11 token; ``async with`` closes it.

    Satisfies `tallystick.client.identity.DigestSigner`. One signer serves any number of concurrent
    calls on one event loop: signatures are made one after the other, in a thread of its own, since
    that is how the library below may be called. A token that does not answer within 30 s is given
    up, together with the signer.
    """

    def __init__(self, key: "TokenKey", thread: ThreadPoolExecutor) -> None:
        """Take over both; `open` makes them."""
        self._key = key
        self._thread = thread
        self._turn = asyncio.Lock()  # so that the time to answer begins when the token is asked
        self._is_closed = False
        self._over = ""  # why the token is not asked any more

    @classmethod
    async def open(cls, where: Pkcs11Key, identity: Identity) -> Self:
        """Return the signer whose key is on a token, and has shown that it is the identity's.

        Raises:
            CredentialError: The key cannot be used; says why, and what to do.
        """
        thread = ThreadPoolExecutor(1, "tallystick-hsm")
        opening = thread.submit(open_key, where, identity)
        try:
            return cls(await _answer(opening), thread)
        except BaseException as error:
            opening.add_done_callback(_close_unwanted)
            thread.shutdown(wait=False)
            if isinstance(error, TimeoutError):
                raise CredentialError(_silent(where)) from error
            raise

    async def sign_digest(self, digest: bytes) -> bytes:
        """Return the DER signature of the message whose SHA-256 is ``digest``; s may be high.

        Raises:
            SigningError: The token did not sign; says why, and what to do.
        """
        if self._is_closed:
            raise SigningError(_CLOSED)
        async with self._turn:
            if self._over:
                raise SigningError(self._over)
            try:
                return await _answer(self._thread.submit(self._key.sign_digest, digest))
            except TimeoutError as error:
                self._over = _silent(self._key.where)
                raise SigningError(self._over) from error

    def matches(self, identity: Identity) -> bool:
        """Return whether the key is that of the identity's certificate."""
        return self._key.matches(identity)

    async def close(self) -> None:
        """Log out once what was asked before is signed; a second time is harmless.

        A token that does not answer is left behind.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with self._turn:
                is_silent = bool(self._over)
        finally:
            self._over = self._over or _CLOSED
            closing = self._thread.submit(self._key.close)
            self._thread.shutdown(wait=False)
        if not is_silent:
            with suppress(TimeoutError):
                await _answer(closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def open_key(where: Pkcs11Key, identity: Identity) -> "TokenKey":
    """Return a key on a token; blocks.

    Raises:
        CredentialError: It cannot be used, or the package for it is not installed.
    """
    try:
        from tallystick.client.cryptoki import TokenKey  # noqa: PLC0415 -- most clients need none
    except ModuleNotFoundError as error:
        if error.name != "pkcs11":
            raise
        raise CredentialError(
            "keys on PKCS#11 tokens need a package that is not installed:"
            " pip install 'tallystick[hsm]'"
        ) from error
    return TokenKey.open(where, identity)


async def _answer(call: Future[ResultT]) -> ResultT:
    """Return what a call into the token returns, which goes on if nobody waits for it any more.

    Raises:
        TimeoutError: It took too long.
    """
    async with asyncio.timeout(_ANSWER_S):
        return await asyncio.shield(asyncio.wrap_future(call))


def _close_unwanted(opening: "Future[TokenKey]") -> None:
    """Close a key that was opened after all; runs in the thread of the signer."""
    if not opening.cancelled() and not opening.exception():
        opening.result().close()


def _silent(where: Pkcs11Key) -> str:
    return (
        f"the {where.token_name} did not answer within {_ANSWER_S:g} s: see whether it can be"
        " reached, then connect again"
    )
