"""Which connections an orderer has to others, by what the channel names and what etcd says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from weakref import ref

from tests.unit.conftest import NOW_NS, ChannelMaterial

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster.ports import free_ports
from tallystick.node.fellow_orderers import LAST_ANSWERS_S, FellowOrderers, OrdererLinks
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.ports import Caller
from tallystick.node.transport.server import add_stream_services, new_server, serving
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse

PATIENCE_S = 60.0


class Answering:
    """Orders what is forwarded, after a while where that is asked for."""

    def __init__(self) -> None:
        self.streams = 0

    async def forward(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        assert caller.address
        self.streams += 1
        async for envelope in requests:
            if envelope == b"slow":
                await asyncio.sleep(LAST_ANSWERS_S / 2)
            if envelope == b"never":
                await asyncio.Event().wait()
            yield BroadcastResponse(status=Status.SUCCESS).SerializeToString()


@asynccontextmanager
async def answering(service: Answering) -> AsyncIterator[int]:
    server = new_server()
    add_stream_services(server, "tallystick.Ordering", {"Forward": service.forward})
    async with serving(server, "localhost:0", tls=None, grace_s=0) as port:
        yield port


@dataclass
class Port:
    """Carries connections to a server, and knows how many are open and were opened."""

    server: int
    number: int = 0
    connected: int = 0
    opened: int = 0

    @property
    def address(self) -> str:
        return f"localhost:{self.number}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.connected += 1
        from_server, to_server = await asyncio.open_connection("localhost", self.server)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_carry(reader, to_server))
            tasks.create_task(_carry(from_server, writer))
        self.connected -= 1

    async def has(self, count: int) -> None:
        """Return once so many connections are open; the test has a deadline."""
        while self.connected != count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1024):
            writer.write(data)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def counted(service: Answering | None = None) -> AsyncIterator[Port]:
    async with answering(service or Answering()) as server:
        port = Port(server)
        listener = await asyncio.start_server(port.take, "127.0.0.1", 0)
        port.number = listener.sockets[0].getsockname()[1]
        async with listener:
            yield port
            await port.has(0)


class Linked:
    """One orderer of a channel whose configuration changes."""

    def __init__(self, material: ChannelMaterial) -> None:
        self._material = material
        self.config = material.config()

    def name(self, *ports: int) -> None:
        """Let the channel name orderers at these ports, and no others."""
        self.config = self._material.config(orderer_ports=ports or (7050,))

    @asynccontextmanager
    async def fellows(self) -> AsyncIterator[FellowOrderers]:
        def config() -> ChannelConfig:
            return self.config

        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(ChannelPool())
            links = OrdererLinks(
                own_address="own.example:7050",
                tls=None,
                pool=pool,
                tasks=await stack.enter_async_context(supervised_tasks()),
                signer=self._material.orderer,
                clock=lambda: NOW_NS,
                random=Random(1),
            )
            orderers = FellowOrderers(links, config)
            stack.callback(orderers.close)
            yield orderers


async def reached(some: FellowOrderers, address: str) -> bool:
    """Return True once there is a connection: one that is slow to come is not waited for long."""
    while not await some.reaches(address):  # noqa: ASYNC110 -- the test has a deadline
        await asyncio.sleep(0.01)
    return True


async def test_an_orderer_is_reached_where_somebody_listens_and_not_where_nobody_does(
    channel_material: ChannelMaterial,
) -> None:
    refusing = f"localhost:{next(free_ports(1))}"
    async with (
        asyncio.timeout(PATIENCE_S),
        answering(Answering()) as port,
        Linked(channel_material).fellows() as some,
    ):
        assert await reached(some, f"localhost:{port}")
        assert not await some.reaches(refusing)
        assert not await some.reaches(refusing), "nor when it has just refused"


async def test_of_the_addresses_that_only_etcd_says_one_has_a_connection(
    channel_material: ChannelMaterial,
) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        counted() as first,
        counted() as second,
        Linked(channel_material).fellows() as some,
    ):
        for port in (first, second, first):
            assert await reached(some, port.address)
            await port.has(1)
        await second.has(0)
        assert (first.opened, second.opened) == (2, 1)
        assert len(some._open) == len(some._links.pool._channels) == 1


async def test_of_an_address_that_nobody_listens_at_nothing_is_left(
    channel_material: ChannelMaterial,
) -> None:
    first, second = (next(free_ports(1)) for _ in range(2))
    async with asyncio.timeout(PATIENCE_S), Linked(channel_material).fellows() as some:
        assert not await some.reaches(f"localhost:{first}")
        assert await answer(some, first, b"1") is None
        channel = ref(some._links.pool.channel(f"localhost:{first}", None))
        assert channel() is not None
        assert not await some.reaches(f"localhost:{second}")
        while channel() is not None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_who_waits_for_an_answer_from_such_an_address_learns_that_it_was_given_up(
    channel_material: ChannelMaterial,
) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        answering(Answering()) as first,
        answering(Answering()) as second,
        Linked(channel_material).fellows() as some,
        asyncio.TaskGroup() as tasks,
    ):
        waiting = tasks.create_task(answer(some, first, b"never"))
        assert await reached(some, f"localhost:{first}")
        assert await answer(some, second, b"1") == Status.SUCCESS
        assert await waiting is None


async def answer(some: FellowOrderers, port: int, envelope: bytes) -> int | None:
    try:
        return (await some.forward(f"localhost:{port}", envelope)).status
    except UnreachableFellowError:
        return None


async def test_an_orderer_that_the_channel_names_no_more_loses_its_connections(
    channel_material: ChannelMaterial,
) -> None:
    linked = Linked(channel_material)
    async with (
        asyncio.timeout(PATIENCE_S),
        counted() as leaving,
        counted() as staying,
        linked.fellows() as some,
    ):
        linked.name(leaving.number, staying.number)
        for port in (leaving, staying):
            assert await reached(some, port.address)
            await port.has(1)
        await some.heights()
        linked.name(staying.number)
        assert await reached(some, staying.address)
        await leaving.has(0)
        assert staying.opened == 1


async def test_what_an_orderer_was_given_before_it_left_is_answered(
    channel_material: ChannelMaterial,
) -> None:
    linked = Linked(channel_material)
    async with (
        asyncio.timeout(PATIENCE_S),
        answering(Answering()) as leaving,
        answering(Answering()) as staying,
        linked.fellows() as some,
        asyncio.TaskGroup() as tasks,
    ):
        linked.name(leaving, staying)
        waiting = tasks.create_task(answer(some, leaving, b"slow"))
        assert await answer(some, staying, b"1") == Status.SUCCESS
        linked.name(staying)
        assert await answer(some, staying, b"2") == Status.SUCCESS
        assert await waiting == Status.SUCCESS


async def test_a_leader_keeps_its_connection_when_the_channel_comes_to_name_its_address(
    channel_material: ChannelMaterial,
) -> None:
    linked, service = Linked(channel_material), Answering()
    async with (
        asyncio.timeout(PATIENCE_S),
        answering(service) as port,
        counted() as other,
        linked.fellows() as some,
    ):
        assert await answer(some, port, b"1") == Status.SUCCESS
        linked.name(port)
        assert await answer(some, port, b"2") == Status.SUCCESS
        assert await reached(some, other.address)
        linked.name(port, other.number)
        assert await answer(some, port, b"3") == Status.SUCCESS
        linked.name(other.number)
        assert await answer(some, port, b"4") == Status.SUCCESS
    assert service.streams == 2, "only what the channel named no more was opened anew"
