"""An orderer that has ordered alone shares its order, as docs/etcd.md says under that heading."""

import re
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.documents import Reader, documents
from tests.scenarios.crash_audit import check_chain, ordered_blocks
from tests.scenarios.metrics import one_leads

from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import DEFAULT_DIRECTORY, Network, create_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.wire.hashing import block_header_hash

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

SECTION = "## From one orderer to several\n"
ETCD = "[etcd]\n"


@dataclass(frozen=True)
class Operator:
    """Who runs all the nodes."""

    network: Network
    launcher: Launcher
    reader: Reader

    def nodes(self, *kinds: str) -> list[Node]:
        return [node for node in self.network.nodes if node.kind in kinds]

    async def start(self, *nodes: Node) -> None:
        for node in nodes:
            self.launcher.start(node)
        for node in nodes:
            await self.launcher.wait_until_ready(node)

    async def lose(self, orderer: Node, others: Sequence[Node]) -> None:
        """Kill an orderer, and return once one of the others leads."""
        await self.launcher.kill(orderer)
        await one_leads(others)

    def chain(self, orderer: Node) -> list[bytes]:
        """Return the header hashes of a stopped orderer, whose chain is checked."""
        blocks = ordered_blocks(self.network, orderer)
        check_chain(blocks)
        return [block_header_hash(block.header) for block in blocks]

    def set_address(self, orderer: Node, host: str) -> str:
        """Let the channel name an orderer by another name of its machine; it is ordered."""
        address = f"{host}:{orderer.topology.port}"
        return self.reader.run(f"tally channel set-orderers {orderer.member.msp_id} {address}")

    def height(self, orderer: Node) -> int:
        """Return how many blocks a stopped orderer has, as the manual has it asked."""
        data = self.network.data_directory(orderer) / "channels" / self.network.channel_id
        found = re.match(r"(\d+) blocks", self.reader.run(f"tally ledger verify {data}"))
        assert found is not None
        return int(found[1])


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    source = system_source()
    founding = Founding(source.now_ns(), source.nonce())
    topology = on_free_ports(with_orderers(default_topology(), 3))
    network = create_network(topology, tmp_path / DEFAULT_DIRECTORY, founding)
    launcher = Launcher(network)
    yield Operator(network, launcher, Reader(tmp_path))
    for node in network.nodes:
        await launcher.kill(node)


async def test_one_orderer_becomes_several_and_its_blocks_stay(operator: Operator) -> None:
    first, *others = operator.nodes("orderer")
    settings = operator.network.settings_file(first)
    shared = settings.read_text(encoding="utf-8")
    alone, _, _ = shared.partition(ETCD)
    settings.write_text(alone, encoding="utf-8")
    await operator.start(first, *operator.nodes("peer"))

    for other in others:  # the channel names those to come while the one still orders
        operator.set_address(other, "127.0.0.1")
    await operator.launcher.stop(first)
    height = operator.height(first)
    before = operator.chain(first)
    assert len(before) == height

    data = operator.network.data_directory
    for other in others:
        shutil.copytree(data(first), data(other))
    settings.write_text(shared, encoding="utf-8")
    for node in (first, *others):
        with operator.network.settings_file(node).open("a", encoding="utf-8") as file:
            file.write(f"begin_at = {{ {operator.network.channel_id} = {height} }}\n")
    await operator.start(*operator.nodes("etcd", "orderer"))

    await operator.lose(first, others)
    operator.set_address(others[0], "localhost")
    for node in (first, *others):  # the line can go
        text = operator.network.settings_file(node).read_text(encoding="utf-8")
        operator.network.settings_file(node).write_text(re.sub("begin_at.*\n", "", text))
    await operator.start(first)
    operator.set_address(others[1], "localhost")
    for node in operator.nodes("orderer"):
        await operator.launcher.restart(node)
        await operator.launcher.wait_until_ready(node)
    for node in operator.nodes("orderer"):
        await operator.launcher.stop(node)
    chains = [operator.chain(node) for node in (first, *others)]
    assert chains[0] == chains[1] == chains[2]
    assert chains[0][:height] == before
    assert len(chains[0]) == height + 2


def test_the_steps_are_those_of_the_manual() -> None:
    steps = documents()["docs/etcd.md"].partition(SECTION)[2]
    words = ["set-orderers", "Stop the", "ledger verify", "copy its data", "begin_at", "start"]
    places = [steps.index(word) for word in words]
    assert places == sorted(places)
