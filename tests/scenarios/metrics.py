"""What nodes say of themselves at /metrics."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from tallystick.node.cluster.node import Node

PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.05


async def gauge_of(node: Node, name: str) -> float:
    """Return what a node that runs says of one figure, which it has of a single channel."""
    reader, writer = await asyncio.open_connection(node.host, node.topology.operations_port)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            metrics = (await reader.read()).decode()
    finally:
        writer.close()
    found: list[str] = re.findall(rf"^{name}\{{.*\}} (\S+)$", metrics, re.MULTILINE)
    assert len(found) == 1, metrics
    return float(found[0])


async def height_of(node: Node) -> int:
    """Return how many blocks a peer or an orderer has."""
    return int(await gauge_of(node, "ledger_blockchain_height"))


async def level(nodes: Sequence[Node]) -> int:
    """Return how many blocks all of these nodes have, once they have as many."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            heights = {await height_of(node) for node in nodes}
            if len(heights) == 1:
                return heights.pop()
            await asyncio.sleep(_POLL_S)


async def one_leads(orderers: Sequence[Node]) -> None:
    """Return once one of these orderers says that it leads."""
    name = "consensus_etcdraft_is_leader"
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if any([await gauge_of(node, name) for node in orderers]):
                return
            await asyncio.sleep(_POLL_S)
