"""Connections to other processes, opened once and shared by all that talk to the same address."""

from types import TracebackType
from typing import Self

import grpc

from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.options import client_options


def open_channel(address: str, tls: ClientTls | None) -> grpc.aio.Channel:
    """Return a channel to ``address``; None connects in the clear, which only tests should.

    The connection is made when the first call needs it, and again whenever it was lost.
    """
    if tls is None:
        return grpc.aio.insecure_channel(address, options=client_options())
    return grpc.aio.secure_channel(address, tls.credentials(), options=client_options())


class ChannelPool:
    """Channels by address and credentials; all of them close with the pool, or once forgotten."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, ClientTls | None], grpc.aio.Channel] = {}

    def channel(self, address: str, tls: ClientTls | None) -> grpc.aio.Channel:
        """Return the one channel to ``address`` with these credentials."""
        key = (address, tls)
        if key not in self._channels:
            self._channels[key] = open_channel(address, tls)
        return self._channels[key]

    def forget(self, address: str, tls: ClientTls | None) -> None:
        """Keep that channel no longer: it closes once nobody has it any more.

        Closed at once, it would cancel the calls of others who share it.
        """
        self._channels.pop((address, tls), None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()
