"""The two HTTP servers of a node."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from prometheus_client import CollectorRegistry

from fuzz.target import Target
from tallystick.node.observability import operations
from tallystick.node.ordering import participation_http
from tallystick.node.ordering.multipart import FormError, file_part
from tallystick.node.ordering.participation import CONFIG_BLOCK

ResultT = TypeVar("ResultT")

SHOWN = operations.Operations({"disk": lambda: ""}, CollectorRegistry())


class _NoWriter(asyncio.StreamWriter):
    """Forgets what a server writes before it has read everything."""

    def __init__(self) -> None:
        """Need no transport."""

    def __del__(self) -> None:
        """Leave nothing behind."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget it."""


def _result(call: Coroutine[None, None, ResultT]) -> ResultT:
    """Return the result of a call that waits for nothing, without the cost of an event loop."""
    try:
        call.send(None)
    except StopIteration as end:
        result: ResultT = end.value
        return result
    raise AssertionError("it waits for more, though all has come")


def _received(data: bytes, limit: int) -> asyncio.StreamReader:
    loop = asyncio.new_event_loop()
    loop.close()  # what has all come is never waited for
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def _operations(data: bytes) -> None:
    """As somebody asks for health and metrics, or sets log levels."""
    reader = _received(data, operations.MAX_HEAD_BYTES)
    operations.respond(_result(operations.read_request(reader, is_local=True)), SHOWN)


def _participation(data: bytes) -> None:
    """As administrators join and remove channels."""
    reader = _received(data, participation_http.MAX_HEAD_BYTES)
    request = _result(participation_http.read_request(reader, _NoWriter()))
    file_part(request.content_type, request.body, CONFIG_BLOCK)


TARGETS = (
    Target("operations", _operations, operations.UNREADABLE),
    Target(
        "participation",
        _participation,
        (asyncio.IncompleteReadError, participation_http.BadRequestError, FormError),
    ),
)
