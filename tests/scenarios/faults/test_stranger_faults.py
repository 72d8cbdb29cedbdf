"""Strangers that take connections or send garbage: those who behave notice nothing."""

import asyncio
import resource
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from random import Random

import psutil
import pytest
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import audited
from tests.scenarios.outcome import Outcome

from tallystick.node.cluster.node import Node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

IDLE = 5_000
CONNECTIONS = 10
CALLS = 1_000
SILENT_AT_MOST = CONNECTIONS * CALLS // 2
FLOODS = 100
FLOOD_BYTES = 64 * 1024
MAX_GROWTH_BYTES = 256 * 1024 * 1024
HEADERS, SETTINGS, END_HEADERS = 0x1, 0x4, 0x4
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HANGS_UP_WITHIN_S = 20.0
"""Far less than gRPC gives a connection to begin, and enough for a machine that has much to do."""

ALL_OPENED_WITHIN_S = 50.0
"""Ten thousand calls are opened and half of them ended, before any has been silent for a minute."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Flood = Callable[[Node, Random], Awaitable[None]]
"""Sends garbage over a connection of its own, and returns once the node has closed that."""


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process have as many connections as the test wants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * IDLE:
        pytest.skip(f"a process may have only {hard} files here, and {3 * IDLE} are wanted")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * IDLE), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("kind", ["orderer", "peer"])
async def test_five_thousand_idle_connections_to_a_node_disturb_nobody(
    network: RunningNetwork, outcome: Outcome, kind: str
) -> None:
    victim = next(node for node in network.nodes if node.kind == kind)
    writers: list[asyncio.StreamWriter] = []
    try:
        async with audited(network, outcome) as load:
            for _ in range(IDLE):
                _, writer = await asyncio.open_connection(victim.host, victim.topology.port)
                writers.append(writer)
            await load.more_commits(50)
            open_here = len(psutil.Process(network.pid(victim)).net_connections("tcp"))
            assert open_here >= IDLE
            for writer in writers:
                writer.close()
    finally:
        for writer in writers:
            writer.close()
    outcome.saw(f"the {kind} holds {open_here} connections, and works")
    outcome.keep(f"{IDLE} idle connections to a node")


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        pytest.param("peer", "/protos.Deliver/Deliver", id="streams to a peer"),
        pytest.param("peer", "/protos.Endorser/ProcessProposal", id="proposals to a peer"),
        pytest.param("orderer", "/orderer.AtomicBroadcast/Broadcast", id="streams to an orderer"),
    ],
)
async def test_ten_thousand_calls_that_say_nothing_disturb_nobody(
    network: RunningNetwork, outcome: Outcome, kind: str, method: str
) -> None:
    victim = next(node for node in network.nodes if node.kind == kind)
    ended: list[int] = []
    async with audited(network, outcome) as load, asyncio.TaskGroup() as tasks:
        floods = [
            tasks.create_task(_silent_calls(victim, method, ended)) for _ in range(CONNECTIONS)
        ]
        async with asyncio.timeout(ALL_OPENED_WITHIN_S):
            while len(ended) < CONNECTIONS * CALLS - SILENT_AT_MOST:  # noqa: ASYNC110 - frames count
                await asyncio.sleep(0.1)
        await load.more_commits(50)
        assert not any(flood.done() for flood in floods), "the node closed a connection"
        for flood in floods:
            flood.cancel()
    outcome.saw(f"the {kind} ends all but {SILENT_AT_MOST} of {CONNECTIONS * CALLS} calls")
    outcome.keep(f"{CONNECTIONS * CALLS} calls to {method} that say nothing")


async def _silent_calls(node: Node, method: str, ended: list[int]) -> None:
    """Open calls on one connection, send no message, and note which ones the node ends."""
    reader, writer = await _tls(node)
    try:
        writer.write(HTTP2_PREFACE + _frame(SETTINGS, 0))
        for number in range(CALLS):
            writer.write(_frame(HEADERS, 2 * number + 1, _call_headers(method)))
        await writer.drain()
        while True:
            head = await reader.readexactly(9)
            await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] == HEADERS:
                ended.append(int.from_bytes(head[5:], "big"))
    finally:
        writer.close()


def _frame(kind: int, stream: int, content: bytes = b"") -> bytes:
    flags = END_HEADERS if kind == HEADERS else 0
    return (
        len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content
    )


def _call_headers(method: str) -> bytes:
    """Return what begins a call of gRPC, in the plainest form of RFC 7541."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    return (
        b"\x83\x87"  # POST, https
        + (b"\x04" + text(method))
        + (b"\x01" + text("node"))
        + (b"\x0f\x10" + text("application/grpc"))
        + (b"\x00" + text("te") + text("trailers"))
    )


async def raw(node: Node, random: Random) -> None:
    """Send bytes where TLS is spoken."""
    connection = await asyncio.open_connection(node.host, node.topology.port)
    await _closed_by_the_node(*connection, random.randbytes(FLOOD_BYTES))


async def within_tls(node: Node, random: Random) -> None:
    """Send bytes where HTTP/2 is spoken."""
    await _closed_by_the_node(*await _tls(node), random.randbytes(FLOOD_BYTES))


async def frames(node: Node, random: Random) -> None:
    """Send frames of HTTP/2 with random types, flags and contents; the last is far too long."""
    written = [HTTP2_PREFACE, (0).to_bytes(3, "big") + b"\x04\x00" + bytes(4)]
    for _ in range(100):
        content = random.randbytes(random.randrange(512))
        head = len(content).to_bytes(3, "big") + random.randbytes(2)
        written.append(head + random.randrange(1 << 31).to_bytes(4, "big") + content)
    written.append(b"\xff" * 3 + bytes(6))  # frames of unknown types alone would break no rule
    await _closed_by_the_node(*await _tls(node), b"".join(written))


async def _tls(node: Node) -> Connection:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whoever sends garbage does not care to whom
    context.set_alpn_protocols(["h2"])
    return await asyncio.open_connection(node.host, node.topology.port, ssl=context)


async def _closed_by_the_node(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes
) -> None:
    """Send garbage, and fail unless the node then hangs up: this end waits, and closes nothing."""
    try:
        async with asyncio.timeout(HANGS_UP_WITHIN_S):
            with suppress(OSError):  # a connection that is reset is closed, too
                writer.write(content)
                await writer.drain()
                while await reader.read(FLOOD_BYTES):
                    pass
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(raw, id="TCP"),
        pytest.param(within_tls, id="TLS"),
        pytest.param(frames, id="HTTP/2"),
    ],
)
async def test_a_flood_of_garbage_disturbs_nobody(
    network: RunningNetwork, outcome: Outcome, flood: Flood
) -> None:
    victims = (network.peers[0], network.orderers[0])
    processes = [psutil.Process(network.pid(node)) for node in victims]
    before = [process.memory_info().rss for process in processes]
    random = Random(1)
    closed = 0
    async with audited(network, outcome) as load:
        for _ in range(FLOODS):
            for node in victims:
                await flood(node, random)
                closed += 1
        await load.more_commits(50)
    for process, size in zip(processes, before, strict=True):
        assert process.is_running()
        assert process.memory_info().rss - size < MAX_GROWTH_BYTES
    outcome.saw(f"the node closes each of {closed} connections")
    outcome.keep("floods of garbage: over TCP, within TLS, as frames of HTTP/2")
