"""A node that is the first process of a container, which the kernel spares most signals."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")
SETTINGS = """
listen_address = "localhost:0"
data_directory = "data"
genesis_blocks = ["genesis.block"]
tls = "off"

[msp]
id = "OneMSP"
directory = "msp"
"""
PATIENCE_S = 60


def can_be_first() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run((*UNSHARE, "true"), check=False, capture_output=True).returncode == 0


def wait_until_read(path: Path, reader: subprocess.Popen[bytes]) -> int:
    """Return the writing end of a pipe as soon as a process opens it to read."""
    ends_s = time.monotonic() + PATIENCE_S
    while reader.poll() is None and time.monotonic() < ends_s:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.02)
    pytest.fail("the node does not read its first block")


@pytest.mark.skipif(not can_be_first(), reason="no namespaces of processes here")
@pytest.mark.parametrize("kind", ["peer", "orderer"])
def test_a_node_that_starts_a_container_ends_when_asked_to_while_it_still_starts(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "node.toml").write_text(SETTINGS, encoding="utf-8")
    block = tmp_path / "genesis.block"
    os.mkfifo(block)  # so that the node waits for its first block
    command = (sys.executable, "-P", "-m", "tallystick.node.cli", kind, "start", "--config")
    with ExitStack() as always:
        outer = subprocess.Popen(
            (*UNSHARE, *command, tmp_path / "node.toml"), env={**os.environ, "PYTHONHASHSEED": "0"}
        )
        always.callback(outer.wait)
        always.callback(outer.kill)
        always.callback(os.close, wait_until_read(block, outer))
        (node,) = psutil.Process(outer.pid).children()
        node.send_signal(signal.SIGTERM)
        assert outer.wait(PATIENCE_S) == 128 + signal.SIGTERM
