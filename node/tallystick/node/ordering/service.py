"""Takes envelopes in: ``orderer.AtomicBroadcast/Broadcast``. Source: wire.md §7.1."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

from tallystick.node.ordering.admission import (
    Refused,
    Submission,
    read_submission,
    unknown_channel,
)
from tallystick.node.ordering.chain import Chain, ChainUnavailableError
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.transport.ports import Caller
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse

_log = logging.getLogger(__name__)

_SUCCESS: Final = BroadcastResponse(status=Status.SUCCESS).SerializeToString()


class OrderedChannel(Protocol):
    """A channel that this orderer serves."""

    @property
    def admission(self) -> ChannelAdmission:
        """What may be ordered on it."""

    @property
    def chain(self) -> Chain:
        """Its total order."""


class BroadcastService:
    """Answers each envelope in turn, and ends a stream with the first refusal.

    On a stream with many envelopes under way, an envelope is taken, judged and queued without
    another in between, so the order on the stream is the order on the chain.
    """

    def __init__(self, channels: Callable[[str], OrderedChannel | None]) -> None:
        self._channels = channels

    async def broadcast(
        self, requests: AsyncIterator[bytes], caller: Caller
    ) -> AsyncIterator[bytes]:
        """Yield one response per envelope."""
        async for envelope in requests:
            refused = await self._take(envelope)
            if refused is not None:
                _log.info(
                    "refused an envelope from %s with %s: %s",
                    caller.address,
                    Status.Name(refused.status),
                    refused.info,
                )
                yield BroadcastResponse(
                    status=refused.status, info=refused.info
                ).SerializeToString()
                return
            yield _SUCCESS

    async def _take(self, envelope: bytes) -> Refused | None:
        submission = read_submission(envelope)
        if isinstance(submission, Refused):
            return submission
        channel = self._channels(submission.channel_id)
        return unknown_channel() if channel is None else await take(submission, channel)


async def take(submission: Submission, channel: OrderedChannel) -> Refused | None:
    """Judge an envelope for ``channel`` and queue it there; return why not, or None if it is."""
    admitted = channel.admission.admit(submission)
    if isinstance(admitted, Refused):
        return admitted
    try:
        await channel.chain.order(admitted)
    except ChainUnavailableError as error:
        return Refused(Status.SERVICE_UNAVAILABLE, str(error))
    return None
