"""Follows an orderer, for as long as it takes. Source: wire.md §18.2, §6."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count

from tallystick.node.channel.config import ChannelConfig
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
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekPosition, SeekSpecified
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER, build_payload, signed_envelope
from tallystick.wire.errors import WireError
from tallystick.wire.messages import timestamp_from_ns
from tallystick.wire.signing import Signer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PullerEnvironment:
    """What a puller takes from the world.

    Attributes:
        clock: Now, in nanoseconds since the epoch.
        backoff: How long to wait between attempts.
        sleep: Waits for some seconds.
    """

    clock: Callable[[], int]
    backoff: Backoff
    sleep: Callable[[float], Awaitable[None]]


class BlockPuller:
    """The blocks of one channel as its orderers deliver them, each verified.

    A lost or lying orderer is left for the next one. How much may arrive before it is asked
    for is bounded by the flow control of the stream (``transport.options.LOOKAHEAD_BYTES``).
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

    async def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last``, in order and without end.

        The next block is verified only when it is asked for: commit a block before that, so that a
        config block governs its successors. Close the iterator (``contextlib.aclosing``) when done.
        """
        for attempt in count():
            orderers = self._orderers()
            assert orderers, "there must be an orderer to follow"
            orderer = orderers[attempt % len(orderers)]
            try:
                async with aclosing(self._follow(orderer, last)) as blocks:
                    async for block in blocks:
                        self._environment.backoff.reset()
                        last = block.header
                        yield block
            except (OrdererUnreachableError, UntrustedBlockError, WireError) as error:
                _log.warning("stopped following orderer %s: %s", orderer.endpoint, error)
            await self._environment.sleep(self._environment.backoff.next_delay_s())

    async def _follow(
        self, orderer: OrdererConnection, last: BlockHeader
    ) -> AsyncGenerator[Block, None]:
        seek = self._seek(last.number + 1)
        async with aclosing(orderer.deliver(seek)) as responses:
            async for response in responses:
                if response.WhichOneof("Type") != "block":
                    raise OrdererUnreachableError(
                        orderer.endpoint, f"it answered {Status.Name(response.status)}"
                    )
                verify_block(response.block, last, self._config())
                last = response.block.header
                yield response.block

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
