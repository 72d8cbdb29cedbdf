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
from tallystick.node.cluster.startup import bring_up
from tallystick.node.cluster.topology import default_topology
from tallystick.node.testing import LocalNetwork


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
