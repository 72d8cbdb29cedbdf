"""``tally cluster``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tallystick.client.errors import ClientError
from tallystick.node.cli.progress import Progress
from tallystick.node.cluster.launcher import Launcher, fault_of
from tallystick.node.cluster.network import Network, exists, open_network, remove_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports, on_ports_of
from tallystick.node.cluster.startup import bring_up
from tallystick.node.cluster.topology import Topology, default_topology, load_topology

FAILURES = (ClientError,)

_NOT_ALL_RUN = 1


async def up(options: argparse.Namespace) -> None:
    """Make the network if there is none, start it, and deploy what is missing."""
    topology = None if options.topology is None else load_topology(options.topology)
    if options.orderers is not None:
        topology = with_orderers(topology or default_topology(), options.orderers)
    is_new = not exists(options.network)
    if options.free_ports:
        topology = _on_free_ports(topology, options.network)
    print(f"{'Making' if is_new else 'Starting'} the network in {options.network}:")
    progress = Progress()
    network = await bring_up(topology, options.network, progress)
    if is_new:
        print(f"  {progress.total_s:5.2f} s  from nothing to the first committed transaction")
    profiles = _shown(network.directory / "profiles")
    print(f"Channel {network.channel_id!r} is ready. Client profiles are in {profiles}/.")
    print("Next: tally chaincode list, tally query --help, tally cluster down")


async def down(options: argparse.Namespace) -> None:
    """Stop all nodes; delete everything if asked to."""
    network = open_network(options.network)
    stopped = await Launcher(network).stop_all()
    for node in network.nodes:
        if node.name not in stopped:
            print(f"{node.name} was not running")
        else:
            print(f"{node.name} {'had to be killed' if stopped[node.name] else 'stopped'}")
    if options.remove:
        remove_network(network)
        print(f"removed {_shown(options.network)}")


async def restart(options: argparse.Namespace) -> None:
    """Stop and start nodes one after the other, each once the one before works again."""
    network = open_network(options.network)
    launcher = Launcher(network)
    for node in _chosen(network, options.nodes) or network.nodes:
        await launcher.restart(node)
        print(f"{node.name} works again", flush=True)


async def status(options: argparse.Namespace) -> int:
    """Print a line for each node, with what it says is wrong; exit with 1 unless all work."""
    network = open_network(options.network)
    launcher = Launcher(network)
    width = max(len(node.name) for node in network.nodes)
    all_well = True
    for node in network.nodes:
        pid = launcher.pid(node)
        fault = "" if pid is None else await fault_of(node)
        state = "stopped" if pid is None else "not ready" if fault else "ready"
        all_well = all_well and state == "ready"
        process = f"pid {pid}" if pid else ""
        print(
            f"{node.name:{width}}  {state:9}  {node.address:16}  {process:12}  {node.member.msp_id}"
        )
        if fault:
            print(f"  {fault}")
    return 0 if all_well else _NOT_ALL_RUN


def logs(options: argparse.Namespace) -> None:
    """Print the last lines of one node's log, or of everybody's."""
    network = open_network(options.network)
    nodes = [network.node(options.node)] if options.node else list(network.nodes)
    for node in nodes:
        if len(nodes) > 1:
            print(f"==> {node.name}")
        for line in _tail(network, node, options.lines):
            print(line)


def _on_free_ports(topology: Topology | None, directory: Path) -> Topology | None:
    """Return a network where it meets no other; one that is there keeps its ports."""
    if not exists(directory):
        return on_free_ports(topology or default_topology())
    return topology and on_ports_of(open_network(directory).topology, topology)


def chosen_topology(path: Path | None) -> Topology:
    """Return the topology in a file, or the default one."""
    return default_topology() if path is None else load_topology(path)


def _chosen(network: Network, names: Sequence[str]) -> list[Node]:
    """Return the nodes with these names, and all those of organisations among them."""
    members = {node.member.msp_id for node in network.nodes}
    return [
        node
        for name in names
        for node in (network.nodes_of(name) if name in members else (network.node(name),))
    ]


def _tail(network: Network, node: Node, lines: int) -> list[str]:
    log = network.log_file(node)
    if not log.is_file() or not lines:
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]


def _shown(path: Path) -> Path:
    """Return a path as people would write it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path
