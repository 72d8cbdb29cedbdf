"""What every step of a gateway shares."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import grpc

from tallystick.client.errors import RpcFailure
from tallystick.client.identity import SigningError, SigningIdentity
from tallystick.client.options import Deadlines, Environment
from tallystick.client.retry import RetryPolicy
from tallystick.client.transport import GatewayTransport

ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True, slots=True)
class Session:
    """One client at one peer.

    Attributes:
        transport: The way to the peer.
        signer: Who the client is.
        deadlines: For each phase.
        retry: Unless a call says otherwise.
        environment: Time and chance.
        tls_certificate_hash: Of the client's TLS certificate; empty without mutual TLS.
    """

    transport: GatewayTransport
    signer: SigningIdentity
    deadlines: Deadlines
    retry: RetryPolicy
    environment: Environment
    tls_certificate_hash: bytes = b""

    async def sign(self, message: bytes) -> bytes:
        """Return a signature over ``message``.

        Raises:
            MissingSignerError: It must be signed elsewhere.
            RpcFailure: The signer did not sign, so that the call it was for cannot be made.
        """
        try:
            return await self.signer.sign(message)
        except SigningError as error:
            raise RpcFailure(grpc.StatusCode.UNAUTHENTICATED, str(error)) from error


async def within(deadline_s: float | None, call: Awaitable[ResponseT]) -> ResponseT:
    """Return the answer of ``call``, which is cancelled when ``deadline_s`` seconds have passed.

    Raises:
        RpcFailure: The call failed, or took too long.
    """
    try:
        async with asyncio.timeout(deadline_s):
            return await call
    except TimeoutError as error:
        raise RpcFailure(
            grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {deadline_s} s"
        ) from error
