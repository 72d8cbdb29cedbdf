"""Follows an orderer, for as long as it takes. Source: wire.md §18.2, §6."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.known_orderers import KnownOrderers, UnknownOrderersError
from tallystick.node.deliver.newest import none_owed, stated_height
from tallystick.node.deliver.ranges import FAR_BEHIND_BLOCKS, RangeFetch
from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.deliver.trouble import Trouble
from tallystick.node.deliver.verification import Previous, UntrustedBlockError, verify_block
from tallystick.node.deliver.witnesses import Grace, Inquiry, first_witness
from tallystick.node.errors import LedgerError
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block, Status
from tallystick.protos.orderer.ab_pb2 import DeliverResponse
from tallystick.wire.errors import WireError
from tallystick.wire.signing import Signer

PATIENCE_S: Final = 30.0
"""How long an orderer may send nothing before another is asked, as long as Fabric's peers wait."""
SILENCE_S: Final = 1.0
"""How long it may send nothing before others are asked whether there is something to send."""

_REFUSALS: Final = {
    Status.BAD_REQUEST: "the clock here is far off its clock, or the TLS certificate is not that of"
    " the connection; its log says which",
    Status.FORBIDDEN: "this organisation is no member of the channel, or not yet, or its"
    " certificate is none of those that the channel takes",
    Status.NOT_FOUND: "it does not order this channel",
}


class DeliveryRefusedError(LedgerError):
    """An orderer answers that it delivers no blocks.

    Attributes:
        status: Its answer.
    """

    def __init__(self, status: Status.ValueType) -> None:
        name = Status.Name(status) if status in Status.values() else f"status {status}"
        meaning = _REFUSALS.get(status)
        super().__init__(f"it answered {name}{f': {meaning}' if meaning else ''}")
        self.status = status


_TROUBLE: Final = (
    DeliveryRefusedError,
    OrdererUnreachableError,
    SigningFailedError,
    UntrustedBlockError,
    UnknownOrderersError,
    WireError,
)
"""Why an orderer is left, beside another one being better."""

_log = logging.getLogger(__name__)


class _LeavingError(Exception):
    """Another orderer's turn; the message says why. Never leaves this module.

    Attributes:
        better: The one to follow instead, if there is a reason to prefer one.
    """

    def __init__(self, reason: str, better: OrdererConnection | None = None) -> None:
        super().__init__(reason)
        self.better = better


@dataclass(frozen=True, slots=True)
class PullerEnvironment:
    """What a puller takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        backoff: How long to wait between attempts.
        sleep: Waits for some seconds.
        patience_s: After how many seconds of silence another orderer is followed, if there is one.
    """

    clock: Callable[[], int]
    backoff: Backoff
    sleep: Callable[[float], Awaitable[None]]
    patience_s: float = PATIENCE_S


