"""The doctor at nodes that run, and at nodes with which something is wrong."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.scenarios.crash_network import NOTES, RunningNetwork, running_network

from tallystick.node.cli.main import main
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.topology import default_topology

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

GROUPS = {
    "keys",
    "certificates",
    "clocks",
    "ports",
    "disk",
    "reachability",
    "versions",
    "ledgers",
}


async def test_the_doctor_finds_nodes_well_and_then_what_is_wrong_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topology = default_topology().model_copy(update={"chaincodes": (NOTES,)})
    async with running_network(tmp_path / "network", with_orderers(topology, 3)) as network:
        orderer, peer, member = network.orderers[0], network.peers[0], network.etcd[1]

        async def examine() -> tuple[int, list[dict[str, str]]]:
            files = [str(network.network.settings_file(each)) for each in (peer, orderer)]
            code = await asyncio.to_thread(main, ["doctor", "--json", "--config", *files])
            return code, json.loads(capsys.readouterr().out)

        code, findings = await examine()
        assert [each for each in findings if each["state"] == "failed"] == []
        assert code == 0
        assert {each["check"] for each in findings} == GROUPS
        reached = {each["subject"] for each in findings if each["check"] == "reachability"}
        assert reached >= {f"orderer {each.address}" for each in network.orderers[1:]}
        assert reached >= {f"etcd {each.address}" for each in network.etcd}

        key(network, peer).chmod(0o644)
        await network.kill(member)
        await network.kill(orderer)
        code, findings = await examine()
        failed = {(each["subject"], each["text"]) for each in findings if each["state"] == "failed"}
        assert code == 1
        assert failed == {
            (str(key(network, peer)), "others than its owner may use it (mode 0644)"),
            (f"etcd {member.address}", "nothing listens there"),
            (f"orderer {orderer.address}", "nothing listens there"),
        }


def key(network: RunningNetwork, node: Node) -> Path:
    (found,) = (network.network.node_material(node) / "msp" / "keystore").iterdir()
    return found
