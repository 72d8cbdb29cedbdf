"""docs/operations.md names what a node shows to those who watch it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.documents import documents
from tests.unit.conftest import ChannelMaterial

from tallystick.node.cluster.topology import default_topology
from tallystick.node.observability.metrics import NodeMetrics
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.peer import PeerNode
from tallystick.node.settings import MspSettings, OrdererSettings
from tallystick.node.testing import LocalNetwork

OF_EVERY_NODE = {"disk", "certificates", "calls"}
OF_EVERY_PROCESS = re.compile("process_|python_")


@pytest.fixture
async def peer() -> AsyncIterator[PeerNode]:
    topology = default_topology().model_copy(update={"chaincodes": ()})
    async with LocalNetwork(topology) as network:
        yield network.peers["ATSMSP"]


@pytest.fixture
async def orderer(channel_material: ChannelMaterial, tmp_path: Path) -> AsyncIterator[OrdererNode]:
    msp = channel_material.directory / "orderer" / "orderers" / "orderer0" / "msp"
    settings = OrdererSettings(
        listen_address="localhost:0",
        data_directory=tmp_path,
        msp=MspSettings(id="OrdererMSP", directory=msp),
        tls=None,
    )
    environment = OrdererEnvironment(clock=lambda: 0, new_nonce=lambda: bytes(24))
    async with OrdererNode(settings, channel_material.orderer, [], environment) as node:
        yield node


def table(heading: str) -> list[list[str]]:
    """Return the rows of the manual's table whose first column is called so."""
    _, _, below = documents()["docs/operations.md"].partition(f"\n| {heading} |")
    rows = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def shown_by(metrics: NodeMetrics) -> set[str]:
    """Return the names of what a node counts, with what its program adds."""
    metrics.show_open(int, int)
    metrics.show_certificates([])
    families = metrics.registry.collect()
    names = {each.name + "_total" * (each.type == "counter") for each in families}
    return {name for name in names if not OF_EVERY_PROCESS.match(name)}


def test_each_part_that_can_be_unhealthy_is_in_the_manual(
    peer: PeerNode, orderer: OrdererNode
) -> None:
    (channel_id,) = peer.channels
    of_peers = {name.replace(channel_id, "CHANNEL", 1) for name in peer.health_checks}
    named = {name for *_, cell in table("not healthy") for name in re.findall("`(.+?)`", cell)}
    assert named == of_peers | orderer.health_checks.keys() | OF_EVERY_NODE


def test_each_metric_is_in_the_manual(peer: PeerNode, orderer: OrdererNode) -> None:
    named = {
        name.strip("`") for name, *_ in table("metric") if not OF_EVERY_PROCESS.match(name[1:])
    }
    assert named == shown_by(peer.metrics) | shown_by(orderer.metrics)


def test_the_services_whose_calls_are_counted_are_in_the_manual(peer: PeerNode) -> None:
    said = {name.strip("`"): meaning for name, _, meaning in table("metric")}
    families = {each.name: each for each in peer.metrics.registry.collect()}
    for name in ("tallystick_calls_in_progress", "tallystick_calls_waiting"):
        services = {sample.labels["service"] for sample in families[name].samples}
        assert services == set(re.findall(r"`(\w+\.[A-Z]\w+)`", said[name]))