class BlockPuller:
    """The blocks of one channel as its orderers deliver them, each verified.

    A lost or lying orderer is left for the next one. One that is silent while another proves to
    have the next block is left for that. So is one that sends nothing for long, proof or not:
    perhaps nobody else could be asked. And so is one that the channel no longer names. How much may
    arrive before it is asked for is bounded by the flow control of the stream
    (``transport.options.LOOKAHEAD_BYTES``).
    """

    def __init__(
        self,
        orderers: Callable[[], Sequence[OrdererConnection]],
        *,
        signer: Signer,
        config: Callable[[], ChannelConfig],
        environment: PullerEnvironment,
        tls_certificate_hash: bytes = b"",
    ) -> None:
        """Prepare to pull.

        Args:
            orderers: Returns those of the moment, asked for each attempt and each configuration;
                an OSError is trouble that passes. Any will do; they are tried in turn.
            signer: Who asks; must satisfy the channel's readers policy.
            config: The configuration in force, asked anew for each block.
            environment: Clock, delays and sleep.
            tls_certificate_hash: Hash of the client certificate, where the orderers require one.
        """
        self._known = KnownOrderers(orderers, config)
        self._signer = signer
        self._config = config
        self._environment = environment
        self._tls_certificate_hash = tls_certificate_hash
        self._better: OrdererConnection | None = None
        self._grace = Grace(longest_s=environment.patience_s)
        self._trouble = Trouble()

    def fault(self) -> str:
        """Return what keeps blocks from coming, once it has lasted; empty when all is well."""
        return self._trouble.text(asyncio.get_running_loop().time(), self._environment.patience_s)

    async def blocks(self, last: Previous) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last``, in order and without end.

        The next block is verified only when it is asked for: commit a block before that, so that a
        config block governs its successors. Close the iterator (``contextlib.aclosing``) when done.
        """
        for attempt in count():
            orderer = self._chosen(attempt)
            if orderer is not None:
                async with aclosing(self._trusting(orderer, last)) as blocks:
                    async for block in blocks:
                        self._environment.backoff.reset()
                        last = block.header
                        yield block
            await self._environment.sleep(self._environment.backoff.next_delay_s())

    def _chosen(self, attempt: int) -> OrdererConnection | None:
        """Return whose turn it is; None if nobody's, which is logged."""
        try:
            orderers = self._known.renewed()
        except UnknownOrderersError as error:
            _log.warning("channel %s: %s", self._config().channel_id, error)
            self._trouble.failed(asyncio.get_running_loop().time(), str(error))
            return None
        better, self._better = self._better, None
        if better is not None and better in orderers:
            return better
        if not orderers:
            _log.error(
                "channel %s names no orderers: write [[orderers]] into this peer's settings",
                self._config().channel_id,
            )
            return None
        return orderers[attempt % len(orderers)]

    async def _trusting(
        self, orderer: OrdererConnection, last: Previous
    ) -> AsyncGenerator[Block, None]:
        """Yield blocks as long as there is no reason to prefer another orderer; log the reason."""
        now_s = asyncio.get_running_loop().time
        try:
            async with aclosing(self._follow(orderer, last)) as blocks:
                async for block in blocks:
                    self._trouble.over()
                    yield block
        except _LeavingError as error:
            _log.info("stopped following orderer %s: %s", orderer.endpoint, error)
            self._better = error.better
            if error.better is not None:  # trouble, unless that one gives the block
                self._trouble.failed(now_s(), f"{orderer.endpoint}: {error}")
        except _TROUBLE as error:
            _log.warning("stopped following orderer %s: %s", orderer.endpoint, error)
            self._trouble.failed(now_s(), f"{orderer.endpoint}: {error}")

    async def _follow(
        self, orderer: OrdererConnection, last: Previous
    ) -> AsyncGenerator[Block, None]:
        async with aclosing(self._catch_up(orderer, last)) as missing:
            async for block in missing:
                last = block.header
                yield block
        config = self._config()
        _log.info("follows orderer %s from block %d on", orderer.endpoint, last.number + 1)
        request = self._requests(config).following(last.number + 1)
        async with aclosing(orderer.deliver(request)) as responses:
            while response := await self._next(responses, orderer, last):
                if response.WhichOneof("Type") != "block":
                    raise DeliveryRefusedError(response.status)
                verify_block(response.block, last, config)
                last = response.block.header
                yield response.block
                if self._config() is not config:
                    config = self._config()
                    if orderer not in self._known.current():
                        raise _LeavingError("the channel has other orderers now")

    async def _catch_up(
        self, orderer: OrdererConnection, last: Previous
    ) -> AsyncGenerator[Block, None]:
        """Yield the blocks that an orderer has, from whoever has them, if they are many."""
        if len(self._known.current()) == 1:
            return
        requests = self._requests(self._config())
        # Nothing depends on that being true: blocks are asked for as far as somebody has them.
        height = await stated_height(orderer, requests) or 0
        newest = height - 1
        if newest - last.number < FAR_BEHIND_BLOCKS:
            return
        _log.info("fetches blocks %d to %d from all orderers", last.number + 1, newest)
        fetch = RangeFetch(self._known.current, requests, self._config)
        async with aclosing(fetch.blocks(last, newest)) as blocks:
            async for block in blocks:
                yield block

    def _requests(self, config: ChannelConfig) -> SeekRequests:
        return SeekRequests(
            config.channel_id, self._signer, self._environment.clock, self._tls_certificate_hash
        )

    async def _next(
        self,
        responses: AsyncGenerator[DeliverResponse, None],
        orderer: OrdererConnection,
        last: Previous,
    ) -> DeliverResponse | None:
        """Return what an orderer sends next, None at the end, as long as there is patience."""
        others = [other for other in self._known.current() if other is not orderer]
        if not others and not self._trouble:
            return await anext(responses, None)
        patience_s = self._environment.patience_s
        shown = _Shown()
        try:
            async with (
                supervised_tasks() as beside,
                asyncio.timeout(patience_s if others else None) as limit,
            ):
                watching: list[asyncio.Task[None]] = []
                if others:
                    watching.append(beside.create_task(self._watch(others, last, limit, shown)))
                if self._trouble:
                    watching.append(beside.create_task(self._reassured(orderer, others, last)))
                response = await anext(responses, None)
                for each in watching:
                    each.cancel()
        except TimeoutError as error:
            if shown.by is None:
                raise _LeavingError(f"it sent nothing for {patience_s:g} s") from error
            self._grace.was_in_vain()
            raise _LeavingError(
                f"it did not send block {last.number + 1}, which {shown.by.endpoint} has", shown.by
            ) from error
        self._grace.block_came(shown.for_s())
        return response

    async def _reassured(
        self, orderer: OrdererConnection, others: Sequence[OrdererConnection], last: Previous
    ) -> None:
        """End the trouble once it turns out that nothing comes since there is nothing to send."""
        await asyncio.sleep(SILENCE_S)
        await none_owed(orderer, others, self._requests(self._config()), last.number + 1)
        self._trouble.over()

    async def _watch(
        self,
        others: Sequence[OrdererConnection],
        last: Previous,
        limit: asyncio.Timeout,
        shown: "_Shown",
    ) -> None:
        """Bring ``limit`` nearer once another orderer shows the block that is waited for."""
        await asyncio.sleep(SILENCE_S)
        config = self._config()
        inquiry = Inquiry(self._requests(config), last, config)
        shown.by = await first_witness(others, inquiry)
        if shown.by is not None:
            shown.at_s = asyncio.get_running_loop().time()
            if not limit.expired():  # patience may have ended in this very moment
                limit.reschedule(shown.at_s + self._grace.seconds)


@dataclass(slots=True)
class _Shown:
    """Who has shown the block that is waited for, and when; None if nobody has."""

    by: OrdererConnection | None = None
    at_s: float = 0.0

    def for_s(self) -> float:
        """Return how long ago that was; 0 if it was not."""
        return 0.0 if self.by is None else asyncio.get_running_loop().time() - self.at_s
