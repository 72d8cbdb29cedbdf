"""Proposals to a peer across a network: on one stream, where the peer knows how to answer there."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from itertools import count
from typing import Final

import grpc

from tallystick.node.telemetry import spans
from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.node.transport.remote import ENDED_EARLY, RemoteEndorser, reconnected
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered, ProposalAsked
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

SERVICE: Final = "tallystick.Endorsement"
METHOD: Final = "Endorse"

_NUMBER_BYTES: Final = 32
"""More than number and lengths add to a proposal on a stream."""

ASKED_AGAIN_AFTER_S: Final = 300
"""How long a peer that knew no stream is called: after an upgrade it may know one."""

_NO_ANSWER_MEANT: Final = {
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""How a stream ends that tells nothing of its proposals, which are then called: the peer does not
know streams (INTERNAL where gRPC was writing when that came), or ends one on which all was refused
for a minute, whatever has just been sent on it."""

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class _Stream:
    """The proposals of one stream, and who waits for an answer, by number.

    Both are bounded by the number of callers, each of which waits for its own answer.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._unsent: OrderedDict[int, ProposalAsked] = OrderedDict()
        self._waiting: dict[int, asyncio.Future[ProposalAnswered]] = {}
        self._more = asyncio.Event()
        self._ended = False

    async def ask(self, proposal: SignedProposal) -> ProposalAnswered:
        """Return the answer to a proposal. Raises what the stream ends with."""
        number = next(self._numbers)
        answer: asyncio.Future[ProposalAnswered] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._unsent[number] = ProposalAsked(number=number, proposal=proposal)
        self._more.set()
        try:
            return await answer
        finally:
            del self._waiting[number]
            if answer.cancelled():
                self._give_up(number)

    def _give_up(self, number: int) -> None:
        was_sent = self._unsent.pop(number, None) is None
        if was_sent and not self._ended:
            self._unsent[number] = ProposalAsked(number=number, given_up=True)
            self._more.set()

    async def requests(self) -> AsyncIterator[bytes]:
        """Yield proposals as they come, and numbers of those given up, until the stream ends."""
        while not self._ended:
            while self._unsent:
                _, asked = self._unsent.popitem(last=False)
                yield asked.SerializeToString()
            self._more.clear()
            await self._more.wait()

    def settle(self, answered: ProposalAnswered) -> None:
        """Give an answer to whoever still waits for it."""
        waiting = self._waiting.get(answered.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answered)

    def end(self, code: grpc.StatusCode, details: str) -> None:
        """Send nothing more, and fail everybody who waits."""
        self._ended = True
        self._more.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(_failure(code, details))


class StreamingEndorser:
    """An ``EndorserConnection`` over gRPC that puts all proposals on one long-lived stream.

    The stream is opened by the first proposal, and again by the first after it was lost. A peer
    that does not know such streams, of Fabric or of an earlier release, is called once for each
    proposal for some minutes, and then asked for a stream again. Every peer is called for a
    proposal that is traced, since a stream has one trace, and for one that is too large, since
    what gRPC does not send ends the whole stream.
    """

    def __init__(self, channel: grpc.aio.Channel, tasks: asyncio.TaskGroup) -> None:
        """Prepare to use ``channel``; answers are read by a task in ``tasks``."""
        self._channel = channel
        self._calls = RemoteEndorser(channel)
        self._open: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        self._open = channel.stream_stream(f"/{SERVICE}/{METHOD}")
        self._tasks = tasks
        self._called_until_s = 0.0
        self._stream: _Stream | None = None
        self._reading: asyncio.Task[None] | None = None

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        """Return the peer's answer.

        Raises:
            grpc.aio.AioRpcError: The peer refused, or could not be reached.
        """
        if self._goes_on_the_stream(proposal):
            try:
                answered = await self._current().ask(proposal)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _NO_ANSWER_MEANT:
                    raise
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    self._called_until_s = _now_s() + ASKED_AGAIN_AFTER_S
            else:
                return response_in(answered)
        return await self._calls.process_proposal(proposal)

    def close(self) -> None:
        """End the stream; those who still wait learn that there is no answer.

        The next proposal opens another one.
        """
        if self._reading is not None and self._stream is not None:
            self._reading.cancel()
            self._finish(self._stream, grpc.StatusCode.UNAVAILABLE, ENDED_EARLY)

    def _goes_on_the_stream(self, proposal: SignedProposal) -> bool:
        fits = proposal.ByteSize() + _NUMBER_BYTES <= MAX_MESSAGE_BYTES
        return fits and _now_s() >= self._called_until_s and spans.moment() is None

    def _current(self) -> _Stream:
        if self._stream is None:
            stream = self._stream = _Stream()
            self._reading = self._tasks.create_task(self._read(stream), name="proposals")
            # A task that is cancelled before its first step never runs.
            self._reading.add_done_callback(
                lambda _: self._finish(stream, grpc.StatusCode.UNAVAILABLE, ENDED_EARLY)
            )
        return self._stream

    async def _read(self, stream: _Stream) -> None:
        code, details = grpc.StatusCode.UNAVAILABLE, ENDED_EARLY
        try:
            await reconnected(self._channel)
            async for encoded in self._open(stream.requests()):
                stream.settle(decode(ProposalAnswered, encoded))
        except grpc.aio.AioRpcError as error:
            code, details = error.code(), error.details() or ""
        except WireError as error:
            code, details = grpc.StatusCode.INTERNAL, str(error)
        finally:
            self._finish(stream, code, details)

    def _finish(self, stream: _Stream, code: grpc.StatusCode, details: str) -> None:
        """Give up a stream, unless that has been done."""
        if self._stream is stream:
            self._stream = self._reading = None
            stream.end(code, details)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def response_in(answered: ProposalAnswered) -> ProposalResponse:
    """Return the response that an answer holds.

    Raises:
        grpc.aio.AioRpcError: It holds a refusal instead, or nothing.
    """
    if answered.HasField("response"):
        return answered.response
    refusal = answered.refusal
    raise _failure(_CODES.get(refusal.code, grpc.StatusCode.UNKNOWN), refusal.details)


def _failure(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details)
