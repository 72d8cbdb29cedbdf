"""Channel participation over HTTPS: reads requests, writes answers, one per connection.

Only clients with a certificate from a trusted authority get as far as a request.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from tallystick.node.errors import LedgerError
from tallystick.node.ordering.participation import Answer, ChannelParticipation, Request, failure
from tallystick.node.settings import AdminSettings
from tallystick.node.transport.listening import listening

REQUEST_TIMEOUT_S: Final = 30.0
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
MAX_HEAD_BYTES: Final = 16 * 1024


class AdminTlsError(LedgerError):
    """The certificates or the key of the admin listener cannot be used."""


class BadRequestError(Exception):
    """A request that cannot be read, and the status with which that is answered."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        super().__init__(problem)
        self.status = status


def admin_tls(settings: AdminSettings) -> ssl.SSLContext:
    """Return what the listener shows, and whose certificates it asks of its clients.

    Raises:
        AdminTlsError: A file cannot be read or does not hold what it should.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(settings.certificate, settings.private_key)
        for path in settings.client_root_certificates:
            context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise AdminTlsError(
            f"the admin listener cannot use its TLS files: {error}; the settings name in [admin]"
            f" {settings.certificate}, {settings.private_key} and"
            f" {', '.join(map(str, settings.client_root_certificates))}: mend the one that is wrong"
        ) from error
    return context


@asynccontextmanager
async def serving_participation(
    settings: AdminSettings, participation: ChannelParticipation
) -> AsyncIterator[int]:
    """Answer on the admin listener for the length of the block; yield the bound port.

    Raises:
        AdminTlsError: See `admin_tls`.
        ListenError: The address cannot be bound.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                writer.write(_encoded(await _answer(reader, writer, participation)))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            return  # a client that does not ask gets no answer
        finally:
            writer.close()

    tls = admin_tls(settings)
    async with listening(settings.listen_address, handle, limit=MAX_HEAD_BYTES, tls=tls) as port:
        yield port


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    participation: ChannelParticipation,
) -> Answer:
    try:
        request = await read_request(reader, writer)
    except BadRequestError as error:
        return failure(error.status, str(error))
    return await participation.answer(request)


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """Read one request.

    Raises:
        BadRequestError: It cannot be read, or is longer than any that is answered.
        IncompleteReadError: It was cut short.
    """
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise BadRequestError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's headers are too long"
        ) from error
    first, *lines = head.rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:  # noqa: PLR2004 - method, target and version
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the request line cannot be read")
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    length = _body_length(headers)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(
        method=words[0],
        path=unquote(words[1].partition("?")[0]),
        content_type=headers.get("content-type", ""),
        body=await reader.readexactly(length),
    )


def _body_length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequestError(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdecimal()):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
    if len(text) > len(str(MAX_BODY_BYTES)) or int(text) > MAX_BODY_BYTES:
        raise BadRequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {MAX_BODY_BYTES} bytes"
        )
    return int(text)


def _encoded(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        "Connection: close",
    ]
    if answer.status is not HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join([*lines, "", ""]).encode() + answer.body
