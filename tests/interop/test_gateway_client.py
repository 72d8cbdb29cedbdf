"""Fabric's gateway client for Node, unmodified, against the cluster.

§5.1, §5.2, §5.3, §5.4, §5.5, §5.6, §5.7, §6. The tests themselves are written for Node, in the
folder `gateway`, in one file for each subject.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.conftest import NodeNetwork, tally
from tests.interop.node_tests import SUBJECTS, pass_in_node

pytestmark = [pytest.mark.interop, pytest.mark.cluster]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_client_works_as_with_fabric(
    subject: str, node_network: NodeNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pass_in_node(
        subject, capsys, network=node_network.directory, outsider=node_network.outsider
    )


@pytest.mark.parametrize(
    ("msp_id", "subject"), [("ClearingMSP", "peer-down"), ("OrdererMSP", "orderer-down")]
)
def test_the_client_learns_which_node_is_down(
    msp_id: str, subject: str, node_network: NodeNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    with node_network.without(msp_id):
        assert pass_in_node(
            subject, capsys, network=node_network.directory, outsider=node_network.outsider
        )


@pytest.fixture
def network_of_mutual_tls(topology_toml: str, tmp_path: Path) -> Iterator[Path]:
    topology, directory = tmp_path / "topology.toml", tmp_path / "network"
    topology.write_text(f"mutual_tls = true\n{topology_toml}")
    tally("cluster", "up", "--topology", str(topology), "--network", str(directory))
    yield directory
    tally("cluster", "down", "--network", str(directory))


def test_the_client_shows_a_certificate_where_it_must(
    network_of_mutual_tls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pass_in_node("mutual-tls", capsys, network=network_of_mutual_tls)
