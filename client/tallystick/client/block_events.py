"""Blocks as a peer commits them. Source: wire.md §5.7, §6."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import grpc

from tallystick.client.chaincode_events import seek_position
from tallystick.client.checkpoint import Checkpoint
from tallystick.client.errors import RpcFailure
from tallystick.client.session import Session
from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    Block,
    ChannelHeader,
    Envelope,
    Status,
)
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekPosition, SeekSpecified
from tallystick.protos.peer.events_pb2 import DeliverResponse, FilteredBlock
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER, build_payload
from tallystick.wire.messages import timestamp_from_ns

_CODES: Final = {
    Status.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    Status.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Status.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Status.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


async def block_events(
    session: Session, channel_id: str, start: Checkpoint | None
) -> AsyncGenerator[Block, None]:
    """Yield whole blocks, in order, from ``start`` or from the next commit on."""
    request = await _seek(session, channel_id, start)
    async with aclosing(session.transport.deliver(request)) as responses:
        async for response in responses:
            if response.HasField("block"):
                yield response.block
            else:
                raise _unexpected(response)


async def filtered_block_events(
    session: Session, channel_id: str, start: Checkpoint | None
) -> AsyncGenerator[FilteredBlock, None]:
    """Yield transaction ids, verdicts and events without payload, block by block."""
    request = await _seek(session, channel_id, start)
    async with aclosing(session.transport.deliver_filtered(request)) as responses:
        async for response in responses:
            if response.HasField("filtered_block"):
                yield response.filtered_block
            else:
                raise _unexpected(response)


async def _seek(session: Session, channel_id: str, start: Checkpoint | None) -> Envelope:
    """Return a signed request without end, bound to the client's TLS certificate if it has one."""
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
    return Envelope(payload=payload, signature=await session.sign(payload))


def _unexpected(response: DeliverResponse) -> RpcFailure:
    """Return the failure for a status, which a request without end should never get."""
    status = response.status
    name = Status.Name(status) if status in Status.values() else "of no known name"
    return RpcFailure(
        _CODES.get(status, grpc.StatusCode.UNKNOWN),
        f"unexpected status response: {status} {name}",
    )
