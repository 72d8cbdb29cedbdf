"""Slow lines: all that reaches a node comes late, and not fast."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from tests.scenarios.crash_network import RunningNetwork

from tallystick.node.cluster.node import Node
from tallystick.node.cluster.ports import free_ports

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 16 * 1024
_MAX_IN_FLIGHT: Final = 64
"""Chunks; more wait at the sender, as they would."""


@dataclass(slots=True)
class Line:
    """What a line is like, in each direction; it may change while it carries something.

    Attributes:
        delay_s: How long a byte is under way.
        bytes_per_s: How many leave in a second.
    """

    delay_s: float
    bytes_per_s: float


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> None:
    """Pass on what is read, in its order, each chunk when it would arrive."""
    now_s = asyncio.get_running_loop().time
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MAX_IN_FLIGHT)

    async def send() -> None:
        left_s = now_s()
        while data := await reader.read(_CHUNK_BYTES):
            left_s = max(left_s, now_s()) + len(data) / line.bytes_per_s
            await under_way.put((left_s + line.delay_s, data))
        await under_way.put((now_s(), b""))

    async def arrive() -> None:
        while True:
            due_s, data = await under_way.get()
            await asyncio.sleep(due_s - now_s())
            if not data:
                return
            writer.write(data)
            await writer.drain()

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            tasks.create_task(arrive())
    except* OSError as ended:
        _log.debug("the line ends: %s", ended.exceptions)  # either end has hung up: so does it
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def slow_line(host: str, port: int, behind: int, line: Line) -> AsyncIterator[None]:
    """Carry connections to ``port`` on to the port ``behind``."""
    calls: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.add(task)
        try:
            to_node, from_node = await asyncio.open_connection(host, behind)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_carry(reader, from_node, line))
                tasks.create_task(_carry(to_node, writer, line))
        except OSError:
            writer.close()  # nobody listens there at the moment
        finally:
            calls.discard(task)

    server = await asyncio.start_server(accept, host, port)
    try:
        yield
    finally:
        server.close()
        for call in list(calls):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@asynccontextmanager
async def slowed(network: RunningNetwork, nodes: Sequence[Node], line: Line) -> AsyncIterator[None]:
    """Put a slow line before each of some nodes, which are started again for it."""
    (host,) = {node.host for node in nodes}
    former = {node.name: network.network.settings_file(node).read_text() for node in nodes}
    async with AsyncExitStack() as lines:
        for node, behind in zip(nodes, free_ports(len(nodes), host), strict=True):
            assert await network.stop(node) == 0
            own = f'listen_address = "{node.address}"\n'
            moved = (
                f'listen_address = "{node.host}:{behind}"\nadvertised_address = "{node.address}"\n'
            )
            file = network.network.settings_file(node)
            file.write_text(former[node.name].replace(own, moved, 1))
            await network.start(node)
            await lines.enter_async_context(slow_line(node.host, node.topology.port, behind, line))
        try:
            yield
        finally:  # else the nodes of the tests that follow would go by lines that are gone
            await lines.aclose()
            for node in nodes:
                await _settle(network, node, former[node.name])


@asynccontextmanager
async def slowed_etcd(network: RunningNetwork, line: Line) -> AsyncIterator[None]:
    """Put a slow line between all orderers, which are started again for it, and etcd.

    Their lease lasts three seconds, as docs/etcd.md advises for such lines on a busy machine.
    """
    members = network.etcd
    former = {
        node.name: network.network.settings_file(node).read_text() for node in network.orderers
    }
    async with AsyncExitStack() as lines:
        ports = list(free_ports(len(members), members[0].host))
        for member, port in zip(members, ports, strict=True):
            behind = member.topology.port
            await lines.enter_async_context(slow_line(member.host, port, behind, line))
        for node in network.orderers:
            text = former[node.name]
            for member, port in zip(members, ports, strict=True):
                text = text.replace(f'"{member.address}"', f'"{member.host}:{port}"')
            assert text != former[node.name]
            await _settle(network, node, text.replace("[etcd]\n", "[etcd]\nlease_ttl_s = 3\n"))
        try:
            yield
        finally:
            for node in network.orderers:
                await _settle(network, node, former[node.name])


async def _settle(network: RunningNetwork, node: Node, settings: str) -> None:
    """Start a node again with other settings."""
    assert await network.stop(node) == 0
    network.network.settings_file(node).write_text(settings)
    await network.start(node)
