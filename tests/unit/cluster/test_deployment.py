"""Chaincodes come onto a channel, whatever an earlier attempt has done already."""

from tallystick.node.cluster.administrator import Definition
from tallystick.node.cluster.deployment import collections_of, deploy, deployable, package_of
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
