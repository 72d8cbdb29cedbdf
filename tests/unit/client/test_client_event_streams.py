"""Streams of events: what is asked, what comes, and how they end (wire.md §5.6, §5.7)."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from tests.unit.client.conftest import CHANNEL_ID, NOW_NS, Authorities, Client, FakePeer

from tallystick.client import Gateway
from tallystick.client.chaincode_events import ChaincodeEvent
from tallystick.client.checkpoint import Checkpoint, Checkpointer, InMemoryCheckpointer
from tallystick.client.errors import EventStreamError, RpcFailure
from tallystick.client.event_stream import EventStream
from tallystick.client.options import ClientCertificate, ClientOptions
from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
    Status,
)
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer.ab_pb2 import SeekInfo
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent as EventMessage
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.wire.signing import verify

NAME = "tallystick.events"


def events_of_block(number: int, *transaction_ids: str) -> gateway_pb2.ChaincodeEventsResponse:
    return gateway_pb2.ChaincodeEventsResponse(
        block_number=number,
        events=[
            EventMessage(chaincode_id="token", tx_id=name, event_name=NAME, payload=b"{}")
            for name in transaction_ids
        ],
    )


def block(number: int) -> DeliverResponse:
    response = DeliverResponse()
    response.block.header.number = number
    return response


def filtered_block(number: int) -> DeliverResponse:
    response = DeliverResponse()
    response.filtered_block.number = number
    return response


def block_and_private_data(number: int) -> DeliverResponse:
    response = DeliverResponse()
    response.block_and_private_data.block.header.number = number
    return response


def seek_in(envelope: object) -> tuple[ChannelHeader, SignatureHeader, SeekInfo]:
    assert isinstance(envelope, Envelope)
    payload = Payload.FromString(envelope.payload)
    return (
        ChannelHeader.FromString(payload.header.channel_header),
        SignatureHeader.FromString(payload.header.signature_header),
        SeekInfo.FromString(payload.data),
    )


async def test_events_arrive_in_ledger_order(peer: FakePeer, client: Client) -> None:
    peer.events = [events_of_block(3, "a", "b"), events_of_block(5, "c")]

    async with client.gateway(peer).network(CHANNEL_ID).chaincode_events("token") as events:
        received = [await anext(events) for _ in range(3)]

    assert received == [
        ChaincodeEvent(3, "a", "token", NAME, b"{}"),
        ChaincodeEvent(3, "b", "token", NAME, b"{}"),
        ChaincodeEvent(5, "c", "token", NAME, b"{}"),
    ]


@pytest.mark.parametrize(
    ("start_block", "checkpoint", "expected"),
    [
        pytest.param(None, None, (None, ""), id="from the next commit"),
        pytest.param(0, None, (0, ""), id="from a block"),
        pytest.param(2, InMemoryCheckpointer(), (2, ""), id="a fresh checkpoint leaves the choice"),
        pytest.param(
            2,
            InMemoryCheckpointer(Checkpoint(block_number=7, transaction_id="a")),
            (7, "a"),
            id="a saved checkpoint decides",
        ),
        pytest.param(
            None,
            InMemoryCheckpointer(Checkpoint.after_block(7)),
            (8, ""),
            id="a checkpoint of blocks names no transaction",
        ),
    ],
)
async def test_where_chaincode_events_start(
    peer: FakePeer,
    client: Client,
    start_block: int | None,
    checkpoint: Checkpointer | None,
    expected: tuple[int | None, str],
) -> None:
    """§5.6, the table of start positions."""
    peer.events = [events_of_block(9, "z")]
    network = client.gateway(peer).network(CHANNEL_ID)

    async with network.chaincode_events(
        "token", start_block=start_block, checkpoint=checkpoint
    ) as events:
        await anext(events)

    [signed] = peer.requests
    assert isinstance(signed, gateway_pb2.SignedChaincodeEventsRequest)
    verify(client.identity.public_key, signed.signature, signed.request)
    request = gateway_pb2.ChaincodeEventsRequest.FromString(signed.request)
    position = request.start_position
    start = position.specified.number if position.HasField("specified") else None
    assert (start, request.after_transaction_id) == expected
    assert position.HasField("next_commit") == (start is None)
    assert (request.channel_id, request.chaincode_id) == (CHANNEL_ID, "token")


async def test_blocks_are_asked_for_without_nonce_and_without_end(
    peer: FakePeer, client: Client
) -> None:
    """§5.7: type 5, no nonce, stop in the far future."""
    peer.blocks = [block(4)]

    async with client.gateway(peer).network(CHANNEL_ID).block_events(start_block=4) as blocks:
        assert (await anext(blocks)).header.number == 4

    [envelope] = peer.requests
    assert isinstance(envelope, Envelope)
    verify(client.identity.public_key, envelope.signature, envelope.payload)
    header, signature_header, seek = seek_in(envelope)
    assert (header.type, header.channel_id) == (DELIVER_SEEK_INFO, CHANNEL_ID)
    assert header.timestamp.seconds == NOW_NS // 10**9
    assert not header.tls_cert_hash
    assert (signature_header.creator, signature_header.nonce) == (client.identity.serialized, b"")
    assert seek.start.specified.number == 4
    assert seek.stop.specified.number >= 2**53 - 1


@pytest.mark.parametrize("kind", ["whole", "filtered", "with private data"])
async def test_blocks_of_every_kind_start_after_the_checkpoint(
    peer: FakePeer, client: Client, kind: str
) -> None:
    checkpoint = InMemoryCheckpointer(Checkpoint.after_block(7))
    network = client.gateway(peer).network(CHANNEL_ID)

    match kind:
        case "whole":
            peer.blocks = [block(8)]
            async with network.block_events(checkpoint=checkpoint) as blocks:
                number = (await anext(blocks)).header.number
        case "filtered":
            peer.blocks = [filtered_block(8)]
            async with network.filtered_block_events(checkpoint=checkpoint) as filtered:
                number = (await anext(filtered)).number
        case _:
            peer.blocks = [block_and_private_data(8)]
            async with network.block_and_private_data_events(checkpoint=checkpoint) as both:
                number = (await anext(both)).block.header.number

    assert number == 8
    assert seek_in(peer.requests[0])[2].start.specified.number == 8


async def test_with_mutual_tls_a_request_for_blocks_names_the_certificate(
    peer: FakePeer, client: Client, authorities: Authorities
) -> None:
    """§1: ``tls_cert_hash`` is the SHA-256 of the client certificate's DER form."""
    pair = ClientCertificate(authorities.user.certificate_pem, authorities.user.key_pem)
    gateway = Gateway.over(
        peer,
        identity=client.identity,
        signer=client.signer,
        options=ClientOptions(client_certificate=pair),
    )
    peer.blocks = [block(0)]

    async with gateway.network(CHANNEL_ID).block_events() as blocks:
        await anext(blocks)

    header, _, seek = seek_in(peer.requests[0])
    assert header.tls_cert_hash == authorities.user_certificate_hash
    assert seek.start.HasField("next_commit")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.BAD_REQUEST, grpc.StatusCode.INVALID_ARGUMENT),
        (Status.FORBIDDEN, grpc.StatusCode.PERMISSION_DENIED),
        (Status.NOT_FOUND, grpc.StatusCode.NOT_FOUND),
        (Status.SUCCESS, grpc.StatusCode.UNKNOWN),
    ],
)
@pytest.mark.parametrize("kind", ["whole", "filtered", "with private data"])
async def test_a_status_breaks_a_stream_of_blocks(
    peer: FakePeer,
    client: Client,
    status: "Status.ValueType",
    code: grpc.StatusCode,
    kind: str,
) -> None:
    """§5.7: any status is an error."""
    peer.blocks = [DeliverResponse(status=status)]
    network = client.gateway(peer).network(CHANNEL_ID)
    streams: dict[str, Callable[[], EventStream[Any]]] = {  # Any: of three types
        "whole": network.block_events,
        "filtered": network.filtered_block_events,
        "with private data": network.block_and_private_data_events,
    }

    async with streams[kind]() as blocks:
        with pytest.raises(EventStreamError, match=f"status response: {int(status)}") as caught:
            await anext(blocks)

    assert caught.value.code is code
    assert peer.open_streams == 0


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (Status.BAD_REQUEST, "set the clock"),
        (Status.FORBIDDEN, "have its organisation admitted"),
        (Status.NOT_FOUND, "ask another peer. Its log says more"),
        (Status.SERVICE_UNAVAILABLE, "this one again later. Its log says more"),
    ],
)
async def test_a_status_is_told_with_what_it_means_and_what_to_do(
    peer: FakePeer, client: Client, status: "Status.ValueType", advice: str
) -> None:
    peer.blocks = [DeliverResponse(status=status)]
    async with client.gateway(peer).network(CHANNEL_ID).block_events() as blocks:
        with pytest.raises(EventStreamError, match=advice):
            await anext(blocks)


