"""Takes envelopes in: ``orderer.AtomicBroadcast/Broadcast``. Source: wire.md §7.1."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.rates import ClientRates
from tallystick.node.membership.errors import IdentityError
from tallystick.node.observability.context import Subject, logging_about, subject
from tallystick.node.observability.metrics import OrdererMetrics
from tallystick.node.ordering.admission import (
    Refused,
    Submission,
    read_submission,
    unknown_channel,
)
from tallystick.node.ordering.chain import Answer, Chain, at_once, unavailable
from tallystick.node.telemetry import spans
from tallystick.node.transport.ports import Caller
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse

Placed = tuple[Answer, Chain | None, Submission | None]
"""What becomes of an envelope, the chain that decides it, if one does, and what could be read."""

_BROADCAST: Final = "orderer.AtomicBroadcast/Broadcast"
_FORWARD: Final = "tallystick.Ordering/Forward"
MAX_UNREAD: Final = 10_000
"""Answers that one stream may leave unread, those that are still to come included."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=64)
def _success(leader: str) -> bytes:
    """Return the response to an ordered envelope, which names the orderer that ordered it.

    Gateways of our peers ask that one first next time; Fabric's read no further than SUCCESS.
    """
    return BroadcastResponse(status=Status.SUCCESS, info=leader).SerializeToString()


