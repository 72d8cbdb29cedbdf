"""Connections to nodes across a network."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, NamedTuple, Self

import grpc

from tallystick.node.telemetry import spans
from tallystick.node.transport.failures import in_words
from tallystick.node.transport.options import MAX_RECONNECT_DELAY_MS
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer.peer_pb2_grpc import EndorserStub
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

CONNECT_TIMEOUT_S: Final = 2 * MAX_RECONNECT_DELAY_MS / 1_000
OTHERS_TIMEOUT_S: Final = 0.5
"""Likewise, where another orderer can be asked instead."""
# Chance makes a delay up to a fifth longer, and then the connection has to be made.
_RECONNECT_TIMEOUT_S: Final = 1.5 * MAX_RECONNECT_DELAY_MS / 1_000
_RECONNECT_POLL_S: Final = 0.05
_CONNECT_POLL_S: Final = 0.01
BROADCAST: Final = "/orderer.AtomicBroadcast/Broadcast"
ENDED_EARLY: Final = "the stream ended before the response"


class _Waiting(NamedTuple):
    """An envelope and whoever waits for the orderer's answer to it."""

    envelope: bytes
    answer: asyncio.Future[BroadcastResponse]


class _BroadcastStream:
    """The two queues of one stream: answers come in the order in which envelopes were sent.

    Their length is bounded by the number of callers, each of which waits for its own answer.
    """

    def __init__(self, waiting: Iterable[_Waiting]) -> None:
        self._unsent = deque(waiting)
        self._unanswered: deque[_Waiting] = deque()
        self._more = asyncio.Event()
        self._ended = False

    def send(self, waiting: _Waiting) -> None:
        """Queue an envelope."""
        self._unsent.append(waiting)
        self._more.set()

    async def requests(self) -> AsyncIterator[bytes]:
        """Yield envelopes as they are queued, until the stream ends."""
        while True:
            while self._unsent:
                waiting = self._unsent.popleft()
                if not waiting.answer.done():  # else its caller has given up
                    self._unanswered.append(waiting)
                    yield waiting.envelope
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()

    def settle(self, response: BroadcastResponse) -> None:
        """Give the answer to the caller that has waited longest.

        Raises:
            WireError: Nobody waits: the orderer answers what it was not asked.
        """
        if not self._unanswered:
            raise WireError("a response without an envelope")
        waiting = self._unanswered.popleft()
        if not waiting.answer.done():
            waiting.answer.set_result(response)

    def end(self) -> list[_Waiting]:
        """Send nothing more; return what has no answer, in order."""
        rest = [*self._unanswered, *self._unsent]
        self._unanswered.clear()
        self._unsent.clear()
        self._ended = True
        self._more.set()
        return rest


