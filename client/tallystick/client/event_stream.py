"""Events, one after the other, until the listener has enough."""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Generic, Self, TypeVar

import grpc

from tallystick.client.errors import EventStreamError, RpcFailure

EventT = TypeVar("EventT")


class EventStream(Generic[EventT]):
    """An asynchronous iterator over events that never ends by itself.

    ``async with`` closes the stream at the peer when the block is left, however it is left. Closing
    it ends the iteration, also one that waits for the next event in another task. When the stream
    breaks, the iteration raises EventStreamError.
    """

    def __init__(self, source: str, events: AsyncGenerator[EventT, None]) -> None:
        """Wrap ``events``, which ends or raises RpcFailure when the peer ends the stream."""
        self._source = source
        self._events = events
        self._is_closed = False
        self._reader: asyncio.Task[object] | None = None
        self._is_stopping = False  # whether the reader was asked to leave

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventT:
        if self._is_closed:
            raise StopAsyncIteration
        reader = self._reader = asyncio.current_task()
        try:
            return await anext(self._events)
        except asyncio.CancelledError:
            # ``close`` cancels the wait; whoever else cancels the task must not be kept from it.
            if reader is None or not self._is_stopping or reader.uncancel():
                raise
            raise StopAsyncIteration from None
        except RpcFailure as failure:
            raise EventStreamError(self._source, failure) from failure
        except StopAsyncIteration:
            ended = RpcFailure(grpc.StatusCode.UNAVAILABLE, "the peer ended it")
            raise EventStreamError(self._source, ended) from None
        finally:
            self._reader = None

    async def close(self) -> None:
        """End the stream at the peer; nothing more will come."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._reader is None:
            await self._events.aclose()
        else:
            self._is_stopping = True
            self._reader.cancel()  # the stream is closed on its way out

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
