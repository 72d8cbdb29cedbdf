"""Networks of several orderers, and the members of etcd beside them."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.x509 import IPAddress, SubjectAlternativeName, load_pem_x509_certificate
from tests.scenarios.outcome import Outcome, files
from tests.unit.conftest import NOW_NS

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster import etcd
from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.etcd import EtcdMissingError, etcd_arguments, find_etcd
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.topology import default_topology, parse_topology
from tallystick.node.ordering.etcd.versions import UnsupportedEtcdError
from tallystick.node.process import load_block
from tallystick.node.settings import OrdererSettings, load_settings


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    topology = with_orderers(default_topology(), 3)
    return create_network(topology, tmp_path_factory.mktemp("network"), Founding(NOW_NS, bytes(24)))


def test_each_orderer_is_of_an_organisation_of_its_own_and_the_channel_names_all(
    network: Network,
) -> None:
    config = ChannelConfig.from_block(load_block(network.genesis_block))
    assert {each.msp_id: each.endpoints for each in config.orderers} == {
        "OrdererMSP": ("localhost:7050",),
        "Orderer2MSP": ("localhost:8050",),
        "Orderer3MSP": ("localhost:9050",),
    }


def test_an_orderer_asks_the_member_of_etcd_beside_it_first(network: Network) -> None:
    (second,) = [node for node in network.nodes if node.name == "orderer0.orderer2.example"]
    settings = load_settings(OrdererSettings, network.settings_file(second)).etcd
    assert settings is not None
    assert settings.endpoints == ("localhost:8080", "localhost:7080", "localhost:9080")
    assert settings.certificate.is_file()
    assert settings.root_certificates.read_bytes().count(b"BEGIN CERTIFICATE") == 3


def test_members_of_etcd_ask_for_certificates_and_know_each_other(network: Network) -> None:
    first, *_ = [node for node in network.nodes if node.kind == "etcd"]
    arguments = etcd_arguments(network, first)
    assert {"--client-cert-auth", "--peer-client-cert-auth"} <= set(arguments)
    assert (
        "--initial-cluster=etcd0.orderer.example=https://localhost:7081,"
        "etcd0.orderer2.example=https://localhost:8081,"
        "etcd0.orderer3.example=https://localhost:9081"
    ) in arguments
    assert "--listen-client-urls=https://localhost:7080" in arguments


def test_organisations_may_have_hosts_of_their_own(tmp_path: Path) -> None:
    """Settings, channel, certificates and members of etcd then name each by its own."""
    topology = with_orderers(default_topology(), 3)
    placed = [
        member.model_copy(update={"host": f"192.0.2.{number}"})
        for number, member in enumerate(topology.organizations, start=1)
    ]
    topology = topology.model_copy(update={"organizations": tuple(placed)})
    network = create_network(topology, tmp_path / "network", Founding(NOW_NS, bytes(24)))
    hosts = {member.msp_id: member.host for member in placed}
    assert {node.host for node in network.nodes} <= set(hosts.values())
    config = ChannelConfig.from_block(load_block(network.genesis_block))
    for each in config.orderers:
        assert each.endpoints[0].startswith(f"{hosts[each.msp_id]}:")
    orderer = next(node for node in network.nodes if node.kind == "orderer")
    settings = load_settings(OrdererSettings, network.settings_file(orderer))
    assert settings.listen_address == f"{hosts['OrdererMSP']}:7050"
    assert settings.etcd is not None
    assert settings.etcd.endpoints[1] == f"{hosts['Orderer2MSP']}:8080"
    etcd = next(node for node in network.nodes if node.kind == "etcd")
    (cluster,) = [each for each in etcd_arguments(network, etcd) if "--initial-cluster=" in each]
    assert f"https://{hosts['Orderer3MSP']}:9081" in cluster
    certificate = (network.node_material(orderer) / "tls" / "server.crt").read_bytes()
    names = load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
        SubjectAlternativeName
    )
    assert ip_address(hosts["OrdererMSP"]) in names.value.get_values_for_type(IPAddress)


def test_no_two_nodes_share_a_port(network: Network) -> None:
    ports = [port for node in network.nodes for port in node.topology.ports]
    assert len(ports) == len(set(ports))


def test_a_network_moves_to_other_ports_with_its_members_of_etcd() -> None:
    moved = with_orderers(default_topology(), 3).on_ports(iter(range(20_000, 20_100)))
    assert moved.ports == tuple(range(20_000, 20_000 + len(moved.ports)))


@pytest.mark.parametrize("count", [0, 8])
def test_there_is_a_limit_to_the_number_of_orderers(count: int) -> None:
    with pytest.raises(TopologyError, match="1 to 7 orderers"):
        with_orderers(default_topology(), count)


def test_one_orderer_needs_no_etcd() -> None:
    assert with_orderers(default_topology(), 1) == default_topology()


SEVERAL = """
[channel]
id = "securities"
[[organizations]]
msp_id = "OneMSP"
domain = "one.example"
peers = [{ name = "peer0", port = 0, operations_port = 0 }]
[[organizations]]
msp_id = "OrdererMSP"
domain = "orderer.example"
orderers = [
    { name = "orderer0", port = 0, operations_port = 0 },
    { name = "orderer1", port = 0, operations_port = 0 },
]
"""


def test_several_orderers_without_etcd_are_refused() -> None:
    with pytest.raises(TopologyError, match="share their order through etcd"):
        parse_topology(SEVERAL, "test")


def test_a_member_of_etcd_belongs_beside_an_orderer() -> None:
    stray = SEVERAL.replace(
        "peers = [",
        "etcd = [{ name = 'e', port = 0, operations_port = 0, peer_port = 0 }]\npeers = [",
    )
    with pytest.raises(TopologyError, match="belongs beside an orderer"):
        parse_topology(stray, "test")


def program(directory: Path, answer: str) -> Path:
    path = directory / "etcd"
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def test_a_missing_etcd_is_asked_for_with_the_way_to_get_it(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(etcd.PROGRAM_VARIABLE, str(tmp_path / "none"))
    with outcome.refuses(
        EtcdMissingError, leaves=files(tmp_path), match="apt-get install etcd-server"
    ):
        find_etcd()


def test_a_release_of_etcd_that_corrupts_data_is_not_started(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path, "etcd Version: 3.5.1")
    monkeypatch.setenv(etcd.PROGRAM_VARIABLE, str(path))
    with outcome.refuses(
        UnsupportedEtcdError, leaves=files(tmp_path), match=r"3\.5\.1 .* can lose data in a crash"
    ):
        find_etcd()


def test_a_program_that_is_not_etcd_is_not_started(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path, "something else")
    monkeypatch.setenv(etcd.PROGRAM_VARIABLE, str(path))
    with outcome.refuses(UnsupportedEtcdError, leaves=files(tmp_path), match="cannot be told"):
        find_etcd()
