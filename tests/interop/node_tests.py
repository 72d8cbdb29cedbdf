"""Runs the tests that are written for Node, in the folder `gateway`."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TIMEOUT_S = 120
SUBJECTS = ("methods", "chaincode-events", "block-events", "offline", "failures", "verdicts")
"""What is tested while all nodes run, one file each."""


def pass_in_node(
    subject: str,
    capsys: pytest.CaptureFixture[str],
    *,
    network: Path,
    outsider: Path | None = None,
    peers: str = "tallystick",
) -> bool:
    """Return whether the tests on one subject pass; Node shows every one of them by its name.

    Args:
        subject: The name of the file, without its end.
        capsys: Lets Node print.
        network: The directory of the network.
        outsider: The keys of an organisation that is not on the channel, for tests that need some.
        peers: Whose peers they are, ``tallystick`` or ``fabric``.
    """
    environment = {
        "TALLYSTICK_NETWORK": str(network),
        "TALLYSTICK_OUTSIDER": str(outsider or ""),
        "TALLYSTICK_PEERS": peers,
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