class RemoteOrderer:
    """An ``OrdererConnection`` over gRPC, to be entered as a context or closed.

    All envelopes share one long-lived stream, sent without waiting for earlier answers. The stream
    is opened by the first envelope, and again by the first after it was lost.

    Whoever opens a stream waits a moment for the connection: gRPC spreads its attempts out, and an
    orderer that is back is found at the next one. Fabric's peers do so too.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        endpoint: str,
        tasks: asyncio.TaskGroup,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        broadcast: str = BROADCAST,
    ) -> None:
        """Prepare to use ``channel``; answers are read by a task in ``tasks``.

        Args:
            channel: The connection.
            endpoint: Where it leads.
            tasks: Live as long as this object.
            connect_timeout_s: How long whoever opens a stream waits for the connection. If that is
                less than usual, another orderer can be asked: then one that has just refused the
                connection is not waited for at all.
            broadcast: The method that takes envelopes. Only Fabric's own ends with a refusal.
        """
        self._ends_with_refusal = broadcast == BROADCAST
        self._channel = channel
        self._connect_timeout_s = connect_timeout_s
        self._open_broadcast: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        self._open_broadcast = channel.stream_stream(broadcast)
        self._open_deliver: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        self._open_deliver = channel.stream_stream("/orderer.AtomicBroadcast/Deliver")
        self._endpoint = endpoint
        self._tasks = tasks
        self._stream: _BroadcastStream | None = None
        self._alone: set[asyncio.Timeout] = set()
        self._reading: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> str:
        """Where the orderer listens."""
        return self._endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the streams of envelopes; those who still wait learn that there is no answer.

        The next envelope opens another stream.
        """
        while self._alone:  # each once: what is about to end takes no other deadline
            self._alone.pop().reschedule(0.0)
        if self._reading is not None and self._stream is not None:
            self._reading.cancel()
            self._finish(self._stream, ENDED_EARLY, resend=False)

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        """Return the orderer's answer to one envelope.

        Raises:
            OrdererUnreachableError: There is no answer. The envelope may be ordered all the same.
        """
        if spans.moment() is not None:
            return await self._broadcast_alone(envelope)
        waiting = _Waiting(envelope, asyncio.get_running_loop().create_future())
        if self._stream is None:
            self._open([waiting])
        else:
            self._stream.send(waiting)
        try:
            return await waiting.answer
        finally:
            # An error and this frame, which it leads to, would keep each other and the channel.
            del waiting

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        """Yield blocks, then the status that ends the range.

        Raises:
            OrdererUnreachableError: The stream broke.
            MalformedMessageError: The orderer sent something else.
        """
        await self.connected()  # without a connection, the call says what is wrong
        call = self._open_deliver()
        try:
            # Not an iterator of requests: when one cannot be sent, gRPC cancels the call, which
            # would look like a cancellation of the caller's own task.
            await call.write(seek_envelope)
            while isinstance(response := await call.read(), bytes):
                yield decode(DeliverResponse, response)
        except grpc.aio.AioRpcError as error:
            raise OrdererUnreachableError(self._endpoint, in_words(error)) from error
        finally:
            call.cancel()

    async def _broadcast_alone(self, envelope: bytes) -> BroadcastResponse:
        """Broadcast an envelope on a stream of its own: a stream has one trace, in its metadata."""
        call: grpc.aio.StreamStreamCall[bytes, bytes] | None = None
        try:
            async with self._until_closed():
                await self.connected()  # without a connection, the call says what is wrong
                call = self._open_broadcast(metadata=spans.headers())
                await call.write(envelope)
                await call.done_writing()
                response = await call.read()
            if not isinstance(response, bytes):
                raise OrdererUnreachableError(self._endpoint, ENDED_EARLY)
            return decode(BroadcastResponse, response)
        except grpc.aio.AioRpcError as error:
            raise OrdererUnreachableError(self._endpoint, in_words(error)) from error
        except WireError as error:
            raise OrdererUnreachableError(self._endpoint, str(error)) from error
        except TimeoutError:
            raise OrdererUnreachableError(self._endpoint, ENDED_EARLY) from None
        finally:
            if call is not None:
                call.cancel()

    @asynccontextmanager
    async def _until_closed(self) -> AsyncGenerator[None, None]:
        """Raise TimeoutError out of a block of code that runs when this object is closed."""
        async with asyncio.timeout(None) as patience:
            self._alone.add(patience)
            try:
                yield
            finally:
                self._alone.discard(patience)

    def _open(self, waiting: Iterable[_Waiting]) -> None:
        stream = self._stream = _BroadcastStream(waiting)
        self._reading = self._tasks.create_task(
            self._read(stream), name=f"broadcast to {self._endpoint}"
        )
        # A task that is cancelled before its first step never runs.
        self._reading.add_done_callback(lambda _: self._finish(stream, ENDED_EARLY, resend=False))

    async def _read(self, stream: _BroadcastStream) -> None:
        reason, refused = ENDED_EARLY, False
        try:
            await self.connected()
            async for encoded in self._open_broadcast(stream.requests()):
                response = decode(BroadcastResponse, encoded)
                stream.settle(response)
                is_refused = response.status != Status.SUCCESS
                refused = refused or (is_refused and self._ends_with_refusal)
        except grpc.aio.AioRpcError as error:
            # After a refusal this is only gRPC's word for what could no longer be sent.
            reason = in_words(error)
        except WireError as error:
            reason, refused = str(error), False
        finally:
            task = asyncio.current_task()
            closing = task is not None and task.cancelling() > 0
            self._finish(stream, reason, resend=refused and not closing)

    async def connected(self) -> bool:
        """Return True once the connection stands; False if it does not, and would not soon."""
        ready, failed = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE
        state = self._channel.get_state(try_to_connect=True)
        if state is failed and self._connect_timeout_s < CONNECT_TIMEOUT_S:
            return False
        now_s = asyncio.get_running_loop().time
        deadline_s = now_s() + self._connect_timeout_s
        # gRPC's own way to wait keeps the channel of each wait that is given up.
        while state is not ready and now_s() < deadline_s:
            await asyncio.sleep(_CONNECT_POLL_S)
            state = self._channel.get_state(try_to_connect=True)
        return state is ready

    def _finish(self, stream: _BroadcastStream, reason: str, *, resend: bool) -> None:
        """Give up a stream, unless that has been done."""
        if self._stream is not stream:
            return
        self._stream = self._reading = None
        rest = stream.end()
        # A refusal ends the stream, and the orderer has not looked at what came behind it.
        if resend and rest:
            self._open(rest)
            return
        for waiting in rest:
            if not waiting.answer.done():
                waiting.answer.set_exception(OrdererUnreachableError(self._endpoint, reason))


async def reconnected(channel: grpc.aio.Channel) -> None:
    """Return at once unless the last attempt to connect failed; else after the next, if it helps.

    Between two attempts gRPC fails calls at once, even if the node is back. Its own way to wait is
    not used: it keeps something of each wait that is given up for as long as the node is away.
    """
    failed, now_s = grpc.ChannelConnectivity.TRANSIENT_FAILURE, asyncio.get_running_loop().time
    deadline_s = now_s() + _RECONNECT_TIMEOUT_S
    while channel.get_state(try_to_connect=True) is failed and now_s() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(_RECONNECT_POLL_S)


class RemoteEndorser:
    """An ``EndorserConnection`` over gRPC.

    A peer that was away is waited for until the next attempt to connect. Whoever has a choice asks
    those that are not away first.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stub = EndorserStub(channel)

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        """Return the peer's answer.

        Raises:
            grpc.aio.AioRpcError: The peer refused, or could not be reached.
        """
        await reconnected(self._channel)
        return await self._stub.ProcessProposal(proposal, metadata=spans.headers())
