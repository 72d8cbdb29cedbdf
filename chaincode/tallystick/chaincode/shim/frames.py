"""Messages over a connected socket, each behind its length in four bytes, in one thread."""

import socket
from collections.abc import Iterator
from select import select
from typing import Final

from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

_LENGTH_BYTES: Final = 4
_CHUNK_BYTES: Final = 256 * 1024


class Frames:
    """Both directions of the socket.

    What is written goes out at the next exchange, all of it together. Neither side may wait for
    the other to read: while something is left to send, this one goes on receiving.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._unsent = bytearray()
        self._begun = bytearray()  # the beginning of a message
        self._begun_bytes = 0  # how many bytes it must have at least to be looked at again

    def write(self, message: ChaincodeMessage) -> None:
        """Queue a message."""
        content = message.SerializeToString()
        self._unsent += len(content).to_bytes(_LENGTH_BYTES)
        self._unsent += content

    def exchange(self, *, wait: bool) -> list[ChaincodeMessage] | None:
        """Send what is queued, and return what has come; None when the peer has ended the stream.

        Args:
            wait: Whether to wait until something comes; else what is queued may stay in part.

        Raises:
            OSError: The socket broke.
        """
        self._send()
        while self._unsent or not wait:
            readable, _, _ = select(
                [self._link], [self._link] if self._unsent else [], [], None if wait else 0
            )
            if readable:
                break
            self._send()
            if not wait:
                return []
        data = self._link.recv(_CHUNK_BYTES)
        if not data:
            return None
        return list(self._messages(data))

    def _send(self) -> None:
        if self._unsent:
            try:
                sent = self._link.send(self._unsent, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            del self._unsent[:sent]

    def _messages(self, data: bytes) -> Iterator[ChaincodeMessage]:
        received = data
        if self._begun:
            self._begun += data
            if len(self._begun) < self._begun_bytes:  # a large one is put together once only
                return
            received, self._begun = bytes(self._begun), bytearray()
        begin, available, end = 0, len(received), _LENGTH_BYTES
        while available - begin >= _LENGTH_BYTES:
            content = begin + _LENGTH_BYTES
            end = content + int.from_bytes(received[begin:content])
            if end > available:
                break
            yield ChaincodeMessage.FromString(received[content:end])
            begin, end = end, end + _LENGTH_BYTES
        self._begun += received[begin:]
        self._begun_bytes = end - begin
