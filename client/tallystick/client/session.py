"""What every step of a gateway shares."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from tallystick.client.commit_listener import CommitListener
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
        busy_retry: When the peer has too much to do.
        environment: Time and chance.
        tls_certificate_hash: Of the client's TLS certificate; empty without mutual TLS.
        listeners: Who may hear what became of transactions, by channel.
    """

    transport: GatewayTransport
    signer: SigningIdentity
    deadlines: Deadlines
    retry: RetryPolicy
    busy_retry: RetryPolicy
    environment: Environment
    tls_certificate_hash: bytes = b""
    listeners: defaultdict[str, CommitListener] = field(
        default_factory=lambda: defaultdict(CommitListener)
    )

    async def close(self) -> None:
        """Stop to listen, then end every call and stream."""
        for listener in tuple(self.listeners.values()):  # others may come to be meanwhile
            await listener.close()
        await self.transport.close()

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

    async def admitted(
        self, deadline_s: float | None, call: Callable[[], Awaitable[ResponseT]]
    ) -> ResponseT:
        """Return the answer of ``call``, made anew while the peer has too much to do for it.

        Raises:
            RpcFailure: The call failed, was turned away too often, or took too long.
        """
        return await within(deadline_s, self._until_admitted(call))

    async def _until_admitted(self, call: Callable[[], Awaitable[ResponseT]]) -> ResponseT:
        random, sleep = self.environment.random, self.environment.sleep
        delays_s = self.busy_retry.delays_s(random)
        while True:
            try:
                return await call()
            except RpcFailure as failure:
                is_busy = failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
                delay_s = next(delays_s, None) if is_busy else None
                if delay_s is None:
                    raise
                # All who were turned away with one hint must not return in one moment.
                hint_s = (failure.retry_after_s or 0.0) * random.uniform(1.0, 1.5)
            await sleep(max(delay_s, hint_s))


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
