"""Fabric's gateway client for Node, unmodified, against the cluster.

§5.1, §5.2, §5.3, §5.4, §5.5, §5.6, §5.7, §6. The tests themselves are written for Node, in the
folder `gateway`, in one file for each subject.
"""

import pytest
from tests.interop.conftest import NodeNetwork
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
