"""``GET /healthz``: whether the node works, for load balancers and people with curl."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

HealthChecks = Mapping[str, Callable[[], str]]
"""Component to a function that returns what is wrong with it, or an empty string."""

REQUEST_TIMEOUT_S: Final = 5.0
_MAX_HEAD_BYTES: Final = 8 * 1024


@asynccontextmanager
async def serving_health(address: str, checks: HealthChecks) -> AsyncIterator[int]:
    """Answer ``/healthz`` on ``address`` for the length of the block; yield the bound port.

    The answer is 200 if every check is content and else 503, with what failed in either case, in
    the form of Fabric's operations service.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(respond(head, checks))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            return  # a client that does not ask gets no answer
        finally:
            writer.close()

    host, _, port = address.rpartition(":")
    server = await asyncio.start_server(answer, host.strip("[]"), int(port), limit=_MAX_HEAD_BYTES)
    async with server:
        yield server.sockets[0].getsockname()[1]


def respond(head: bytes, checks: HealthChecks) -> bytes:
    """Return the HTTP response to a request with this head."""
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0].partition(b"?")[0]
    if target != b"/healthz":
        return _response(HTTPStatus.NOT_FOUND, {"error": "only /healthz is here"})
    if method != b"GET":
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "use GET"})
    failed = [
        {"component": component, "reason": reason}
        for component, check in checks.items()
        if (reason := check())
    ]
    if failed:
        return _response(
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"status": "Service Unavailable", "failed_checks": failed},
        )
    return _response(HTTPStatus.OK, {"status": "OK"})


def _response(status: HTTPStatus, body: Mapping[str, object]) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + content
