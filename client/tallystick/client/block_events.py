"""Blocks as a peer commits them. Source: wire.md §5.7, §6."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import grpc

from tallystick.client.chaincode_events import seek_position
from tallystick.client.checkpoint import Checkpoint
from tallystick.client.errors import RpcFailure
from tallystick.client.events_request import EventKind, EventsRequest, SignedContent
from tallystick.client.session import Session
from tallystick.client.transport import GatewayTransport
from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    Block,
    ChannelHeader,
    Envelope,
    Payload,
    Status,
)
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekPosition, SeekSpecified
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData, DeliverResponse, FilteredBlock
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER, build_payload
from tallystick.wire.messages import decode, timestamp_from_ns

BlockT = TypeVar("BlockT")

_CODES: Final = {
    Status.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    Status.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Status.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Status.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
_MEANINGS: Final = {
    Status.BAD_REQUEST: "the peer cannot use the request; set the clock, which may be far off the"
    " peer's, and connect without a proxy that has a TLS certificate of its own",
    Status.FORBIDDEN: "this identity may not read the channel's blocks; have its organisation"
    " admitted, its certificate renewed, or a policy of readers changed",
    Status.NOT_FOUND: "the peer is not on this channel, or has pruned the first block that is"
    " asked for; ask another peer",
    Status.SERVICE_UNAVAILABLE: "the peer stops, or has a damaged block; ask another peer, or this"
    " one again later",
}
"""The protocol carries no reason: that is in the peer's log."""


@dataclass(frozen=True, slots=True)
class BlockEvents(EventKind[BlockT]):
    """Blocks in one of their three forms. Source: wire.md §5.7, §6.

    Attributes:
        name: What they are called in messages to people.
        field: Where in a response they are.
        stream: Asks a peer for them.
        read: Returns the one in a response.
    """

    name: str
    field: Literal["block", "filtered_block", "block_and_private_data"]
    stream: Callable[[GatewayTransport, Envelope], AsyncGenerator[DeliverResponse, None]]
    read: Callable[[DeliverResponse], BlockT]

    def source(self, content: bytes) -> str:
        """Name form and channel."""
        header = decode(ChannelHeader, decode(Payload, content).header.channel_header)
        return f"{self.name} of {header.channel_id}"

    def encode(self, request: SignedContent) -> bytes:
        """Return ``common.Envelope``."""
        return _envelope(request).SerializeToString()

    def decode(self, data: bytes) -> SignedContent:
        """Return what is in ``common.Envelope``."""
        envelope = decode(Envelope, data)
        return SignedContent(envelope.payload, envelope.signature)

    async def events(
        self, transport: GatewayTransport, request: SignedContent
    ) -> AsyncGenerator[BlockT, None]:
        """Yield the blocks in order."""
        async with aclosing(self.stream(transport, _envelope(request))) as responses:
            async for response in responses:
                if not response.HasField(self.field):
                    raise _unexpected(response)
                yield self.read(response)


BLOCKS: Final[BlockEvents[Block]] = BlockEvents(
    "blocks",
    "block",
    lambda transport, request: transport.deliver(request),
    lambda response: response.block,
)
FILTERED_BLOCKS: Final[BlockEvents[FilteredBlock]] = BlockEvents(
    "filtered blocks",
    "filtered_block",
    lambda transport, request: transport.deliver_filtered(request),
    lambda response: response.filtered_block,
)
BLOCKS_AND_PRIVATE_DATA: Final[BlockEvents[BlockAndPrivateData]] = BlockEvents(
    "blocks and private data",
    "block_and_private_data",
    lambda transport, request: transport.deliver_with_private_data(request),
    lambda response: response.block_and_private_data,
)


def block_events_request(
    session: Session, channel_id: str, kind: BlockEvents[BlockT], start: Checkpoint | None
) -> EventsRequest[BlockT]:
    """Return a request without end for blocks from ``start`` on, or from the next commit on.

    It is bound to the client's TLS certificate if there is one.
    """
    channel_header = ChannelHeader(
        type=DELIVER_SEEK_INFO,
        timestamp=timestamp_from_ns(session.environment.now_ns()),
        channel_id=channel_id,
        tls_cert_hash=session.tls_certificate_hash,
    )
    seek = SeekInfo(
        start=seek_position(start),
        stop=SeekPosition(specified=SeekSpecified(number=FOREVER_BLOCK_NUMBER)),
        behavior=SeekInfo.BLOCK_UNTIL_READY,
    )
    payload = build_payload(
        channel_header, seek.SerializeToString(), creator=session.signer.identity
    )
    return EventsRequest(session, kind, SignedContent(payload))


def _envelope(request: SignedContent) -> Envelope:
    return Envelope(payload=request.content, signature=request.signature)


def _unexpected(response: DeliverResponse) -> RpcFailure:
    """Return the failure for a status, which a request without end should never get."""
    status = response.status
    name = Status.Name(status) if status in Status.values() else "of no known name"
    return RpcFailure(
        _CODES.get(status, grpc.StatusCode.UNKNOWN),
        f"unexpected status response: {status} {name}{_meaning(status)}",
    )


def _meaning(status: Status.ValueType) -> str:
    meaning = _MEANINGS.get(status)
    return f": {meaning}. Its log says more" if meaning else ""
