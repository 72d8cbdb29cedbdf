"""From nothing to a network that has committed its first transaction."""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Final

from tallystick.client.gateway import Gateway
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.deployment import (
    Deployable,
    NoPackageError,
    check_source,
    deploy,
    deployable,
    untried_package_of,
)
from tallystick.node.cluster.errors import NetworkExistsError
from tallystick.node.cluster.etcd import find_etcd
from tallystick.node.cluster.launcher import Launcher, check_ports
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network, exists, open_network
from tallystick.node.cluster.node import nodes_of
from tallystick.node.cluster.opening import submit_opening
from tallystick.node.cluster.peer_client import Source
from tallystick.node.cluster.topology import (
    ChaincodeTopology,
    ChannelTopology,
    Topology,
    default_topology,
)
from tallystick.node.runtime.checked_packages import CheckedPackages
from tallystick.node.runtime.packages import check_package, package_id
from tallystick.wire.txid import NONCE_SIZE

Report = Callable[[str], object]
"""Told each step of a long work when it is done."""

METADATA_FUNCTION: Final = "org.hyperledger.fabric:GetMetadata"


def system_source() -> Source:
    """Return the operating system's clock and randomness."""
    return Source(
        now_ns=time.time_ns,  # noqa: TID251 - whoever starts a network is its composition root
        nonce=lambda: secrets.token_bytes(NONCE_SIZE),
    )


async def bring_up(topology: Topology | None, directory: Path, report: Report) -> Network:
    """Return a running network with its chaincodes deployed.

    What is there already is used as it is: a network that was stopped continues, and one whose
    deployment was interrupted is completed.

    Args:
        topology: What the network consists of; None for what it already does, or the default.
        directory: Where it is, or will be.
        report: Told what is done.

    Raises:
        NetworkExistsError: There is one already, and it consists of something else.
        NodeFailedError: A node does not start; those that were started are stopped again. Or one
            that ran before is not well; all go on.
        LedgerError: The network could not be made; the message says why.
        ClientError: It was made and does not answer as it should.
    """
    source = system_source()
    is_new = not exists(directory)
    if is_new:
        topology = topology or default_topology()
        for chaincode in _chaincodes(topology):
            check_source(chaincode)  # while there is nothing that would have to be removed again
        network = _make_network(topology, directory, source)
        members = len(network.topology.organizations)
        report(f"keys of {members} organisations and the first block written")
    else:
        network = open_network(directory)
        if topology is not None and not grew_from(network.topology, topology):
            raise NetworkExistsError(directory)
    async with starting_nodes(network, report):
        # A network that was there has to tell first what it lacks.
        prepared = prepare_all(network) if is_new else {}
    async with Access(network, source) as access:
        for channel in network.topology.all_channels:
            await deploy_missing(network, access, channel, prepared, report)
    return network


def prepare_all(network: Network) -> Mapping[ChaincodeTopology, Deployable]:
    """Return what brings the chaincodes onto their channels; no peer has to check them again.

    Raises:
        LedgerError: A chaincode cannot be deployed; the message says why.
    """
    prepared = {each: deployable(each) for each in _chaincodes(network.topology)}
    checked = CheckedPackages(network.checked_packages)
    for each in prepared.values():
        check_package(each.package)
        checked.add(each.package)
    return prepared


def _chaincodes(topology: Topology) -> Iterator[ChaincodeTopology]:
    return chain.from_iterable(map(topology.chaincodes_of, topology.all_channels))


