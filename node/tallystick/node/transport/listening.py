"""Servers of plain streams, for what is spoken beside gRPC."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tallystick.node.transport.server import ListenError

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    address: str, answer: Answer, *, limit: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Answer each connection to ``address`` for the length of the block; yield the bound port.

    Args:
        address: ``host:port``; port 0 lets the system choose.
        answer: Called for each connection.
        limit: How much of a line may be read ahead, bytes.
        tls: None speaks in the clear.

    Raises:
        ListenError: The address cannot be bound.
    """
    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(
            answer, host.strip("[]"), int(port), limit=limit, ssl=tls
        )
    except OSError as error:
        reason = "it is in use, or no address of this machine"
        raise ListenError(address, reason) from error
    async with server:
        yield server.sockets[0].getsockname()[1]
