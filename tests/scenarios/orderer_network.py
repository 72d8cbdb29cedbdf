"""A network whose order three organisations keep together, and what must be true at its end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.scenarios.crash_audit import check_chain, opened_books, ordered_blocks
from tests.scenarios.crash_load import IN_FLIGHT, Load
from tests.scenarios.crash_network import NOTES, RunningNetwork, running_network
from tests.scenarios.metrics import height_of

from tallystick.client.options import ClientOptions, Deadlines
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.topology import Topology, default_topology
from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.port import EtcdUnavailableError, only
from tallystick.node.process import load_block
from tallystick.node.transport.credentials import ClientTls, KeyPair
from tallystick.protos.common.common_pb2 import ChannelHeader, Envelope, Payload
from tallystick.protos.tallystick.ordered_log_pb2 import Leader
from tallystick.wire.hashing import block_header_hash

PATIENCE_S: Final = 30.0


@asynccontextmanager
async def three_orderers(
    directory: Path,
    orderer_settings: str = "",
    place: Callable[[Topology], Topology] = lambda topology: topology,
    new_launcher: Callable[[Network], Launcher] = Launcher,
) -> AsyncIterator[RunningNetwork]:
    """Run three peers, three orderers and three members of etcd.

    ``place`` may change where they are, and what ``new_launcher`` returns starts them.
    """
    topology = default_topology().model_copy(update={"chaincodes": (NOTES,)})
    deadlines = Deadlines(evaluate_s=5.0, endorse_s=5.0, submit_s=15.0, commit_status_s=5.0)
    async with running_network(
        directory / "network",
        place(with_orderers(topology, 3)),
        ClientOptions(deadlines=deadlines),
        orderer_settings=orderer_settings,
        new_launcher=new_launcher,
    ) as network:
        yield network


@asynccontextmanager
async def under_load(network: RunningNetwork, clients: int = IN_FLIGHT) -> AsyncIterator[Load]:
    load = Load(list(network.gateways.values()), Random(1), clients)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(), name="load")
        yield load
        load.stop()


@asynccontextmanager
async def the_log(network: RunningNetwork) -> AsyncIterator[tuple[EtcdClient, LogKeys]]:
    """Look into etcd as an orderer does."""
    directory = network.network.node_material(network.orderers[0]) / "tls"
    keys = KeyPair((directory / "server.crt").read_bytes(), (directory / "server.key").read_bytes())
    tls = ClientTls(network.network.etcd_authorities.read_bytes(), keys)
    genesis = load_block(network.network.genesis_block)
    log_keys = LogKeys("tallystick", network.network.channel_id, block_header_hash(genesis.header))
    async with EtcdClient([node.address for node in network.etcd], tls) as client:
        yield client, log_keys


async def leader(network: RunningNetwork) -> Node:
    async with the_log(network) as (client, keys), asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(EtcdUnavailableError):  # its members may be electing one of them
                found = (await client.read(only(keys.leader))).records
                if found:
                    break
            await asyncio.sleep(0.05)
    address = Leader.FromString(found[0].value).address
    return next(node for node in network.orderers if node.address == address)


async def another_leader_than(former: Node, network: RunningNetwork) -> None:
    """Return once the lease of a leader has lapsed and another orderer leads."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await leader(network) != former:
                return
            await asyncio.sleep(0.1)


async def stop_all(network: RunningNetwork) -> None:
    """Stop every node when the peers have what the orderers have."""
    await peers_have_all(network)
    for orderer in network.orderers:
        assert await network.stop(orderer) == 0
    height = max(len(ordered_blocks(network.network, node)) for node in network.orderers)
    for peer in network.peers:
        await network.block(peer, height - 1)
    for peer in network.peers:
        assert await network.stop(peer) == 0


async def peers_have_all(network: RunningNetwork) -> None:
    """Return once the peers have what the orderers have, and nobody else could give them."""
    height = max([await height_of(orderer) for orderer in network.orderers])
    for peer in network.peers:
        await network.block(peer, height - 1)


def chains(network: RunningNetwork) -> Mapping[str, Sequence[bytes]]:
    """Return the header hashes of each stopped orderer, whose chain is checked."""
    found = {}
    for node in network.orderers:
        blocks = ordered_blocks(network.network, node)
        check_chain(blocks)
        found[node.name] = [block_header_hash(block.header) for block in blocks]
    return found


def check_no_fork(network: RunningNetwork) -> None:
    """Fail unless each chain of a stopped orderer is the beginning of the longest one."""
    hashes = chains(network)
    longest = max(hashes.values(), key=len)
    for name, chain in hashes.items():
        assert chain == longest[: len(chain)], f"{name} has another chain"
    for peer in network.peers:
        with opened_books(network.network, peer) as books:
            assert [record.header_hash for record in books.blocks] == longest


def lost_by(network: RunningNetwork, load: Load) -> int:
    """Return how much of what was acknowledged is not in the chain of the stopped orderers.

    Fail unless everything is what its client was told.
    """
    ordered = set()
    longest = max((ordered_blocks(network.network, node) for node in network.orderers), key=len)
    for block in longest:
        for entry in block.data.data:
            payload = Payload.FromString(Envelope.FromString(entry).payload)
            ordered.add(ChannelHeader.FromString(payload.header.channel_header).tx_id)
    with opened_books(network.network, network.peers[0]) as books:
        for transaction_id, (_, status) in load.reported.items():
            assert books.status(transaction_id) == status
    return len(set(load.acknowledged) - ordered)
