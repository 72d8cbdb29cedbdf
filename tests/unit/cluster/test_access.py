"""Which orderer a command speaks with, if the channel names several."""

import asyncio
import socket
from contextlib import AsyncExitStack
from itertools import permutations
from pathlib import Path

from tests.unit.conftest import ChannelMaterial

from tallystick.node.cluster.access import Access, orderer_in
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import default_topology


async def test_of_the_orderers_of_a_channel_one_that_listens_is_spoken_with(
    channel_material: ChannelMaterial,
) -> None:
    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    with socket.socket() as refuses, socket.socket() as refuses_too:
        down = [_bound(refuses), _bound(refuses_too)]
        async with await asyncio.start_server(hang_up, "localhost", 0) as server:
            up = server.sockets[0].getsockname()[1]
            for ports in permutations([*down, up]):
                config = channel_material.config(orderer_ports=ports)
                address, roots = await orderer_in(config)
                assert address == f"localhost:{up}"
                assert roots == config.tls_root_certificates("OrdererMSP")


async def test_whose_organisation_orders_no_more_is_not_spoken_with(tmp_path: Path) -> None:
    network = Network(tmp_path, on_free_ports(with_orderers(default_topology(), 2)))
    first, second = (node for node in network.nodes if node.kind == "orderer")

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with AsyncExitStack() as stack:
        for node in (first, second):
            server = await asyncio.start_server(hang_up, "localhost", node.topology.port)
            await stack.enter_async_context(server)
        access = await stack.enter_async_context(Access(network, system_source()))
        assert (await access.orderer("ATSMSP")).endpoint == first.address
        ordering = [second.member.msp_id]
        assert (await access.orderer("ATSMSP", ordering=ordering)).endpoint == second.address


async def test_if_none_listens_whatever_is_tried_next_says_so_of_one(
    channel_material: ChannelMaterial,
) -> None:
    with socket.socket() as refuses:
        port = _bound(refuses)
        config = channel_material.config(orderer_ports=[port])
        assert (await orderer_in(config))[0] == f"localhost:{port}"


def _bound(refusing: socket.socket) -> int:
    """Return the port of a socket that is bound, and on which nobody listens."""
    refusing.bind(("localhost", 0))
    port: int = refusing.getsockname()[1]
    return port
