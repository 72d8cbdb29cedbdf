"""Follows an orderer, for as long as it takes. Source: wire.md §18.2, §6."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.trouble import Trouble
from tallystick.node.deliver.verification import UntrustedBlockError, verify_block
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    Block,
    BlockHeader,
    ChannelHeader,
    Status,
)
from tallystick.protos.orderer.ab_pb2 import DeliverResponse, SeekInfo, SeekPosition, SeekSpecified
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER, build_payload, signed_envelope
from tallystick.wire.errors import WireError
from tallystick.wire.messages import timestamp_from_ns
from tallystick.wire.signing import Signer

PATIENCE_S: Final = 30.0
"""How long an orderer may send nothing before another is asked, as long as Fabric's peers wait."""

_log = logging.getLogger(__name__)


class _LeavingError(Exception):
    """Another orderer's turn; the message says why. Never leaves this module."""


@dataclass(frozen=True, slots=True)
class PullerEnvironment:
    """What a puller takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        backoff: How long to wait between attempts.
        sleep: Waits for some seconds.
        patience_s: After how many seconds of silence another orderer is asked, if there is one.
    """

    clock: Callable[[], int]
    backoff: Backoff
    sleep: Callable[[float], Awaitable[None]]
    patience_s: float = PATIENCE_S


class BlockPuller:
    """The blocks of one channel as its orderers deliver them, each verified.

    A lost or lying orderer is left for the next one. So is one that sends nothing for a while:
    there may be nothing, but it may also be cut off from the others, or withhold a block. And so is
    one that the channel no longer names. How much may arrive before it is asked for is bounded by
    the flow control of the stream (``transport.options.LOOKAHEAD_BYTES``).
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
            orderers: Returns those of the moment. Any will do; they are tried in turn.
            signer: Who asks; must satisfy the channel's readers policy.
            config: The configuration in force, asked anew for each block.
            environment: Clock, delays and sleep.
            tls_certificate_hash: Hash of the client certificate, where the orderers require one.
        """
        self._orderers = orderers
        self._signer = signer
        self._config = config
        self._environment = environment
        self._tls_certificate_hash = tls_certificate_hash
        self._trouble = Trouble()

    def fault(self) -> str:
        """Return what keeps blocks from coming, once it has lasted; empty when all is well."""
        return self._trouble.text(asyncio.get_running_loop().time(), self._environment.patience_s)

    async def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last``, in order and without end.

        The next block is verified only when it is asked for: commit a block before that, so that a
        config block governs its successors. Close the iterator (``contextlib.aclosing``) when done.
        """
        for attempt in count():
            orderers = self._orderers()
            if not orderers:
                _log.error(
                    "channel %s names no orderers: write [[orderers]] into this peer's settings",
                    self._config().channel_id,
                )
            else:
                orderer = orderers[attempt % len(orderers)]
                patience_s = self._environment.patience_s if len(orderers) > 1 else None
                async with aclosing(self._trusting(orderer, last, patience_s)) as blocks:
                    async for block in blocks:
                        self._environment.backoff.reset()
                        last = block.header
                        yield block
            await self._environment.sleep(self._environment.backoff.next_delay_s())

    async def _trusting(
        self, orderer: OrdererConnection, last: BlockHeader, patience_s: float | None
    ) -> AsyncGenerator[Block, None]:
        """Yield blocks as long as there is no reason to prefer another orderer; log the reason."""
        now_s = asyncio.get_running_loop().time
        self._trouble.asked(now_s())
        try:
            async with aclosing(self._follow(orderer, last, patience_s)) as blocks:
                async for block in blocks:
                    self._trouble.over()
                    yield block
        except _LeavingError as error:
            _log.info("stopped following orderer %s: %s", orderer.endpoint, error)
        except (OrdererUnreachableError, UntrustedBlockError, WireError) as error:
            _log.warning("stopped following orderer %s: %s", orderer.endpoint, error)
            self._trouble.failed(now_s(), f"{orderer.endpoint}: {error}")

    async def _follow(
        self, orderer: OrdererConnection, last: BlockHeader, patience_s: float | None
    ) -> AsyncGenerator[Block, None]:
        config = self._config()
        async with aclosing(orderer.deliver(self._seek(last.number + 1))) as responses:
            while response := await _next(responses, patience_s):
                if response.WhichOneof("Type") != "block":
                    raise OrdererUnreachableError(
                        orderer.endpoint, f"it answered {Status.Name(response.status)}"
                    )
                verify_block(response.block, last, config)
                last = response.block.header
                yield response.block
                if self._config() is not config:
                    config = self._config()
                    if orderer not in self._orderers():
                        raise _LeavingError("the channel has other orderers now")

    def _seek(self, start: int) -> bytes:
        channel_header = ChannelHeader(
            type=DELIVER_SEEK_INFO,
            channel_id=self._config().channel_id,
            timestamp=timestamp_from_ns(self._environment.clock()),
            tls_cert_hash=self._tls_certificate_hash,
        )
        seek = SeekInfo(
            start=SeekPosition(specified=SeekSpecified(number=start)),
            stop=SeekPosition(specified=SeekSpecified(number=FOREVER_BLOCK_NUMBER)),
            behavior=SeekInfo.BLOCK_UNTIL_READY,
        )
        payload = build_payload(
            channel_header, seek.SerializeToString(), creator=self._signer.identity
        )
        return signed_envelope(payload, self._signer).SerializeToString()


async def _next(
    responses: AsyncIterator[DeliverResponse], patience_s: float | None
) -> DeliverResponse | None:
    try:
        async with asyncio.timeout(patience_s):
            return await anext(responses, None)
    except TimeoutError as error:
        raise _LeavingError(f"it sent nothing for {patience_s:g} s") from error
