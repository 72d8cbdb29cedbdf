"""Fabric's gateway client for Node, unmodified, against the cluster.

§5.1, §5.2, §5.3, §5.4, §5.5, §5.6, §5.7, §6. The tests themselves are written for Node, in the
folder `gateway`, in one file for each subject.
"""

import os
import subprocess

import pytest
from tests.interop.conftest import HERE, NodeNetwork

pytestmark = [pytest.mark.interop, pytest.mark.cluster]

TIMEOUT_S = 120


def passes(subject: str, network: NodeNetwork, capsys: pytest.CaptureFixture[str]) -> bool:
    """Return whether the tests on one subject pass; Node shows every one of them by its name."""
    environment = {
        "TALLYSTICK_NETWORK": str(network.directory),
        "TALLYSTICK_OUTSIDER": str(network.outsider),
    }
    with capsys.disabled():
        done = subprocess.run(
            ["node", "--test", "--test-reporter=spec", f"gateway/{subject}.test.mjs"],
            cwd=HERE,
            env={**os.environ, **environment},
            timeout=TIMEOUT_S,
            check=False,
        )
    return done.returncode == 0


@pytest.mark.parametrize(
    "subject",
    ["methods", "chaincode-events", "block-events", "offline", "failures", "verdicts"],
)
def test_the_client_works_as_with_fabric(
    subject: str, node_network: NodeNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passes(subject, node_network, capsys)


@pytest.mark.parametrize(
    ("msp_id", "subject"), [("ClearingMSP", "peer-down"), ("OrdererMSP", "orderer-down")]
)
def test_the_client_learns_which_node_is_down(
    msp_id: str, subject: str, node_network: NodeNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    with node_network.without(msp_id):
        assert passes(subject, node_network, capsys)