async def deploy_missing(
    network: Network,
    access: Access,
    channel: ChannelTopology,
    prepared: Mapping[ChaincodeTopology, Deployable],
    report: Report,
) -> None:
    """Deploy what a channel should have and does not define yet, open it, commit a transaction.

    What an earlier attempt deployed and did not open any more is opened now. Where nothing is
    opened, a chaincode is asked to describe itself.

    Args:
        network: It runs.
        access: The way to its nodes.
        channel: One of its channels.
        prepared: What has been prepared of its chaincodes.
        report: Told what is done.

    Raises:
        LedgerError: A chaincode cannot be deployed; the message says why.
        ClientError: A peer refused, or does not answer.
    """
    wanted = network.topology.chaincodes_of(channel)
    if not wanted:
        return
    administrators = await access.administrators(channel)
    definitions = await administrators[0].definitions(channel.id)
    defined = {each.name: each.sequence for each in definitions}
    missing = [each for each in wanted if each.name not in defined]
    where = "" if channel.id == network.channel_id else f" on {channel.id}"
    if missing:
        found = [prepared.get(each) or deployable(each) for each in missing]
        await deploy(channel.id, found, administrators)
        report(f"chaincodes deployed{where}: {', '.join(each.name for each in missing)}")
    for chaincode in wanted:
        if defined.get(chaincode.name) == 1 and chaincode.source is not None:
            await _tell_of_changes(chaincode, administrators[0], report)
    notes = {each.name: network.opening_note(channel, each.name) for each in wanted}
    closed = [each for each in wanted if each.opening and not notes[each.name].exists()]
    for chaincode in closed:
        calls = [(chaincode.name, call) for call in chaincode.opening]
        await submit_opening(channel.id, calls, access.gateway, administrators)
        notes[chaincode.name].parent.mkdir(parents=True, exist_ok=True)
        notes[chaincode.name].touch()
        report(f"opened{where}: {', '.join(f'{name}.{call.function}' for name, call in calls)}")
    if missing and not closed:
        gateway = await access.gateway(administrators[0].msp_id)
        await first_transaction(gateway, channel.id, missing[0].name)
        report(f"first transaction committed{where}")


async def _tell_of_changes(
    chaincode: ChaincodeTopology, administrator: Administrator, report: Report
) -> None:
    """Tell if the source of a chaincode is not what its peers were given."""
    try:
        wanted = package_id(untried_package_of(chaincode))
    except NoPackageError:  # it is there no more, or being worked on
        return
    if wanted not in await administrator.installed():
        report(
            f"{chaincode.name} runs as before, though its source has changed: bring it into force"
            " as a new version, or begin anew with tally cluster down --remove"
        )


def grew_from(running: Topology, given: Topology) -> bool:
    """Return whether a network is what a topology says, but for channels made since."""
    first = running.channels[: len(given.channels)]
    return running.model_copy(update={"channels": first}) == given


@asynccontextmanager
async def running_network(
    topology: Topology | None, directory: Path, report: Report
) -> AsyncIterator[Network]:
    """Run a network for the length of the block; what it wrote stays.

    Takes the arguments of ``bring_up``, and raises what it raises.
    """
    try:
        yield await bring_up(topology, directory, report)
    finally:
        if exists(directory):
            await Launcher(open_network(directory)).stop_all()


def _make_network(topology: Topology, directory: Path, source: Source) -> Network:
    if topology.etcd_organizations:
        find_etcd()
    for node in nodes_of(topology):
        check_ports(node)  # before there is anything that would have to be removed again
    return create_network(topology, directory, Founding(source.now_ns(), source.nonce()))


@asynccontextmanager
async def starting_nodes(network: Network, report: Report) -> AsyncIterator[None]:
    """Start the nodes that do not run; the end of the block waits until all work.

    Raises:
        NodeFailedError: One does not. If it was started here, those that were started are stopped
            again, as when the block fails. If it ran before, all go on.
    """
    launcher = Launcher(network)
    down = [node for node in network.nodes if launcher.pid(node) is None]
    others = [node for node in network.nodes if node not in down]
    async with AsyncExitStack() as undo:
        for node in down:
            launcher.start(node)
            undo.push_async_callback(launcher.stop, node)
        yield
        for node in down:
            await launcher.wait_until_ready(node)
        undo.pop_all()
    if down:
        report(f"{counted(len(down), 'node')} started: {', '.join(node.name for node in down)}")
    for node in others:
        await launcher.wait_until_ready(node)


def counted(number: int, thing: str) -> str:
    """Return ``1 node`` or ``2 nodes``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


async def first_transaction(gateway: Gateway, channel_id: str, chaincode: str) -> None:
    """Commit a transaction that asks a chaincode to describe itself and changes nothing.

    It passes every stage that a transfer passes: endorsement by the chaincode's own rule, ordering,
    validation and commit. So does a call that opens a chaincode.
    """
    await gateway.network(channel_id).contract(chaincode).submit(METADATA_FUNCTION)
