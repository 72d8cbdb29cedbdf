"""What a network may consist of, and how a file that says otherwise is refused."""

import json
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.cluster.deployment import collections_of
from tallystick.node.cluster.errors import TopologyError, UnknownMemberError
from tallystick.node.cluster.topology import (
    Topology,
    default_topology,
    load_topology,
    parse_topology,
)

CHANNEL = """
[channel]
id = "market"
endorsement = "MAJORITY Endorsement"
lifecycle_endorsement = "OR('OneMSP.peer')"
"""
PEER = """
[[organizations]]
msp_id = "OneMSP"
domain = "one.example"
peers = [{ name = "peer0", port = 1, operations_port = 2 }]
"""
ORDERER = """
[[organizations]]
msp_id = "OrdererMSP"
domain = "orderer.example"
orderers = [{ name = "orderer0", port = 3, operations_port = 4 }]
"""

CHAINCODE = """
[[chaincodes]]
name = "notes"
entry = "notes:Notes"
source = "src"
endorsement = "OR('OneMSP.peer')"
"""
OPENED_BY_A_STRANGER = """
[[chaincodes]]
name = "notes"
entry = "notes:Notes"
endorsement = "OR('OneMSP.peer')"
opening = [{ by = "NoMSP", function = "write" }]
"""


def test_the_default_network_has_three_licensed_organisations_with_a_peer() -> None:
    topology = default_topology()
    assert [member.msp_id for member in topology.peer_organizations] == [
        "ATSMSP",
        "ClearingMSP",
        "TransferAgentMSP",
    ]
    assert [member.msp_id for member in topology.orderer_organizations] == ["OrdererMSP"]
    assert len(topology.application_organizations) == 7
    assert [each.name for each in topology.chaincodes] == [
        "identity",
        "token",
        "cash",
        "settlement",
    ]


@pytest.mark.parametrize("msp_id", [each.msp_id for each in default_topology().organizations])
def test_everybody_has_an_administrator(msp_id: str) -> None:
    users = default_topology().organization(msp_id).users
    assert ("admin", "admin") in [(user.name, user.role) for user in users]


def test_a_user_without_a_peer_connects_through_the_peer_of_another() -> None:
    topology = default_topology()
    assert topology.gateway_of("BankMSP").msp_id == "ClearingMSP"
    assert topology.gateway_of("ClearingMSP").msp_id == "ClearingMSP"
    assert topology.gateway_of("OrdererMSP").msp_id == "ATSMSP"


def test_a_member_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(UnknownMemberError, match="no 'NoMSP' in this network; there are ATSMSP"):
        default_topology().organization("NoMSP")


def test_ports_can_be_moved_all_at_once() -> None:
    moved = default_topology().on_ports(iter(range(100, 200)))
    peers = [member.peers[0] for member in moved.peer_organizations]
    assert [(peer.port, peer.operations_port) for peer in peers] == [
        (100, 101),
        (102, 103),
        (104, 105),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("[channel", "Expected ']'", id="not TOML"),
        pytest.param(PEER + ORDERER, "channel: Field required", id="no channel"),
        pytest.param(CHANNEL + PEER, "one with orderers", id="nobody orders"),
        pytest.param(CHANNEL + PEER + ORDERER + PEER, "OneMSP", id="a member twice"),
        pytest.param(
            CHANNEL + PEER + ORDERER.replace("= 3", "= 2"), "port .* 2", id="a port twice"
        ),
        pytest.param(
            CHANNEL.replace("OR(", "EITHER(") + PEER + ORDERER,
            "channel.lifecycle_endorsement: policy",
            id="no policy",
        ),
        pytest.param(
            CHANNEL + PEER + ORDERER + CHAINCODE.replace("OR('OneMSP.peer')", "ANY Endorsement"),
            "chaincodes.0.endorsement: policy .* path of a channel policy",
            id="a chaincode's rule that is only a channel's",
        ),
        pytest.param(
            CHANNEL + PEER + ORDERER + 'gateway = "TwoMSP"', "no 'TwoMSP'", id="unknown gateway"
        ),
        pytest.param(
            CHANNEL + PEER + ORDERER + OPENED_BY_A_STRANGER,
            "NoMSP cannot be among its members",
            id="opened by a stranger",
        ),
        pytest.param(
            CHANNEL + PEER + 'users = [{ name = "client" }]' + ORDERER,
            'OneMSP runs peers, .* add { name = "admin", role = "admin" } to its users',
            id="nobody administers a peer",
        ),
        pytest.param(
            CHANNEL + PEER + 'users = [{ name = "admin" }]' + ORDERER,
            "OneMSP runs peers, and nobody can let them join",
            id="an administrator by name only",
        ),
        pytest.param("colour = 1" + CHANNEL + PEER + ORDERER, "colour: Extra", id="misspelt key"),
    ],
)
def test_a_topology_that_cannot_be_run_is_refused(
    outcome: Outcome, tmp_path: Path, content: str, problem: str
) -> None:
    with outcome.refuses(TopologyError, leaves=files(tmp_path), match=problem):
        parse_topology(content, "mine.toml")


def test_the_source_of_a_chaincode_is_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(CHANNEL + PEER + ORDERER + CHAINCODE)
    assert load_topology(path).chaincodes[0].source == tmp_path / "src"


def test_a_chaincode_without_a_rule_goes_by_that_of_its_channel() -> None:
    without = CHAINCODE.replace("endorsement = \"OR('OneMSP.peer')\"\n", "")
    (chaincode,) = parse_topology(CHANNEL + PEER + ORDERER + without, "mine.toml").chaincodes
    assert chaincode.endorsement == "/Channel/Application/Endorsement"


def test_collections_are_in_a_file_or_in_the_topology_itself(tmp_path: Path) -> None:
    chaincode = """
[[chaincodes]]
name = "notes"
entry = "notes:Notes"
endorsement = "OR('OneMSP.peer')"
"""
    inline = """
[[chaincodes.collections]]
name = "secrets"
policy = "OR('OneMSP.member')"
maxPeerCount = 2
"""
    written = {"name": "secrets", "policy": "OR('OneMSP.member')", "maxPeerCount": 2}
    (tmp_path / "collections.json").write_text(json.dumps([written]))
    found = []
    for part in ('collections = "collections.json"', inline):
        path = tmp_path / "mine.toml"
        path.write_text(CHANNEL + PEER + ORDERER + chaincode + part)
        topology = load_topology(path)
        kept = Topology.model_validate_json(topology.model_dump_json())
        assert kept == topology
        found.append(collections_of(kept.chaincodes[0]))
    assert found[0] == found[1]
    assert found[0].config[0].static_collection_config.maximum_peer_count == 2


def test_the_file_of_a_topology_is_missing(outcome: Outcome, tmp_path: Path) -> None:
    with outcome.refuses(TopologyError, leaves=files(tmp_path), match=r"absent\.toml"):
        load_topology(tmp_path / "absent.toml")
