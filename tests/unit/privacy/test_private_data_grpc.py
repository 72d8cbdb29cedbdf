"""``tallystick.PrivateData`` over a socket."""

from collections.abc import AsyncIterator

import grpc
import pytest
from tests.unit.endorsement.conftest import World
from tests.unit.endorsement.test_private_results import define_with_collection, waits
from tests.unit.privacy.test_private_data_between_peers import TO_TWO, node_of, push, put

from tallystick.node.privacy.connections import PrivateDataServicer, RemotePrivateData
from tallystick.node.privacy.node import MemberPeer, PrivateDataRefusedError
from tallystick.node.privacy.requests import sign_request
from tallystick.node.transport.channels import open_channel
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.tallystick.private_data_pb2_grpc import add_PrivateDataServicer_to_server


@pytest.fixture
async def addresses(world: World) -> AsyncIterator[dict[str, str]]:
    """Where the first two peers answer, by MSP id."""
    servers = {}
    for peer in (world.one, world.two):
        servers[peer.msp_id] = new_server()
        servicer = PrivateDataServicer(peer.privacy.service)
        add_PrivateDataServicer_to_server(servicer, servers[peer.msp_id])
    one, two = (serving(server, "127.0.0.1:0", tls=None, grace_s=0) for server in servers.values())
    async with one as first, two as second:
        yield {"OneMSP": f"127.0.0.1:{first}", "TwoMSP": f"127.0.0.1:{second}"}


@pytest.fixture
async def channels(addresses: dict[str, str]) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    opened = {msp_id: open_channel(address, None) for msp_id, address in addresses.items()}
    yield opened
    for channel in opened.values():
        await channel.close()


async def test_private_values_are_handed_over(
    world: World, channels: dict[str, grpc.aio.Channel]
) -> None:
    await define_with_collection(world)
    request = sign_request(push(), TO_TWO, node_of(world.one))
    answer = await RemotePrivateData(channels["TwoMSP"]).push(request)
    assert answer.peer == world.two.signer.identity
    assert waits(world.two, "t1")


async def test_what_was_missed_is_fetched(
    world: World, channels: dict[str, grpc.aio.Channel]
) -> None:
    await define_with_collection(world)
    await put(world)
    connection = RemotePrivateData(channels["OneMSP"])
    world.two.others[:] = [MemberPeer("OneMSP", "one", connection)]
    assert await world.two.privacy.reconciler(world.two.channel).reconcile() == 1


async def test_a_refusal_and_its_reason_arrive(
    world: World, channels: dict[str, grpc.aio.Channel]
) -> None:
    request = sign_request(push(), TO_TWO, node_of(world.one))
    one = RemotePrivateData(channels["OneMSP"])
    for call in (one.push, one.fetch):
        with pytest.raises(PrivateDataRefusedError, match="this is a peer of OneMSP, not TwoMSP"):
            await call(request)


async def test_a_peer_that_is_not_there_gives_nothing(world: World) -> None:
    channel = open_channel("127.0.0.1:1", None)
    request = sign_request(push(), TO_TWO, node_of(world.one))
    with pytest.raises(PrivateDataRefusedError, match="UNAVAILABLE"):
        await RemotePrivateData(channel).push(request)
    await channel.close()
