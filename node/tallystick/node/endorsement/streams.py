"""Endorsements for the gateways of other peers: ``tallystick.Endorsement/Endorse``.

It does what ``protos.Endorser/ProcessProposal`` does, for many proposals on one stream.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final

import grpc

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.response import REFUSED
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.node.transport.ports import Caller, CallStanding
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered, ProposalAsked, Refusal
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

MAX_UNANSWERED: Final = 1_000
"""How many proposals of one stream are worked on, or have answers that nobody has fetched."""

MAX_UNFETCHED_BYTES: Final = 16 * 1024 * 1024
"""No proposal is begun while more of a stream's answers than this wait to be fetched."""

Process = Callable[[SignedProposal], Awaitable[ProposalResponse]]

_log = logging.getLogger(__name__)


class EndorsementStreams:
    """Answers each proposal of a stream as soon as its answer is there."""

    def __init__(self, process: Process) -> None:
        """Answer with ``process``, usually `Endorser.process`."""
        self._process = process
        self._reading: set[asyncio.Task[None]] = set()

    async def endorse(
        self, requests: AsyncIterator[bytes], caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """Yield one ``ProposalAnswered`` for each ``ProposalAsked``, in any order."""
        # No task group: a generator that is closed early would end one in another task.
        stream = _Stream(self._process, caller.call)
        reading = asyncio.get_running_loop().create_task(stream.read(requests))
        self._reading.add(reading)
        try:
            async for answer in stream.answers():
                yield answer
            if not reading.cancelled():
                await reading
        except WireError as error:
            _log.info("ended a stream of proposals from %s: %s", caller.address, error)
        finally:
            self._reading.discard(reading)
            reading.cancel()
            stream.give_up()

    def close(self) -> None:
        """Take no more proposals; a stream ends once those that it has taken are answered."""
        for reading in self._reading:
            reading.cancel()


class _Stream:
    """The proposals of one stream that are being worked on, and the answers to others."""

    def __init__(self, process: Process, call: CallStanding) -> None:
        self._process = process
        self._call = call
        self._working: dict[int, asyncio.Task[None]] = {}
        self._answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unfetched_bytes = 0
        self._may_have_room = asyncio.Event()

    async def read(self, requests: AsyncIterator[bytes]) -> None:
        """Begin to work on each proposal; end the answers once there are no more proposals.

        Raises:
            WireError: What came is no proposal, or has the number of another one.
        """
        try:
            async for request in requests:
                asked = decode(ProposalAsked, request)
                if asked.given_up:
                    self._stop(asked.number)
                    self._rest()
                else:
                    await self._room()
                    self._begin(asked)
        finally:
            if self._working:
                await asyncio.wait(self._working.values())
            self._answers.put_nowait(None)

    async def answers(self) -> AsyncIterator[bytes]:
        """Yield encoded answers until there will be no more."""
        while (answer := await self._answers.get()) is not None:
            self._unfetched_bytes -= len(answer)
            self._may_have_room.set()
            yield answer

    def give_up(self) -> None:
        """Stop working: nobody waits for the answers any more."""
        for task in self._working.values():
            task.cancel()

    async def _room(self) -> None:
        """Return once another proposal may be begun."""
        while (
            len(self._working) + self._answers.qsize() >= MAX_UNANSWERED
            or self._unfetched_bytes > MAX_UNFETCHED_BYTES
        ):
            self._may_have_room.clear()
            await self._may_have_room.wait()

    def _begin(self, asked: ProposalAsked) -> None:
        number = asked.number
        if number in self._working:
            raise WireError(f"two proposals have the number {number}")

        def ended(_: asyncio.Task[None]) -> None:
            del self._working[number]
            self._may_have_room.set()
            self._rest()

        self._working[number] = asyncio.get_running_loop().create_task(self._answer(asked))
        self._working[number].add_done_callback(ended)

    def _rest(self) -> None:
        """Let the transport know when there is nothing to do: of strangers it ends the stream."""
        if not self._working:
            self._call.refused()

    def _stop(self, number: int) -> None:
        """Stop to work for somebody who has given up, perhaps because of an answer on its way."""
        if number in self._working:
            self._working[number].cancel()

    async def _answer(self, asked: ProposalAsked) -> None:
        answered = ProposalAnswered(number=asked.number)
        try:
            answered.response.CopyFrom(await self._process(asked.proposal))
            if answered.response.response.status < REFUSED:
                self._call.admitted()
        except ProposalRefusedError as error:
            answered.refusal.CopyFrom(_refusal(grpc.StatusCode.UNKNOWN, str(error)))
        except TooBusyError as error:
            answered.refusal.CopyFrom(_refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)))
        except Exception:  # noqa: BLE001  # one proposal's defect is not to cost others their answers
            _log.exception("a proposal that another peer passed on met a defect")
            answered.refusal.CopyFrom(_refusal(grpc.StatusCode.UNKNOWN, "unexpected error"))
        encoded = _encoded(answered)
        self._unfetched_bytes += len(encoded)
        self._answers.put_nowait(encoded)


def _encoded(answered: ProposalAnswered) -> bytes:
    """Return the bytes of an answer; of a refusal, where they would end the stream for all."""
    encoded = answered.SerializeToString()
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return encoded
    details = (
        f"the answer of {len(encoded)} bytes exceeds the limit of {MAX_MESSAGE_BYTES} bytes of a"
        " message, and has the chaincode's response in it twice; ask the chaincode for less"
    )
    refusal = _refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, details)
    return ProposalAnswered(number=answered.number, refusal=refusal).SerializeToString()


def _refusal(code: grpc.StatusCode, details: str) -> Refusal:
    return Refusal(code=code.value[0], details=details)
