"""How orderers reach each other: forwarding to a real server, and letting go of one that hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from tests.unit.conftest import NOW_NS, ChannelMaterial

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.orderer_addresses import orderer_addresses
from tallystick.node.fellow_orderers import FellowOrderers, OrdererLinks
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.transport.channels import ChannelPool
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
    material: ChannelMaterial, service: Forwarding, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FellowOrderers, str]]:
    server = new_server()
    add_stream_services(server, "tallystick.Ordering", {"Forward": service.forward})
    config = material.config()
    async with (
        serving(server, "localhost:0", tls=None, grace_s=0) as port,
        ChannelPool() as pool,
        supervised_tasks() as tasks,
    ):
        address = f"localhost:{port}"

        def named(config: ChannelConfig) -> dict[str, bytes]:
            return {**orderer_addresses(config), address: b""}

        monkeypatch.setattr("tallystick.node.fellow_orderers.orderer_addresses", named)
        links = OrdererLinks(
            own_address="own.example:7050",
            tls=None,
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
    channel_material: ChannelMaterial, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Forwarding()
    async with asyncio.timeout(10), fellows(channel_material, service, monkeypatch) as (some, at):
        answers = await asyncio.gather(*(some.forward(at, b"%d" % n) for n in range(4)))
    assert [answer.status for answer in answers] == [Status.SUCCESS, Status.FORBIDDEN] * 2
    assert service.taken == [b"0", b"1", b"2", b"3"]


async def test_an_orderer_that_hangs_is_let_go_and_asked_again(
    channel_material: ChannelMaterial, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Forwarding()
    async with asyncio.timeout(10), fellows(channel_material, service, monkeypatch) as (some, at):
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


async def test_nothing_is_forwarded_to_an_address_that_the_channel_does_not_name(
    channel_material: ChannelMaterial, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Forwarding()
    async with fellows(channel_material, service, monkeypatch) as (some, _):
        with pytest.raises(UnreachableFellowError, match=r"names no orderer 'elsewhere:1'"):
            await some.forward("elsewhere:1", b"1")
    assert service.taken == []