async def test_a_stream_that_the_peer_breaks_off_says_what_was_heard(
    peer: FakePeer, client: Client
) -> None:
    peer.stream_failure = RpcFailure(grpc.StatusCode.UNAVAILABLE, "shutting down")

    async with client.gateway(peer).network(CHANNEL_ID).chaincode_events("token") as events:
        with pytest.raises(
            EventStreamError,
            match="events of token on securities broke off: UNAVAILABLE: shutting down",
        ):
            await anext(events)


async def test_a_stream_that_the_peer_ends_is_broken_too(peer: FakePeer, client: Client) -> None:
    peer.streams_end = True

    async with client.gateway(peer).network(CHANNEL_ID).block_events() as blocks:
        with pytest.raises(EventStreamError, match="the peer ended it"):
            await anext(blocks)


async def test_after_closing_nothing_more_comes(peer: FakePeer, client: Client) -> None:
    peer.events = [events_of_block(1, "a", "b")]

    async with client.gateway(peer).network(CHANNEL_ID).chaincode_events("token") as events:
        await anext(events)

    assert [event async for event in events] == []


async def test_cancelling_the_listener_closes_the_stream_at_the_peer(
    peer: FakePeer, client: Client
) -> None:
    peer.events = [events_of_block(1, "a")]
    heard = asyncio.Event()

    async def listen() -> None:
        async with client.gateway(peer).network(CHANNEL_ID).chaincode_events("token") as events:
            async for _ in events:
                heard.set()

    async with asyncio.TaskGroup() as group:
        listener = group.create_task(listen())
        await heard.wait()
        assert peer.open_streams == 1
        listener.cancel()

    assert peer.open_streams == 0


