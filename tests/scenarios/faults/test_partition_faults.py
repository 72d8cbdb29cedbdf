"""Partitions between three hosts, each with a peer, an orderer and a member of etcd."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import audited, ledger_folder, refusal, unhealthy
from tests.scenarios.faults.hosts import Host, HostsLauncher, hosts
from tests.scenarios.orderer_network import another_leader_than, leader, three_orderers
from tests.scenarios.outcome import Outcome

from tallystick.node.cluster.node import Node
from tallystick.node.cluster.topology import Topology
from tallystick.node.ledger.segments import read_records
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_header_hash

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

HOSTS: Final = 3
HEAL: Final = "mend the network"

Part = Callable[[Host, Sequence[Host]], None]


@dataclass(frozen=True, slots=True)
class Site:
    """The network, and the hosts that it is on."""

    network: RunningNetwork
    hosts: Sequence[Host]

    def host_of(self, node: Node) -> Host:
        return next(host for host in self.hosts if host.address == node.host)

    def on(self, host: Host, nodes: Sequence[Node]) -> Node:
        """Return the one of some nodes that is on a host."""
        (found,) = [node for node in nodes if node.host == host.address]
        return found

    def others(self, host: Host) -> Sequence[Host]:
        return [other for other in self.hosts if other != host]


@pytest.fixture(scope="module")
def made() -> Iterator[Sequence[Host]]:
    with hosts(HOSTS) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    made: Sequence[Host], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    def place(topology: Topology) -> Topology:
        """Give each host one of the peers and one of the orderers."""
        places: dict[str, Host] = {}
        for members in (topology.peer_organizations, topology.orderer_organizations):
            places |= {each.msp_id: host for each, host in zip(members, made, strict=True)}
        placed = [
            member.model_copy(update={"host": places[member.msp_id].address})
            if member.msp_id in places
            else member
            for member in topology.organizations
        ]
        return topology.model_copy(update={"organizations": tuple(placed)})

    async with three_orderers(
        tmp_path_factory.mktemp("partitions"),
        place=place,
        new_launcher=lambda network: HostsLauncher(network, made),
    ) as network:
        yield Site(network, made)


def chain_of(network: RunningNetwork, orderer: Node) -> list[bytes]:
    """Return the header hashes of an orderer's blocks, as they are on its disk now."""
    records = read_records(ledger_folder(network, orderer) / "blocks")
    return [block_header_hash(Block.FromString(content).header) for _, _, content in records]


def check_no_fork(network: RunningNetwork) -> None:
    chains = [chain_of(network, orderer) for orderer in network.orderers]
    longest = max(chains, key=len)
    for chain in chains:
        assert chain == longest[: len(chain)], "the orderers have different chains"


@pytest.mark.parametrize(
    ("part", "heal"),
    [
        pytest.param(lambda host, _: host.cut(), lambda host, _: host.join(), id="cut off"),
        pytest.param(Host.lose_what_it_sends, Host.send_again, id="heard by nobody"),
    ],
)
async def test_the_host_of_the_leader_is_parted_and_the_others_go_on(
    site: Site, outcome: Outcome, part: Part, heal: Part
) -> None:
    network = site.network
    former = await leader(network)
    lonely = site.host_of(former)
    async with audited(network, outcome) as load:
        part(lonely, site.others(lonely))
        try:
            outcome.saw(await unhealthy(former, "securities: "))
            outcome.saw(await refusal(network, site.on(lonely, network.peers)))
            await another_leader_than(former, network)
            await load.more_commits(30)
        finally:
            outcome.does(HEAL, lambda: heal(lonely, site.others(lonely)))
    check_no_fork(network)
    outcome.keep("the host of the orderer that leads is cut off, or heard by nobody")


async def test_no_host_reaches_another_and_nothing_is_acknowledged_meanwhile(
    site: Site, outcome: Outcome
) -> None:
    network = site.network
    async with audited(network, outcome) as load:
        for host in site.hosts:
            host.cut()
        try:
            for orderer in network.orderers:
                outcome.saw(await unhealthy(orderer, "securities: "))
            acknowledged = len(load.acknowledged)
            for peer in network.peers:
                outcome.saw(await refusal(network, peer))
            assert len(load.acknowledged) == acknowledged
        finally:
            for host in site.hosts:
                outcome.does(HEAL, host.join)
    check_no_fork(network)
    outcome.keep("no host reaches another")
