"""Asks other nodes over the network: the doctor's hands. They judge nothing."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from tallystick.node.cli.doctor.ports import Port
from tallystick.node.cluster.ports import is_free
from tallystick.node.settings import TlsSettings

TIMEOUT_S: Final = 3.0
_FRAME_HEAD_BYTES: Final = 9
_MAX_ANSWER_BYTES: Final = 64 * 1024
_HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a node answered over HTTP.

    Attributes:
        status: Its code.
        date_s: Its clock, seconds since the epoch; None if it does not say.
        body: The JSON, or nothing.
    """

    status: int
    date_s: float | None
    body: dict[str, object]


def tls_context(tls: TlsSettings, more_roots: bytes = b"") -> ssl.SSLContext:
    """Return how the node connects to others, with the authorities of its settings and more.

    Raises:
        OSError: A file cannot be read; ``ssl.SSLError``, which is one, if it cannot be used.
    """
    roots = tls.root_certificates.read_bytes() + more_roots
    context = ssl.create_default_context(cadata=roots.decode(errors="replace"))
    context.load_cert_chain(tls.certificate, tls.private_key)
    return context


async def speak_grpc(address: str, context: ssl.SSLContext | None) -> Exception | None:
    """Return what keeps a gRPC server from answering; None if it does.

    A server of TLS 1.3 refuses a client's certificate only after the handshake. So this begins
    HTTP/2, and waits for the server's first frame.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            if context is not None:
                context.set_alpn_protocols(["h2"])
            async with _connection(address, context) as (reader, writer):
                writer.write(_HTTP2_PREFACE)
                await reader.readexactly(_FRAME_HEAD_BYTES)
    except (OSError, EOFError) as error:
        return error
    return None


async def get_json(
    address: str, path: str, context: ssl.SSLContext | None = None
) -> HttpAnswer | Exception:
    """Return what a server answers over HTTP, or what keeps it from answering."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            if context is not None:
                context.set_alpn_protocols(["http/1.1"])
            async with _connection(address, context) as (reader, writer):
                request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                return _parsed(await _rest(reader))
    except (OSError, EOFError, ValueError) as error:
        return error


async def who_listens(address: str, own_certificate: bytes | None) -> Port:
    """Return who listens on an address of the settings.

    Args:
        address: ``host:port``.
        own_certificate: DER of what this node would show there; None for one without TLS.
    """
    host, port = split(address)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return Port.NO_SUCH_HOST
    if is_free(host, port):
        return Port.FREE
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as other:
        try:
            other.bind((host, 0))
        except OSError:
            return Port.NO_SUCH_HOST
    if own_certificate is None:
        return Port.UNKNOWN
    shown = await _certificate_at("localhost" if host in ("0.0.0.0", "::") else host, port)  # noqa: S104 - compared
    return Port.OURS if shown == own_certificate else Port.FOREIGN


async def _certificate_at(host: str, port: int) -> bytes | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is compared with one that is known
    with suppress(OSError):
        async with asyncio.timeout(TIMEOUT_S):
            async with _connection(f"{host}:{port}", context) as (_, writer):
                connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
                return connection.getpeercert(binary_form=True)
    return None


@asynccontextmanager
async def _connection(
    address: str, context: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*split(address), ssl=context)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()  # nothing is under way: no need to wait for a farewell
        with suppress(OSError):
            await writer.wait_closed()


def split(address: str) -> tuple[str, int]:
    """Return host and port of an address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < _MAX_ANSWER_BYTES and (part := await reader.read(_MAX_ANSWER_BYTES)):
        answer += part
    return answer


def _parsed(answer: bytes) -> HttpAnswer:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    date = fields.get("date")
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = {}
    return HttpAnswer(
        status=HTTPStatus(int(first.split(" ")[1])),
        date_s=None if date is None else parsedate_to_datetime(date).timestamp(),
        body=parsed if isinstance(parsed, dict) else {},
    )
