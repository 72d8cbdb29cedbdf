"""Which network ``tally cluster up`` brings up, by its words. What would start it is replaced."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tallystick.node.cli import cluster
from tallystick.node.cli.main import main
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import create_network
from tallystick.node.cluster.startup import Report
from tallystick.node.cluster.topology import Topology, default_topology, load_topology

TOPOLOGY = """
[channel]
id = "market"
endorsement = "OR('OneMSP.peer')"
lifecycle_endorsement = "OR('OneMSP.peer')"

[[organizations]]
msp_id = "OneMSP"
domain = "one.example"
peers = [{ name = "peer0", port = 7051, operations_port = 9443 }]
users = [{ name = "admin", role = "admin" }]

[[organizations]]
msp_id = "SequenceMSP"
domain = "sequence.example"
orderers = [{ name = "orderer0", port = 7050, operations_port = 9444, admin_port = 7053 }]
users = [{ name = "admin", role = "admin" }]
"""

FOUNDING = Founding(now_ns=1_790_000_000_000_000_000, nonce=bytes(24))


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """As much of a network as the command tells of."""

    directory: Path
    channel_id: str


@pytest.fixture
def brought_up(monkeypatch: pytest.MonkeyPatch) -> list[Topology | None]:
    """What the command asks for, instead of a network of processes."""
    asked: list[Topology | None] = []

    async def bring_up(topology: Topology | None, directory: Path, _report: Report) -> BroughtUp:
        asked.append(topology)
        return BroughtUp(directory, "market")

    monkeypatch.setattr(cluster, "bring_up", bring_up)
    return asked


def up(directory: Path, *words: str) -> int:
    return main(["cluster", "up", *words, "--network", str(directory / "network")])


def ordering(topology: Topology | None) -> list[tuple[str, int, int]]:
    """Return each organisation that orders, with how many orderers and members of etcd it has."""
    assert topology is not None
    return [
        (each.msp_id, len(each.orderers), len(each.etcd))
        for each in topology.organizations
        if each.orderers or each.etcd
    ]


def test_three_orderers_are_of_three_organisations_and_each_has_a_member_of_etcd_beside_it(
    tmp_path: Path, brought_up: list[Topology | None]
) -> None:
    assert up(tmp_path, "--orderers", "3") == 0
    (topology,) = brought_up
    assert ordering(topology) == [
        ("OrdererMSP", 1, 1),
        ("Orderer2MSP", 1, 1),
        ("Orderer3MSP", 1, 1),
    ]


def test_a_topology_of_a_file_is_given_as_many_orderers_too(
    tmp_path: Path, brought_up: list[Topology | None]
) -> None:
    file = tmp_path / "topology.toml"
    file.write_text(TOPOLOGY)
    assert up(tmp_path, "--topology", str(file), "--orderers", "2") == 0
    (topology,) = brought_up
    assert ordering(topology) == [("SequenceMSP", 1, 1), ("Sequence2MSP", 1, 1)]


def test_who_wants_two_orderers_is_warned_that_they_are_worse_than_one(
    tmp_path: Path, brought_up: list[Topology | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [up(tmp_path, "--orderers", str(number)) for number in (1, 3)] == [0, 0]
    assert capsys.readouterr().err == ""
    assert up(tmp_path, "--orderers", "2") == 0
    said = capsys.readouterr().err
    assert said.startswith("warning: two orderers are worse than one")
    assert "`--orderers 3`" in said
    assert len(brought_up) == 3


def test_who_wants_more_orderers_of_a_network_that_is_there_is_told_where_it_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = create_network(default_topology(), tmp_path / "network", FOUNDING)
    assert up(tmp_path, "--orderers", "3") == 1
    said = capsys.readouterr().err
    assert f"there is another network in {network.directory} already" in said
    assert 'as docs/etcd.md says under "From one orderer to several"' in said


def test_one_orderer_needs_no_etcd(tmp_path: Path, brought_up: list[Topology | None]) -> None:
    assert up(tmp_path, "--orderers", "1") == 0
    (topology,) = brought_up
    assert ordering(topology) == [("OrdererMSP", 1, 0)]


def test_without_the_option_a_network_stays_what_it_is(
    tmp_path: Path, brought_up: list[Topology | None]
) -> None:
    assert up(tmp_path) == 0
    assert brought_up == [None]


def test_a_second_network_finds_ports_and_keeps_them(
    tmp_path: Path, brought_up: list[Topology | None]
) -> None:
    file = tmp_path / "topology.toml"
    file.write_text(TOPOLOGY)
    words = ("--topology", str(file), "--free-ports")
    assert up(tmp_path, *words) == 0
    (topology,) = brought_up
    assert topology is not None
    assert set(topology.ports).isdisjoint(load_topology(file).ports)

    create_network(topology, tmp_path / "network", FOUNDING)
    assert up(tmp_path, *words) == up(tmp_path, "--free-ports") == 0
    assert brought_up == [topology, topology, None]


def test_ports_are_not_those_of_a_network_of_another_shape(
    tmp_path: Path, brought_up: list[Topology | None]
) -> None:
    file = tmp_path / "topology.toml"
    file.write_text(TOPOLOGY)
    create_network(default_topology(), tmp_path / "network", FOUNDING)
    assert up(tmp_path, "--topology", str(file), "--free-ports") == 0
    assert brought_up == [load_topology(file)]


def test_too_many_orderers_are_refused_before_anything_is_made(
    tmp_path: Path, brought_up: list[Topology | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert up(tmp_path, "--orderers", "8") == 1
    assert "there can be 1 to 7 orderers" in capsys.readouterr().err
    assert brought_up == []
    assert list(tmp_path.iterdir()) == []
