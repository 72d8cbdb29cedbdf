"""The operations service: health, metrics, log levels and version of a node, over HTTP.

``/healthz``, ``/metrics``, ``/logspec`` and ``/version`` are where Fabric has them and answer in
its form, so that what watches a Fabric node watches this one.
"""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from tallystick.node.observability.log_spec import (
    LogSpecError,
    current_log_spec,
    set_log_spec,
)
from tallystick.node.transport.listening import listening

HealthChecks = Mapping[str, Callable[[], str]]
"""Component to a function that returns what is wrong with it, or an empty string."""

REQUEST_TIMEOUT_S: Final = 5.0
MAX_HEAD_BYTES: Final = 8 * 1024
UNREADABLE: Final = (asyncio.IncompleteReadError, asyncio.LimitOverrunError)
"""A request that is cut short, or too long."""
_MAX_BODY_BYTES: Final = 4 * 1024


@dataclass(frozen=True, slots=True)
class Operations:
    """What a node shows of itself, and lets be changed.

    Attributes:
        checks: What ``/healthz`` asks.
        registry: The metrics.
        version: Of the software.
    """

    checks: HealthChecks
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, as far as it matters here.

    Attributes:
        is_local: Whether it comes from this machine.
    """

    method: str
    path: str
    body: bytes = b""
    is_local: bool = False


@asynccontextmanager
async def serving_operations(address: str, operations: Operations) -> AsyncIterator[int]:
    """Answer on ``address`` for the length of the block; yield the bound port.

    Raises:
        ListenError: The address cannot be bound.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                peer = writer.get_extra_info("peername")
                request = await read_request(reader, is_local=_is_loopback(peer[0]))
                writer.write(respond(request, operations))
                await writer.drain()
        except (*UNREADABLE, TimeoutError, OSError):
            return  # a client that does not ask gets no answer
        finally:
            writer.close()

    async with listening(address, answer, limit=MAX_HEAD_BYTES) as port:
        yield port


def respond(request: Request, operations: Operations) -> bytes:
    """Return the HTTP response to a request."""
    methods = _ANSWERS.get(request.path)
    if methods is None:
        paths = ", ".join(_ANSWERS)
        return _json(HTTPStatus.NOT_FOUND, {"error": f"only {paths} are here"})
    answer = methods.get(request.method)
    if answer is None:
        use = " or ".join(methods)
        return _json(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"use {use}"})
    return answer(request, operations)


def _health(_: Request, operations: Operations) -> bytes:
    failed = [
        {"component": component, "reason": reason}
        for component, check in operations.checks.items()
        if (reason := check())
    ]
    if failed:
        return _json(
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"status": "Service Unavailable", "failed_checks": failed},
        )
    return _json(HTTPStatus.OK, {"status": "OK"})


def _metrics(_: Request, operations: Operations) -> bytes:
    content = generate_latest(operations.registry)
    return _response(HTTPStatus.OK, content, content_type=CONTENT_TYPE_LATEST)


def _log_spec(_: Request, __: Operations) -> bytes:
    return _json(HTTPStatus.OK, {"spec": current_log_spec()})


def _version(_: Request, operations: Operations) -> bytes:
    return _json(HTTPStatus.OK, {"Version": operations.version})


def _set_log_spec(request: Request, _: Operations) -> bytes:
    if not request.is_local:
        # There is no client certificate here that could say who asks.
        error = "log levels can be set from the node's own machine only"
        return _json(HTTPStatus.FORBIDDEN, {"error": error})
    try:
        set_log_spec(str(json.loads(request.body)["spec"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = str(error) if isinstance(error, LogSpecError) else 'send {"spec": "info"}'
        return _json(HTTPStatus.BAD_REQUEST, {"error": reason})
    return _response(HTTPStatus.NO_CONTENT, b"", content_type="application/json")


_ANSWERS: Final[Mapping[str, Mapping[str, Callable[[Request, Operations], bytes]]]] = {
    "/healthz": {"GET": _health},
    "/metrics": {"GET": _metrics},
    "/logspec": {"GET": _log_spec, "PUT": _set_log_spec},
    "/version": {"GET": _version},
}


async def read_request(reader: asyncio.StreamReader, *, is_local: bool) -> Request:
    """Read one request.

    Raises:
        IncompleteReadError: It was cut short.
        LimitOverrunError: It is longer than any that is answered.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    length = 0
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            length = _body_length(value.strip())
    body = await reader.readexactly(length)
    path = rest.partition(" ")[0].partition("?")[0]
    return Request(method, path, body, is_local)


def _body_length(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        return 0
    if len(text) > len(str(_MAX_BODY_BYTES)) or int(text) > _MAX_BODY_BYTES:
        raise asyncio.LimitOverrunError("the body is too long", _MAX_BODY_BYTES)
    return int(text)


def _is_loopback(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def _json(status: HTTPStatus, body: Mapping[str, object]) -> bytes:
    return _response(status, json.dumps(body).encode(), content_type="application/json")


def _response(status: HTTPStatus, content: bytes, *, content_type: str) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + content
