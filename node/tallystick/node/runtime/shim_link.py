"""What carries the messages between a peer and a chaincode: gRPC, or a socket of this machine."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Final, Protocol

import grpc
from google.protobuf.message import DecodeError

from tallystick.node.runtime.shim_errors import ShimError, ShimProtocolError
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.chaincode_shim_pb2_grpc import ChaincodeStub

_MAX_UNSENT: Final = 1000
"""Answers that may wait to be sent before the next request is read."""

_LENGTH_BYTES: Final = 4
_FRAMES_AT_A_TIME: Final = 32
"""So many messages are taken before others have their turn in the event loop."""

Take = Callable[[ChaincodeMessage], object]


class Link(Protocol):
    """Both directions of a stream.

    Attributes:
        answers_writes: Whether the chaincode waits for the answers to its batches of writes. One
            that does not is told by the failure of its call that they were refused.
    """

    answers_writes: bool

    def send(self, message: ChaincodeMessage) -> None:
        """Queue a message to the chaincode."""

    def end(self) -> None:
        """Let ``receive_all`` end."""

    async def receive_all(self, take: Take) -> None:
        """Open the stream and hand over each message until it ends.

        Raises:
            ShimError: The chaincode breaks the rules; also what ``take`` raises.
            grpc.aio.AioRpcError: The connection fails.
        """


class QueuedLink(Link):
    """A stream of gRPC, whichever side has opened it: what is sent waits here for its turn."""

    answers_writes = True

    def __init__(self) -> None:
        self._messages: deque[ChaincodeMessage] = deque()
        self._changed = asyncio.Event()
        self._emptied = asyncio.Event()
        self._ended = False

    def send(self, message: ChaincodeMessage) -> None:
        """See ``Link``."""
        self._messages.append(message)
        self._changed.set()

    def end(self) -> None:
        """See ``Link``."""
        self._ended = True
        self._changed.set()

    async def outgoing(self) -> AsyncIterator[ChaincodeMessage]:
        """Yield what is sent, until the stream ends."""
        while not self._ended:
            while self._messages:
                yield self._messages.popleft()
            self._emptied.set()
            self._changed.clear()
            await self._changed.wait()

    async def take_all(self, messages: AsyncIterable[ChaincodeMessage], take: Take) -> None:
        """Hand over each message; wait while the chaincode does not take the answers."""
        async for message in messages:
            take(message)
            if len(self._messages) >= _MAX_UNSENT:
                self._emptied.clear()
                await self._emptied.wait()


class GrpcLink(QueuedLink):
    """A stream that this peer opens. Source: wire.md §9, server mode."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__()
        self._channel = channel

    async def receive_all(self, take: Take) -> None:
        """See ``Link``."""
        stream = ChaincodeStub(self._channel).Connect(self.outgoing(), wait_for_ready=True)
        try:
            await self.take_all(stream, take)
        finally:
            self.end()
            stream.cancel()


class SocketLink(asyncio.Protocol, Link):
    """A stream over a connected socket: each message behind its length in four bytes.

    What is sent in one turn of the event loop travels together. Nothing is read while the chaincode
    does not take its answers.

    Args:
        connected: The socket; it is closed in the end.
        max_message_bytes: The largest message to take.
    """

    answers_writes = False

    def __init__(self, connected: socket.socket, max_message_bytes: int) -> None:
        self._socket = connected
        self._unsent = bytearray()
        self._max_message_bytes = max_message_bytes
        self._received = bytearray()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._take: Take | None = None
        self._is_full = False
        self._is_behind = False

    def send(self, message: ChaincodeMessage) -> None:
        """See ``Link``."""
        content = message.SerializeToString()
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent += len(content).to_bytes(_LENGTH_BYTES)
        self._unsent += content

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, bytearray()
        if unsent and self._transport is not None:
            self._transport.write(unsent)

    def end(self) -> None:
        """See ``Link``."""
        if self._transport is not None:
            self._transport.abort()
        if not self._closed.done():
            self._closed.set_result(None)

    async def receive_all(self, take: Take) -> None:
        """See ``Link``."""
        self._take = take
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_unix_connection(lambda: self, sock=self._socket)
        try:
            await self._closed
        finally:
            self.end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The chaincode has closed its end, or this side aborted."""
        self.end()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._received += data
        self._take_frames()

    def pause_writing(self) -> None:
        """The chaincode does not take its answers."""
        self._is_full = True
        self._hold(behind=True)

    def resume_writing(self) -> None:
        """It does again."""
        self._is_full = False
        asyncio.get_running_loop().call_soon(self._take_frames)

    def _take_frames(self) -> None:
        assert self._take is not None
        try:
            for _ in range(_FRAMES_AT_A_TIME):
                if self._closed.done() or self._is_full:
                    return
                frame = self._next_frame()
                if frame is None:
                    self._hold(behind=False)
                    return
                self._take(ChaincodeMessage.FromString(frame))
        except (ShimError, DecodeError) as error:
            self._fail(error)
            return
        finally:
            self._flush()
        self._hold(behind=True)
        asyncio.get_running_loop().call_soon(self._take_frames)

    def _next_frame(self) -> bytes | None:
        received = self._received
        if len(received) < _LENGTH_BYTES:
            return None
        length = int.from_bytes(received[:_LENGTH_BYTES])
        if length > self._max_message_bytes:
            raise ShimProtocolError(
                f"a message of {length} bytes; at most {self._max_message_bytes} are allowed"
            )
        end = _LENGTH_BYTES + length
        if len(received) < end:
            return None
        frame = bytes(received[_LENGTH_BYTES:end])
        del received[:end]
        return frame

    def _hold(self, *, behind: bool) -> None:
        """Read no more while messages lie here that were not taken."""
        if self._transport is None or behind == self._is_behind or self._transport.is_closing():
            return
        self._is_behind = behind
        if behind:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _fail(self, error: ShimError | DecodeError) -> None:
        failure = error
        if isinstance(error, DecodeError):
            failure = ShimProtocolError(f"a message cannot be read: {error}")
        if not self._closed.done():
            self._closed.set_exception(failure)
        self.end()
