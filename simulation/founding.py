"""The network that every run begins with: founded once in a process, then copied for each seed."""

import asyncio
import gc
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from simulation.bank import BANK, KEPT, LIFE_BLOCKS, MEMBERS, SHARED
from simulation.clients import Clients
from simulation.connections import Directory, Member
from simulation.coverage import Coverage
from simulation.disk import Contents
from simulation.etcd import Cluster
from simulation.hosts import Host, World
from simulation.keys import EPOCH_NS, SeededKeys, chance, nonces
from simulation.loop import SimulatedLoop
from simulation.network import SimulatedNetwork
from simulation.register import Register, open_register
from tallystick.node.cluster.channels import begin
from tallystick.node.cluster.collections import Collection
from tallystick.node.cluster.deployment import deploy, deployable
from tallystick.node.cluster.material import Founding, generate_material
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.opening import submit_opening
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology

ACCOUNTS: Final = 6
BALANCE: Final = 1000
_BATCH_TIMEOUT_S: Final = 0.05
_BATCH_MESSAGES: Final = 4
_ANY_TWO: Final = "OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')"
_CONTRACTS: Final = ("identity", "token")


@dataclass(frozen=True, slots=True)
class Image:
    """A network as it stands when its chaincodes are deployed and its accounts are opened.

    Attributes:
        network: The topology and where its keys are.
        contents: The disks, by node.
        etcd: What the orderers share.
        now_ns: The time then.
        register: The investors.
    """

    network: Network
    contents: dict[str, Contents]
    etcd: Cluster | None
    now_ns: int
    register: Register


def topology_with(orderers: int) -> Topology:
    """Return the default network, with a small contract beside those for the register."""
    topology = default_topology()
    bank = ChaincodeTopology(
        name=BANK,
        entry="simulation.bank:BankContract",
        endorsement=_ANY_TWO,
        collections=(_collection(SHARED, members=1), _collection(KEPT, members=0)),
    )
    real = tuple(each for each in topology.chaincodes if each.name in _CONTRACTS)
    batch = topology.channel.batch.model_copy(
        update={"timeout_s": _BATCH_TIMEOUT_S, "max_message_count": _BATCH_MESSAGES}
    )
    channel = topology.channel.model_copy(update={"batch": batch})
    update = {"channel": channel, "chaincodes": (bank, *real)}
    return with_orderers(topology.model_copy(update=update), orderers)


def _collection(name: str, *, members: int) -> Collection:
    """Return a collection of which an endorser hands values to so many other members."""
    policy = ", ".join(f"'{msp_id}.member'" for msp_id in MEMBERS)
    return Collection(
        name=name,
        policy=f"OR({policy})",
        required_peer_count=members,
        maximum_peer_count=members,
        block_to_live=LIFE_BLOCKS,
    )


@cache
def image_of(orderers: int) -> Image:
    """Return the network with one orderer or several; the same bytes in every process."""
    place = tempfile.TemporaryDirectory(prefix="simulation-")
    network = Network(Path(place.name), topology_with(orderers))
    _KEPT.append(place)
    seed = f"founding of {orderers}"
    keys = SeededKeys(chance(seed, "keys"))
    generate_material(network.topology, network.material, now_ns=EPOCH_NS, keys=keys)
    begin(network, network.topology.channel, Founding(EPOCH_NS, nonces(chance(seed))()))
    loop = SimulatedLoop(chance(seed, "loop"))
    coverage = Coverage()
    etcd = Cluster(chance(seed, "etcd"), coverage) if orderers > 1 else None
    world = World(seed, loop, network, _directory(network, loop, coverage), etcd, coverage)
    hosts = [Host(world, node, Contents()) for node in network.nodes if node.kind != "etcd"]
    register = loop.run_until_complete(_founded(world, hosts, keys))
    loop.close()
    assert not loop.failures, loop.failures
    contents = {host.name: host.disk.contents.copied() for host in hosts}
    gc.collect()
    gc.freeze()  # what stays for good need not be looked at after every run
    return Image(network, contents, etcd, world.now_ns(), register)


def world_of(image: Image, seed: str, coverage: Coverage) -> tuple[World, list[Host]]:
    """Return a world that goes on from an image, and its machines, none of which runs yet."""
    loop = SimulatedLoop(chance(seed, "loop"))
    etcd = image.etcd
    if etcd is not None:
        etcd = etcd.begun_anew(chance(seed, "etcd"), coverage)
    directory = _directory(image.network, loop, coverage, seed)
    world = World(seed, loop, image.network, directory, etcd, coverage, image.now_ns)
    nodes = [node for node in image.network.nodes if node.kind != "etcd"]
    return world, [Host(world, node, image.contents[node.name].copied()) for node in nodes]


_KEPT: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""Where keys and packages are; removed when the process ends."""


def _directory(
    network: Network, loop: SimulatedLoop, coverage: Coverage, seed: str = "founding"
) -> Directory:
    members: dict[str, dict[str, Member]] = {"orderer": {}, "peer": {}, "etcd": {}}
    for node in network.nodes:
        members[node.kind][node.name] = Member(node.member.msp_id, node.address)
    carrier = SimulatedNetwork(loop, chance(seed, "network"), coverage)
    return Directory(carrier, members["orderer"], members["peer"], {}, {})


async def _founded(world: World, hosts: list[Host], keys: SeededKeys) -> Register:
    for host in hosts:
        host.start()
    clients = Clients(world)
    await until_served(world)
    topology = world.network.topology
    administrators = [
        clients.administrator(member.msp_id) for member in topology.peer_organizations
    ]
    channel_id = topology.channel.id
    await deploy(channel_id, [deployable(each) for each in topology.chaincodes], administrators)
    calls = [(each.name, call) for each in topology.chaincodes for call in each.opening]
    await submit_opening(channel_id, calls, clients.gateway_of, administrators)
    bank = clients.contract("ATSMSP", BANK)
    await bank.submit("open", ACCOUNTS, BALANCE)
    register = await open_register(clients, channel_id, keys)
    for host in hosts:
        await host.stop()
    assert not any(host.fault for host in hosts), [host.fault for host in hosts]
    return register


async def until_served(world: World) -> None:
    """Return once every node serves, and every orderer can order."""
    while not _is_served(world.directory):  # noqa: ASYNC110 - no one event says it
        await asyncio.sleep(0.01)


def _is_served(directory: Directory) -> bool:
    orderers = directory.running_orderers
    return (
        directory.running_peers.keys() == directory.peers.keys()
        and orderers.keys() == directory.orderers.keys()
        and not any(each.health_checks["ordering"]() for each in orderers.values())
    )
