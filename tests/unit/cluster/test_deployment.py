"""Chaincodes come onto a channel, whatever an earlier attempt has done already."""

from pathlib import Path

import pytest

from tallystick.node.cluster.administrator import Definition
from tallystick.node.cluster.deployment import (
    NoPackageError,
    collections_of,
    deploy,
    deployable,
    package_of,
)
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import create_network
from tallystick.node.cluster.startup import bring_up, prepare_all
from tallystick.node.cluster.topology import ChaincodeTopology, default_topology
from tallystick.node.runtime.checked_packages import CheckedPackages
from tallystick.node.settings import PeerSettings, load_settings
from tallystick.node.testing import LocalNetwork

NOTES = """
from tallystick.chaincode import Context, Contract, query

class Notes(Contract):
    name = "notes"

    @query
    def height(self, ctx: Context) -> int:
        return 1
"""


async def test_an_interrupted_deployment_is_completed() -> None:
    topology = default_topology()
    first, second = topology.chaincodes[:2]
    async with LocalNetwork(topology.model_copy(update={"chaincodes": ()})) as network:
        administrators = [network.administrator(msp_id) for msp_id in network.peers]
        definition = Definition(
            first.name,
            first.version,
            endorsement=first.endorsement,
            collections=collections_of(first),
        )
        for administrator in administrators[:2]:
            package = await administrator.install(package_of(first))
            assert await administrator.approve(network.channel_id, definition, package)
            assert not await administrator.approve(network.channel_id, definition, package)
        await deploy(network.channel_id, [deployable(first), deployable(second)], administrators)
        for administrator in administrators:
            defined = await administrator.definitions(network.channel_id)
            assert {each.name for each in defined} == {first.name, second.name}


async def test_a_source_that_is_not_there_is_named_before_a_network_is_made_and_later_alike(
    tmp_path: Path,
) -> None:
    topology = default_topology()
    missing = topology.chaincodes[0].model_copy(update={"source": tmp_path / "moved"})
    named = f"the source of chaincode {missing.name}, {tmp_path / 'moved'}, is no folder that is"
    told: list[str] = []
    with pytest.raises(NoPackageError, match=named) as new:
        await bring_up(
            topology.model_copy(update={"chaincodes": (missing,)}),
            tmp_path / "network",
            told.append,
        )
    assert not (tmp_path / "network").exists()
    assert not told
    with pytest.raises(NoPackageError) as old:
        deployable(missing)  # what a network that is there builds once it lacks the chaincode
    assert str(old.value) == str(new.value)


def test_what_is_checked_while_peers_start_they_need_not_check(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "notes.py").write_text(NOTES)
    chaincode = ChaincodeTopology(name="notes", entry="notes:Notes", source=source)
    topology = default_topology().model_copy(update={"chaincodes": (chaincode,)})
    network = create_network(topology, tmp_path / "network", Founding(1_790_000_000 * 10**9, b""))
    (prepared,) = prepare_all(network).values()
    for node in network.nodes:
        if node.kind == "peer":
            told = load_settings(PeerSettings, network.settings_file(node)).checked_packages
            assert prepared.package in CheckedPackages(told)
            assert prepared.package + b" " not in CheckedPackages(told)
