"""Events, one after the other, until the listener has enough."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Generic, Self, TypeVar

import grpc

from tallystick.client.errors import EventStreamError, RpcFailure

EventT = TypeVar("EventT")


class EventStream(Generic[EventT]):
    """An asynchronous iterator over events that never ends by itself.

    ``async with`` closes the stream at the peer when the block is left, however it is left.
    When the stream breaks, the iteration raises EventStreamError.
    """

    def __init__(self, source: str, events: AsyncGenerator[EventT, None]) -> None:
        """Wrap ``events``, which ends or raises RpcFailure when the peer ends the stream."""
        self._source = source
        self._events = events
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventT:
        if self._is_closed:
            raise StopAsyncIteration
        try:
            return await anext(self._events)
        except RpcFailure as failure:
            raise EventStreamError(self._source, failure) from failure
        except StopAsyncIteration:
            ended = RpcFailure(grpc.StatusCode.UNAVAILABLE, "the peer ended it")
            raise EventStreamError(self._source, ended) from None

    async def close(self) -> None:
        """End the stream at the peer; nothing more will come."""
        self._is_closed = True
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
