"""Servers of plain streams, for what is spoken beside gRPC."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from errno import errorcode

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
        # The text of the error names each address that was tried, and its number.
        code = error.errno or 0
        reason = os.strerror(code).lower() if code in errorcode else str(error)
        raise ListenError(address, reason) from error
    async with server:
        yield server.sockets[0].getsockname()[1]
