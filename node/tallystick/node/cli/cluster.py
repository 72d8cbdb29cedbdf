"""``tally cluster``."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tallystick.client.errors import ClientError
from tallystick.node.cli.output import shown
from tallystick.node.cli.progress import Progress
from tallystick.node.cluster.errors import NetworkExistsError, NotMadeHereError
from tallystick.node.cluster.launcher import Launcher, fault_of
from tallystick.node.cluster.network import Network, exists, open_network, remove_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports, on_ports_of
from tallystick.node.cluster.startup import bring_up
from tallystick.node.cluster.topology import Topology, default_topology, load_topology
from tallystick.node.errors import LedgerError

FAILURES = (ClientError,)

_NOT_ALL_RUN = 1
_POLL_S: Final = 0.2
_WORSE_THAN_ONE: Final = 2
_OF_TWO: Final = (
    "warning: two orderers are worse than one: nothing is ordered when either's member of etcd is"
    " lost. Take `--orderers 3`, which goes on without one of them, or 5, without two"
)


class OtherOrderersError(LedgerError):
    """A network that is there already is not the one with so many orderers.

    Attributes:
        directory: Where it is.
    """

    def __init__(self, error: NetworkExistsError) -> None:
        super().__init__(
            f"{error}. To let a network that runs have more orderers, do as docs/etcd.md says under"
            ' "From one orderer to several"'
        )
        self.directory = error.directory


async def up(options: argparse.Namespace) -> None:
    """Make the network if there is none, start it, and deploy what is missing."""
    topology = None if options.topology is None else load_topology(options.topology)
    if options.orderers is not None:
        topology = with_orderers(topology or default_topology(), options.orderers)
    is_new = not exists(options.network)
    if not is_new:
        _made_here(options.network)
    elif options.orderers == _WORSE_THAN_ONE:
        print(_OF_TWO, file=sys.stderr)
    if options.free_ports:
        topology = _on_free_ports(topology, options.network)
    print(f"{'Making' if is_new else 'Starting'} the network in {options.network}:")
    progress = Progress()
    try:
        network = await bring_up(topology, options.network, progress)
    except NetworkExistsError as error:
        if options.orderers is None:
            raise
        raise OtherOrderersError(error) from error
    if is_new:
        print(f"  {progress.total_s:5.2f} s  from nothing to the first committed transaction")
    profiles = shown(network.directory / "profiles")
    print(f"Channel {network.channel_id!r} is ready. Client profiles are in {profiles}/.")
    print("Next: tally chaincode list, tally query --help, tally cluster down")


async def down(options: argparse.Namespace) -> None:
    """Stop all nodes; delete everything if asked to."""
    network = _made_here(options.network)
    stopped = await Launcher(network).stop_all()
    for node in network.nodes:
        if node.name not in stopped:
            print(f"{node.name} was not running")
        else:
            print(f"{node.name} {'had to be killed' if stopped[node.name] else 'stopped'}")
    if options.remove:
        remove_network(network)
        print(f"removed {shown(options.network)}")


async def restart(options: argparse.Namespace) -> None:
    """Stop and start nodes one after the other, each once the one before works again."""
    network = _made_here(options.network)
    launcher = Launcher(network)
    for node in _chosen(network, options.nodes) or network.nodes:
        await launcher.restart(node)
        print(f"{node.name} works again", flush=True)


async def status(options: argparse.Namespace) -> int:
    """Print a line for each node, with what it says is wrong; exit with 1 unless all work."""
    network = _made_here(options.network)
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
    """Print the last lines of one node's log, or of everybody's; and what follows, if wanted."""
    network = _made_here(options.network)
    nodes = _chosen(network, [options.node]) if options.node else list(network.nodes)
    ends = {node.name: _size(network.log_file(node)) for node in nodes}
    for node in nodes:
        if len(nodes) > 1:
            print(f"==> {node.name}")
        for line in _tail(network.log_file(node), ends[node.name], options.lines):
            print(line)
    sys.stdout.flush()  # a pipe would keep it until the nodes have written more
    if options.follow:
        with suppress(KeyboardInterrupt):
            _follow({node.name: network.log_file(node) for node in nodes}, ends)


def _follow(files: Mapping[str, Path], read_to: dict[str, int]) -> None:
    """Print what is added to log files, without end; a heading says whose it is."""
    last = ""
    while True:
        for name, path in files.items():
            if _size(path) < read_to[name]:
                read_to[name] = 0  # it was begun anew
            if _size(path) == read_to[name]:
                continue
            if len(files) > 1 and name != last:
                print(f"==> {name}")
            last = name
            with path.open("rb") as file:
                file.seek(read_to[name])
                added = file.read()
            read_to[name] += len(added)
            print(added.decode(errors="replace"), end="", flush=True)
        time.sleep(_POLL_S)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _on_free_ports(topology: Topology | None, directory: Path) -> Topology | None:
    """Return a network where it meets no other; one that is there keeps its ports."""
    if not exists(directory):
        return on_free_ports(topology or default_topology())
    return topology and on_ports_of(open_network(directory).topology, topology)


def chosen_topology(path: Path | None) -> Topology:
    """Return the topology in a file, or the default one."""
    return default_topology() if path is None else load_topology(path)


def _made_here(directory: Path) -> Network:
    """Return the network in a directory, whose nodes these commands start and stop.

    Raises:
        NotMadeHereError: Its members founded it, each with nodes of its own.
        LedgerError: As for `open_network`.
    """
    network = open_network(directory)
    if not any(network.settings_file(node).exists() for node in network.nodes):
        raise NotMadeHereError(directory)
    return network


def _chosen(network: Network, names: Sequence[str]) -> list[Node]:
    """Return the nodes with these names, and all those of organisations among them."""
    members = {node.member.msp_id for node in network.nodes}
    return [
        node
        for name in names
        for node in (network.nodes_of(name) if name in members else (network.node(name),))
    ]


def _tail(log: Path, size: int, lines: int) -> list[str]:
    """Return the last lines of the first bytes of a log, so many of each."""
    if not size or not lines:
        return []
    return log.read_bytes()[:size].decode(errors="replace").splitlines()[-lines:]