class OrderedChannel(Protocol):
    """A channel that this orderer serves."""

    @property
    def chain(self) -> Chain:
        """Its total order."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""


class LeadingChain(Protocol):
    """A chain of several orderers, one of whom leads."""

    def order_here(self, submission: Submission) -> Answer:
        """Order an envelope that another orderer forwarded: only the leader does."""


@dataclass(frozen=True, slots=True)
class SharedChannel:
    """A channel that this orderer serves with others.

    Attributes:
        chain: Its total order.
        config: The configuration in force.
    """

    chain: LeadingChain
    config: ChannelConfig


class BroadcastService:
    """Answers the envelopes of a stream in their order, each once it is ordered or refused.

    The next envelope is taken while those before it still wait, and without another in between, so
    the order on the stream is the order on the chain. Nothing is taken behind a refusal; what was
    taken before it was known gets its answer, then the stream ends.
    """

    def __init__(
        self,
        channels: Callable[[str], OrderedChannel | None],
        metrics: OrdererMetrics,
        rates: ClientRates,
    ) -> None:
        self._channels = channels
        self._metrics = metrics
        self._rates = rates

    def broadcast(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        """Yield one response per envelope."""
        return _answered(requests, caller, _Stream(self._place, ends_with_refusal=True))

    def _place(self, envelope: bytes) -> Placed:
        submission = read_submission(envelope)
        if isinstance(submission, Refused):
            return self._counted("", at_once(submission)), None, None
        channel = self._channels(submission.channel_id)
        if channel is None:
            return self._counted("", at_once(unknown_channel())), None, submission
        with _span(_BROADCAST, submission) as until:
            order = channel.chain.order
            answer = _charged(submission, channel.config, self._rates, order)
            until(answer)
        counted = self._counted(submission.channel_id, answer)
        return counted, channel.chain, submission

    def _counted(self, channel_id: str, answer: Answer) -> Answer:
        """Return an answer that is counted and timed once it is there."""
        now_s = asyncio.get_running_loop().time
        taken_s = now_s()

        def count(given: Answer) -> None:
            if given.cancelled():
                return  # its client has gone
            refused = given.result()
            status = Status.SUCCESS if refused is None else refused.status
            self._metrics.envelope_answered(channel_id, Status.Name(status), now_s() - taken_s)

        answer.add_done_callback(count)
        return answer


class ForwardService:
    """Takes what other orderers forward: as Broadcast, but no refusal ends a stream.

    One orderer's stream carries the envelopes of all its clients.

    Nothing on a stream tells an orderer from anybody else: certificates for TLS are not in the
    channel's configuration, and mutual TLS may be off. So clients are charged here as in Broadcast,
    by the same rates: else whoever came this way would have none. Each orderer has rates of its
    own, and charges an envelope once: what was handed on is not handed on again. So the leader
    charges an honest client for what the orderer before it has charged, and allows as much.
    """

    def __init__(self, channels: Callable[[str], SharedChannel | None], rates: ClientRates) -> None:
        self._channels = channels
        self._rates = rates

    def forward(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        """Yield one response per envelope."""
        return _answered(requests, caller, _Stream(self._place, ends_with_refusal=False))

    def _place(self, envelope: bytes) -> Placed:
        submission = read_submission(envelope)
        if isinstance(submission, Refused):
            return at_once(submission), None, None
        channel = self._channels(submission.channel_id)
        if channel is None:
            return at_once(unknown_channel()), None, submission
        with _span(_FORWARD, submission) as until:
            order = channel.chain.order_here
            answer = _charged(submission, channel.config, self._rates, order)
            until(answer)
        return answer, None, submission


def _about(submission: Submission | None) -> Subject:
    if submission is None:
        return subject()
    return subject(channel=submission.channel_id, transaction_id=submission.transaction_id)


def _charged(
    submission: Submission,
    config: ChannelConfig,
    rates: ClientRates,
    order: Callable[[Submission], Answer],
) -> Answer:
    """Order an envelope, unless its client has nothing left; charge for what is ordered."""
    try:
        client = config.msps.identity(submission.signed.identity)
        rates.check(client)
    except IdentityError:
        return order(submission)  # which refuses it, and says why
    except TooBusyError as error:
        return at_once(unavailable(str(error)))
    answer = order(submission)

    def charge(given: Answer) -> None:
        if not given.cancelled() and given.result() is None:
            rates.charge(client)

    if answer.done():
        charge(answer)
    else:
        answer.add_done_callback(charge)
    return answer


def _span(method: str, submission: Submission) -> AbstractContextManager[spans.Until]:
    return spans.span_until(
        method, channel=submission.channel_id, transaction_id=submission.transaction_id
    )


async def _answered(
    requests: AsyncIterator[bytes], caller: Caller, stream: "_Stream"
) -> AsyncGenerator[bytes, None]:
    # No task group: a generator that is closed early would end one in another task. What the task
    # raises is raised here.
    reading = asyncio.get_running_loop().create_task(stream.read(requests))
    try:
        while (placed := await stream.next_placed()) is not None:
            answer, chain, submission = placed
            refused = await answer
            if refused is None:
                caller.call.admitted()
                yield _success("" if chain is None else chain.leader)
            else:
                stream.stop()
                if stream.is_idle:
                    caller.call.refused()
                with logging_about(_about(submission)):
                    _report(refused, caller)
                yield BroadcastResponse(
                    status=refused.status, info=refused.info
                ).SerializeToString()
        if not stream.stopped:
            await reading
    finally:
        reading.cancel()


class _Stream:
    """The answers to the envelopes of one stream.

    Who does not read them is no longer listened to at ``MAX_UNREAD``: else a client that only sends
    would fill the memory with answers to what was ordered long ago.
    """

    def __init__(self, place: Callable[[bytes], Placed], *, ends_with_refusal: bool) -> None:
        self._place = place
        self._ends_with_refusal = ends_with_refusal
        self._placed: asyncio.Queue[Placed | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(MAX_UNREAD)
        self._outstanding = 0
        self.stopped = False

    async def read(self, requests: AsyncIterator[bytes]) -> None:
        """Place envelopes until the stream ends or is stopped."""
        try:
            async for envelope in requests:
                await self._room.acquire()
                if self.stopped:  # perhaps while this one waited
                    return
                placed = self._place(envelope)
                self._placed.put_nowait(placed)
                self._outstanding += 1
                answer, *_ = placed
                if self._ends_with_refusal and answer.done() and answer.result() is not None:
                    self.stopped = True
                    return
        finally:
            self._placed.put_nowait(None)

    @property
    def is_idle(self) -> bool:
        """Whether no answer is outstanding."""
        return self._outstanding == 0

    async def next_placed(self) -> Placed | None:
        """Return the next answer with its chain; None behind the last one."""
        placed = await self._placed.get()
        self._room.release()
        self._outstanding -= placed is not None
        return placed

    def stop(self) -> None:
        """Place nothing more, if a refusal ends the stream; answers outstanding still come."""
        if self._ends_with_refusal and not self.stopped:
            self.stopped = True
            self._placed.put_nowait(None)


def _report(refused: Refused, caller: Caller) -> None:
    _log.info(
        "refused an envelope from %s with %s: %s",
        caller.address,
        Status.Name(refused.status),
        refused.info,
    )
