"""The calls that put a new chaincode to work are submitted once, and not forgotten."""

import shutil
from pathlib import Path

import pytest
from tests.scenarios.metrics import level

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.licensing.models import OrganizationLine
from tallystick.contracts.participants import Participant
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network, system_source
from tallystick.node.cluster.topology import Topology, default_topology

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


FIRST_TRANSACTION = "first transaction committed"


def only(name: Chaincode) -> Topology:
    default = default_topology()
    chaincodes = tuple(each for each in default.chaincodes if each.name == name)
    return on_free_ports(default.model_copy(update={"chaincodes": chaincodes}))


async def height(network: Network) -> int:
    """Return how many blocks all peers have; what is opened is committed at any of them."""
    return await level([node for node in network.nodes if node.kind == "peer"])


async def licences(network: Network) -> list[str]:
    async with Access(network, system_source()) as access:
        gateway = await access.gateway(Participant.ATS)
        identity = gateway.network(network.channel_id).contract(Chaincode.IDENTITY)
        line = await identity.evaluate("organization", Participant.ATS)
        held = OrganizationLine.model_validate_json(line).licences
        return [each.licence_class for each in held]


async def test_a_network_that_starts_again_opens_nothing_twice(tmp_path: Path) -> None:
    directory = tmp_path / "network"
    told: list[str] = []
    async with running_network(only(Chaincode.IDENTITY), directory, told.append) as network:
        before = await height(network)
        assert await licences(network) == ["ats"]
    assert "opened: identity.grant_licences" in told
    assert FIRST_TRANSACTION not in told  # it was that
    async with running_network(None, directory, told.append) as network:
        assert await height(network) == before


async def test_what_an_interrupted_start_did_not_open_is_opened_by_the_next(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "network"
    async with running_network(only(Chaincode.IDENTITY), directory, lambda _: None) as network:
        before = await height(network)
    shutil.rmtree(directory / "opened")  # as if it had ended between deployment and opening
    async with running_network(None, directory, lambda _: None) as network:
        assert await height(network) == before + 1


async def test_where_nothing_is_opened_a_chaincode_describes_itself(tmp_path: Path) -> None:
    told: list[str] = []
    async with running_network(only(Chaincode.CASH), tmp_path / "network", told.append):
        assert told[-1] == FIRST_TRANSACTION
