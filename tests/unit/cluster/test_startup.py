"""Which nodes go on when one of a network does not become ready. No process is started."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tallystick.node.cluster import startup
from tallystick.node.cluster.launcher import NodeFailedError
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.startup import starting_nodes
from tallystick.node.cluster.topology import default_topology


@dataclass
class RecordingLauncher:
    """Knows by name which nodes run, and which do not become ready."""

    running: set[str] = field(default_factory=set)
    ill: set[str] = field(default_factory=set)

    def pid(self, node: Node) -> int | None:
        return 1 if node.name in self.running else None

    def start(self, node: Node) -> int:
        self.running.add(node.name)
        return 1

    async def stop(self, node: Node) -> bool:
        self.running.remove(node.name)
        return False

    async def wait_until_ready(self, node: Node) -> None:
        if node.name in self.ill:
            raise NodeFailedError(node.name, "is not ready after 30 s", Path("log"))


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path, default_topology())


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> RecordingLauncher:
    launcher = RecordingLauncher()
    monkeypatch.setattr(startup, "Launcher", lambda _: launcher)
    return launcher


async def test_what_was_started_goes_on_though_a_node_that_ran_before_is_not_ready(
    network: Network, launcher: RecordingLauncher
) -> None:
    orderer, *peers = (node.name for node in network.nodes)
    launcher.running, launcher.ill = set(peers), {peers[0]}
    told: list[str] = []
    with pytest.raises(NodeFailedError, match=f"{peers[0]} is not ready"):
        async with starting_nodes(network, told.append):
            pass
    assert launcher.running == {orderer, *peers}
    assert told == [f"1 node started: {orderer}"]


async def test_what_was_started_is_stopped_if_one_of_it_does_not_become_ready(
    network: Network, launcher: RecordingLauncher
) -> None:
    orderer, first, *others = (node.name for node in network.nodes)
    launcher.running, launcher.ill = set(others), {first}
    told: list[str] = []
    with pytest.raises(NodeFailedError, match=f"{first} is not ready"):
        async with starting_nodes(network, told.append):
            pass
    assert launcher.running == set(others)
    assert orderer not in launcher.running
    assert not told