async def test_a_listener_goes_on_where_it_stopped(peer: FakePeer, client: Client) -> None:
    """SS-83."""
    peer.events = [events_of_block(3, "a", "b")]
    checkpoint = InMemoryCheckpointer()
    network = client.gateway(peer).network(CHANNEL_ID)

    for _ in range(2):
        async with network.chaincode_events("token", checkpoint=checkpoint) as events:
            checkpoint.save((await anext(events)).checkpoint)

    again = peer.requests[-1]
    assert isinstance(again, gateway_pb2.SignedChaincodeEventsRequest)
    request = gateway_pb2.ChaincodeEventsRequest.FromString(again.request)
    assert request.start_position.specified.number == 3
    assert request.after_transaction_id == "a"


@pytest.mark.parametrize("cancelled_too", [False, True])
async def test_closing_a_stream_ends_the_task_that_waits_for_its_next_event(
    peer: FakePeer,
    client: Client,
    cancelled_too: bool,  # noqa: FBT001 -- a row of the table
) -> None:
    peer.events = [events_of_block(3, "a")]
    events = client.gateway(peer).network(CHANNEL_ID).chaincode_events("token", start_block=3)
    await anext(events)

    async def read_on() -> list[ChaincodeEvent]:
        return [event async for event in events]

    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(read_on())
        await asyncio.sleep(0)
        if cancelled_too:
            reader.cancel()
        await events.close()

    assert reader.cancelled() == cancelled_too
    assert cancelled_too or reader.result() == []
    assert peer.open_streams == 0
