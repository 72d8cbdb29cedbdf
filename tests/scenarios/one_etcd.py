"""One member of a real etcd in the clear, for what needs no whole network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tallystick.node.cluster.etcd import find_etcd
from tallystick.node.cluster.ports import free_ports
from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.port import Condition, EtcdUnavailableError, Put, only

HOST: Final = "127.0.0.1"
KEYS: Final = LogKeys("tallystick", "securities", b"\x01" * 32)
_PATIENCE_S: Final = 30.0


@asynccontextmanager
async def one_etcd(directory: Path) -> AsyncIterator[int]:
    """Run it, with elections as quick as in a network of ours; yield the port of its clients."""
    port, peer_port = free_ports(2, HOST)
    options = {
        "name": "only",
        "data-dir": directory / "etcd",
        "listen-client-urls": f"http://{HOST}:{port}",
        "advertise-client-urls": f"http://{HOST}:{port}",
        "listen-peer-urls": f"http://{HOST}:{peer_port}",
        "initial-advertise-peer-urls": f"http://{HOST}:{peer_port}",
        "initial-cluster": f"only=http://{HOST}:{peer_port}",
        "heartbeat-interval": 50,
        "election-timeout": 500,
        "log-level": "error",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    with (directory / "etcd.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            find_etcd(), *arguments, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(_PATIENCE_S), EtcdClient([f"{HOST}:{port}"], None) as client:
            while not await _answers(client):
                assert process.returncode is None, (directory / "etcd.log").read_text("utf-8")
        yield port
    finally:
        process.kill()
        await process.wait()


async def begin_term(client: EtcdClient, lease: int = 0) -> int:
    """Create the leadership key, and return its revision."""
    put = Put(KEYS.leader, b"leader", lease)
    committed = await client.commit([Condition(KEYS.leader)], [put])
    assert committed.succeeded
    return committed.revision


async def _answers(client: EtcdClient) -> bool:
    try:
        await client.read(only(b"key"))
    except EtcdUnavailableError:
        return False
    return True
