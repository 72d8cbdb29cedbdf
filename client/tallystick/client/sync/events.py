"""Events, one after the other, and the requests for them."""

from types import TracebackType
from typing import Generic, Self, TypeVar

from tallystick.client import event_stream as _event_stream
from tallystick.client import events_request as _events_request
from tallystick.client.sync.loop_thread import LoopThread

EventT = TypeVar("EventT")


class EventStream(Generic[EventT]):
    """An iterator over events that never ends by itself; ``with`` closes it.

    Another thread may close it too, and so end the iteration.
    """

    def __init__(self, thread: LoopThread, stream: _event_stream.EventStream[EventT]) -> None:
        self._thread = thread
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> EventT:
        try:
            return self._thread.run(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End the stream at the peer."""
        self._thread.run(self._stream.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class EventsRequest(Generic[EventT]):
    """A request for events, signed when it is first sent."""

    def __init__(self, thread: LoopThread, request: _events_request.EventsRequest[EventT]) -> None:
        self._thread = thread
        self._request = request
        self.add_signature = request.add_signature
        self.to_bytes = request.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._request.digest

    def events(self) -> EventStream[EventT]:
        """Return the events; the peer is asked as soon as the first one is wanted."""
        return EventStream(self._thread, self._request.events())
