"""How orderers reach each other: forwarding to a real server, and letting go of one that hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from tests.unit.conftest import NOW_NS, ChannelMaterial

from tallystick.node.channel.orderer_addresses import orderer_addresses
from tallystick.node.fellow_orderers import FellowOrderers, OrdererLinks
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls, KeyPair, ServerTls
from tallystick.node.transport.ports import Caller
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse


class Forwarding:
    """Refuses every second envelope, and answers nothing at all to one that says hang."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def forward(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        assert caller.address
        async for envelope in requests:
            if envelope == b"hang":
                await asyncio.Event().wait()
            self.taken.append(envelope)
            refused = len(self.taken) % 2 == 0
            status = Status.FORBIDDEN if refused else Status.SUCCESS
            yield BroadcastResponse(status=status).SerializeToString()


@asynccontextmanager
async def fellows(
    material: ChannelMaterial,
    service: Forwarding,
    server_tls: ServerTls | None = None,
    client_tls: ClientTls | None = None,
) -> AsyncIterator[tuple[FellowOrderers, str]]:
    """Yield the orderers of a channel, and an address, which it does not name, of the service."""
    server = new_server()
    add_stream_services(server, "tallystick.Ordering", {"Forward": service.forward})
    config = material.config()
    async with (
        serving(server, "localhost:0", tls=server_tls, grace_s=0) as port,
        ChannelPool() as pool,
        supervised_tasks() as tasks,
    ):
        address = f"localhost:{port}"
        assert address not in orderer_addresses(config)
        links = OrdererLinks(
            own_address="own.example:7050",
            tls=client_tls,
            pool=pool,
            tasks=tasks,
            signer=material.orderer,
            clock=lambda: NOW_NS,
            random=Random(1),
        )
        orderers = FellowOrderers(links, lambda: config)
        yield orderers, address
        orderers.close()


async def test_a_refusal_ends_nothing(
    channel_material: ChannelMaterial,
) -> None:
    service = Forwarding()
    async with asyncio.timeout(10), fellows(channel_material, service) as (some, at):
        answers = await asyncio.gather(*(some.forward(at, b"%d" % n) for n in range(4)))
    assert [answer.status for answer in answers] == [Status.SUCCESS, Status.FORBIDDEN] * 2
    assert service.taken == [b"0", b"1", b"2", b"3"]


async def test_an_orderer_that_hangs_is_let_go_and_asked_again(
    channel_material: ChannelMaterial,
) -> None:
    service = Forwarding()
    async with asyncio.timeout(10), fellows(channel_material, service) as (some, at):
        assert (await some.forward(at, b"1")).status == Status.SUCCESS
        async with asyncio.TaskGroup() as tasks:
            hanging = tasks.create_task(failure(some, at))
            await asyncio.sleep(0.05)
            assert not hanging.done()
            some.let_go(at)
        assert isinstance(hanging.result(), UnreachableFellowError)
        assert (await some.forward(at, b"2")).status == Status.FORBIDDEN


async def failure(some: FellowOrderers, address: str) -> UnreachableFellowError | None:
    try:
        await some.forward(address, b"hang")
    except UnreachableFellowError as error:
        return error
    return None


def shown_by(node: Path) -> ServerTls:
    tls = node / "tls"
    return ServerTls(KeyPair((tls / "server.crt").read_bytes(), (tls / "server.key").read_bytes()))


async def test_a_leader_whose_address_is_changing_is_forwarded_to_if_its_organisation_orders(
    channel_material: ChannelMaterial,
) -> None:
    organizations = channel_material.directory
    strangers = ClientTls((organizations / "stranger/users/User1/tls/ca.crt").read_bytes())
    orderer = shown_by(organizations / "orderer/orderers/orderer0")
    service = Forwarding()
    async with fellows(channel_material, service, orderer, strangers) as (some, address):
        assert (await some.forward(address, b"1")).status == Status.SUCCESS
    assert service.taken == [b"1"]


async def test_nothing_is_forwarded_to_whom_no_organisation_that_orders_has_certified(
    channel_material: ChannelMaterial,
) -> None:
    organizations = channel_material.directory
    strangers = ClientTls((organizations / "stranger/users/User1/tls/ca.crt").read_bytes())
    peer = shown_by(organizations / "clearing/peers/peer0")
    service = Forwarding()
    async with fellows(channel_material, service, peer, strangers) as (some, address):
        with pytest.raises(UnreachableFellowError, match=address):
            await some.forward(address, b"1")
    assert service.taken == []
