"""Streams of gRPC as a ``MessageStream``; both sides of one behave alike once it is open."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

import grpc

from tallystick.chaincode.shim.call import MAX_MESSAGE_BYTES
from tallystick.chaincode.shim.errors import PeerGoneError
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

_BROKEN: Final = (grpc.RpcError, grpc.aio.BaseError, asyncio.InvalidStateError)

MESSAGE_LIMITS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
"""Options of channels and servers; gRPC for Python stops at 4 MiB by itself."""


class _Duplex(Protocol):
    """What a client's call and a server's context have in common."""

    def read(self) -> Awaitable[object]:
        """Return the next message, or the mark of the end."""

    def write(self, message: ChaincodeMessage, /) -> Awaitable[None]:
        """Send a message."""


class GrpcStream:
    """One stream; see ``MessageStream``."""

    def __init__(self, duplex: _Duplex) -> None:
        self._duplex = duplex

    async def read(self) -> ChaincodeMessage | None:
        """See ``MessageStream``."""
        try:
            message = await self._duplex.read()
        except _BROKEN as error:
            raise PeerGoneError(_reason(error)) from error
        return message if isinstance(message, ChaincodeMessage) else None

    async def write(self, message: ChaincodeMessage) -> None:
        """See ``MessageStream``."""
        try:
            await self._duplex.write(message)
        except _BROKEN as error:
            raise PeerGoneError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return f"{type(error).__name__}: {error}"
