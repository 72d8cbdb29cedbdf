"""A peer that was away and is back: the next call waits for the connection and does not fail."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import grpc
import pytest
from tests.unit.transport.test_proposals import FakePeer, proposal

from tallystick.node.cluster.ports import free_ports
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.ports import EndorserConnection
from tallystick.node.transport.proposals import METHOD, SERVICE, StreamingEndorser
from tallystick.node.transport.remote import RemoteEndorser
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.peer import peer_pb2_grpc

Connect = Callable[[grpc.aio.Channel, asyncio.TaskGroup], EndorserConnection]


async def found_away(channel: grpc.aio.Channel) -> None:
    """Return once an attempt to connect has failed, so that the next one is a while off."""
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
        await channel.wait_for_state_change(state)
        state = channel.get_state()


@pytest.mark.parametrize(
    ("connect", "answer"),
    [
        pytest.param(StreamingEndorser, b"first", id="on a stream"),
        pytest.param(lambda channel, _: RemoteEndorser(channel), b"FIRST", id="by a call"),
    ],
)
async def test_a_peer_that_is_back_answers_the_first_proposal(
    connect: Connect, answer: bytes
) -> None:
    peer, server = FakePeer(), new_server()
    peer_pb2_grpc.add_EndorserServicer_to_server(peer, server)
    add_stream_services(server, SERVICE, {METHOD: peer.endorse})
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        address = f"localhost:{next(free_ports(1))}"
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        channel = pool.channel(address, None)
        endorser = connect(channel, tasks)
        await found_away(channel)
        await stack.enter_async_context(serving(server, address, tls=None, grace_s=0))
        assert (await endorser.process_proposal(proposal(b"first"))).payload == answer
        if isinstance(endorser, StreamingEndorser):
            endorser.close()


async def test_a_peer_that_stays_away_fails_the_call_after_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallystick.node.transport.remote._RECONNECT_TIMEOUT_S", 0.1)
    async with asyncio.timeout(20), ChannelPool() as pool:
        channel = pool.channel(f"localhost:{next(free_ports(1))}", None)
        await found_away(channel)
        with pytest.raises(grpc.aio.AioRpcError, match="Failed to connect to remote host"):
            await RemoteEndorser(channel).process_proposal(proposal(b"first"))
