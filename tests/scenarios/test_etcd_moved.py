"""The cluster of etcd is moved, and lost, as docs/etcd.md says; no block is ordered twice."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.documents import Reader, blocks
from tests.scenarios.crash_audit import check_chain, ordered_blocks
from tests.scenarios.faults.audit import unhealthy
from tests.scenarios.metrics import level
from tests.scenarios.outcome import Outcome

from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.member_topology import EtcdTopology
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.wire.hashing import block_header_hash

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

DOCUMENTED = with_orderers(default_topology(), 3)
"""The network that the manual is written for; tests run it on other ports."""
HOW_TO_ASK, MOVING, LOST = [
    block.script for block in blocks("bash") if block.run_by == "scenarios/test_etcd_moved.py"
]


class Operator:
    """Follows the manual, on the ports that the network has here."""

    def __init__(self, network: Network, reader: Reader) -> None:
        self.network = network
        self._reader = reader
        documented = Network(network.directory, DOCUMENTED)
        pairs = zip(documented.nodes, network.nodes, strict=True)
        self._ports = {
            str(there): str(here)
            for each in pairs
            for there, here in zip(*map(ports_of, each), strict=True)
        }

    def follow(self, script: str) -> str:
        """Run the lines of a block and return what they print."""
        moved = re.sub(r"\b\d{4}\b", lambda port: self._ports.get(port[0], port[0]), script)
        return self._reader.run(moved)

    def stop(self, node: Node) -> None:
        """Stop one node in good order."""
        pid_file = self.network.directory / "run" / f"{node.name}.pid"
        self._reader.run(f'pid=$(cat "{pid_file}"); kill $pid; tail --pid=$pid -f /dev/null')

    def nodes(self, kind: str) -> list[Node]:
        return [node for node in self.network.nodes if node.kind == kind]

    def chains(self) -> list[list[bytes]]:
        """Return the header hashes of each stopped orderer, whose chain is checked."""
        found = []
        for node in self.nodes("orderer"):
            chain = ordered_blocks(self.network, node)
            check_chain(chain)
            found.append([block_header_hash(block.header) for block in chain])
        return found


def ports_of(node: Node) -> list[int]:
    member = node.topology
    peer_port = [member.peer_port] if isinstance(member, EtcdTopology) else []
    return [member.port, member.operations_port, *peer_port]


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    if shutil.which("etcdctl") is None:
        pytest.skip("etcdctl is not installed: apt-get install etcd-client")
    source = system_source()
    founding = Founding(source.now_ns(), source.nonce())
    network = create_network(on_free_ports(DOCUMENTED), tmp_path / ".tallystick", founding)
    reader = Reader(tmp_path)
    reader.run("tally cluster up")
    yield Operator(network, reader)
    reader.run("tally cluster down")


async def test_a_cluster_that_is_moved_or_lost_forks_nothing(
    operator: Operator, outcome: Outcome
) -> None:
    assert "is healthy" in operator.follow(HOW_TO_ASK)
    assert "committed in block" in operator.follow(MOVING)

    # A snapshot that is older than the newest block is what the manual warns of.
    operator.follow(". ./etcdctl.env; etcdctl snapshot save older.snapshot")
    absent, *others = operator.nodes("orderer")
    operator.stop(absent)
    operator.follow("tally invoke cash open_cash DKK DKK --as BankMSP")
    await level(others)  # each has a block that the snapshot does not know
    restoring = MOVING[MOVING.index("tally cluster down") : MOVING.index("tally cluster up")]
    operator.follow(restoring.replace("etcd.snapshot", "older.snapshot"))
    before = operator.chains()
    launcher = Launcher(operator.network)
    for node in [*operator.nodes("etcd"), absent]:
        launcher.start(node)
    outcome.saw(await unhealthy(absent, "no answer from"))
    for node in others:
        launcher.start(node)
    for node in others:
        outcome.saw(await unhealthy(node, "the log in etcd ends with block"))
    outcome.saw(await unhealthy(absent, "and the log in etcd ends before block"))

    beginning_anew = "begin with an empty cluster of etcd and begin_at, as docs/etcd.md says"
    assert "committed in block" in outcome.does(beginning_anew, lambda: operator.follow(LOST))
    await level([absent, *others])  # it fetches what it lacks
    operator.follow("tally cluster down")
    after = operator.chains()
    assert after[0] == after[1] == after[2]
    assert len(after[0]) == max(map(len, before)) + 1
    assert all(after[0][: len(chain)] == chain for chain in before)
    lost = {block for chain in before for block in chain} - set(after[0])
    outcome.counted(lost=len(lost), acknowledged=max(map(len, before)), what="blocks")
    outcome.keep("a snapshot of etcd is restored that is older than the newest block")
