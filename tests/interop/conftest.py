"""One cluster for all tests here: chaincode in Node runs on it, clients in Node call it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import default_topology_toml

from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import open_network
from tallystick.node.cluster.ports import free_ports

HERE = Path(__file__).parent
CHAINCODE = HERE / "chaincode"
PEERS = ("ATSMSP", "ClearingMSP", "TransferAgentMSP")
TIMEOUT_S = 60
OURS = """
[[chaincodes]]
name = "bridge"
entry = "bridge:Bridge"
source = "{source}"
endorsement = "AND('ATSMSP.peer', 'ClearingMSP.peer')"

# Banks have no peers, so nobody can endorse this.
[[chaincodes]]
name = "orphan"
entry = "bridge:Bridge"
source = "{source}"
endorsement = "AND('ATSMSP.peer', 'BankMSP.peer')"
"""


def tally(*arguments: str) -> str:
    """Return what a command printed; fail if it did."""
    program = Path(sys.executable).with_name("tally")
    done = subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, timeout=2 * TIMEOUT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def free_port() -> int:
    (port,) = free_ports(1)
    return port


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the chaincode ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the chaincode does not listen")


@dataclass
class NodeServer:
    """`fabric-chaincode-node server`, which peers dial."""

    package_id: str
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *("node", "node_modules/fabric-shim/cli.js", "server"),
                    *("--chaincode-address", f"127.0.0.1:{self.port}"),
                    *("--chaincode-id", self.package_id),
                ],
                cwd=CHAINCODE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until_open(self.port, self.process)

    def wait_for_log(self, word: str) -> None:
        """Return once the chaincode has written ``word``."""
        deadline = time.monotonic() + TIMEOUT_S
        while word not in self.log.read_text(encoding="utf-8", errors="replace"):
            assert time.monotonic() < deadline, f"{word!r} is not in {self.log}"
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass(frozen=True)
class NodeNetwork:
    """A running network with chaincode `assets` in Node and `bridge` in Python."""

    directory: Path
    server: NodeServer

    def profile(self, msp_id: str) -> Path:
        return self.directory / "profiles" / f"{msp_id}.json"

    @property
    def outsider(self) -> Path:
        """The keys of an organisation that is not on the channel."""
        return self.directory.parent / "outsider"

    @contextmanager
    def without(self, msp_id: str) -> Iterator[None]:
        """Keep the one node of an organisation down for the length of the block."""
        network = open_network(self.directory)
        launcher, node = Launcher(network), network.node(msp_id)
        asyncio.run(launcher.stop(node))
        try:
            yield
        finally:
            launcher.start(node)
            asyncio.run(launcher.wait_until_ready(node))


def deploy(directory: Path, package: Path, name: str, *more: str) -> str:
    """Install, approve and commit a package; return its id."""
    where = ("--network", str(directory))
    package_id = ""
    for msp_id in PEERS:
        package_id = tally("chaincode", "install", str(package), "--as", msp_id, *where)
        approval = ("approve", name, "--package-id", package_id, "--as", msp_id)
        tally("chaincode", *approval, *more, *where)
    tally("chaincode", "commit", name, *more, *where)
    return package_id


@pytest.fixture(scope="module")
def node_client(node_network: NodeNetwork) -> Iterator[str]:
    """Name a chaincode that dials the peer of ATSMSP: `fabric-chaincode-node start`."""
    directory, folder = node_network.directory, node_network.directory.parent
    package = folder / "dialling.tar.gz"
    about = ("--type", "external", "--label", "dialling_1.0", "--output", str(package))
    package_id = tally("chaincode", "package", *about)
    rule = ("--endorsement", "OR('ATSMSP.peer')")
    assert deploy(directory, package, "dialling", *rule) == package_id
    keys = directory / "data" / "peer0.ats.example" / "chaincode-keys"
    lines = (keys / package_id.replace(":", ".") / "chaincode.env").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines)
    with (folder / "dialling.log").open("ab") as output:
        process = subprocess.Popen(
            [
                *("node", "node_modules/fabric-shim/cli.js", "start"),
                *("--peer.address", environment["CORE_PEER_ADDRESS"]),
                *("--chaincode-id-name", package_id),
            ],
            cwd=CHAINCODE,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    yield "dialling"
    process.kill()
    process.wait()


def listen_for_chaincode(directory: Path, port: int) -> None:
    """Let the peer of ATSMSP listen for chaincode, from its next start on."""
    settings = directory / "peers" / "peer0.ats.example.toml"
    with settings.open("a") as file:
        file.write(f'\n[chaincode.listener]\nlisten_address = "localhost:{port}"\n')


@pytest.fixture(scope="session")
def node_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeNetwork]:
    folder = tmp_path_factory.mktemp("interop")
    directory, package = folder / "network", folder / "assets.tar.gz"
    topology = default_topology_toml() + OURS.format(source=HERE / "contracts")
    (folder / "topology.toml").write_text(topology)
    port = free_port()
    about = (
        *("--type", "ccaas", "--label", "assets_1.0"),
        *("--address", f"127.0.0.1:{port}", "--dial-timeout", "2"),
    )
    package_id = tally("chaincode", "package", *about, "--output", str(package))
    server = NodeServer(package_id, port, folder / "chaincode.log")
    server.start()
    outsider = ("OutsiderMSP", "--domain", "outsider.example")
    tally("crypto", "organization", *outsider, "--output", str(folder / "outsider"))
    up = ("cluster", "up", "--topology", str(folder / "topology.toml"))
    try:
        tally(*up, "--network", str(directory))
        listening = free_port()  # while the nodes have theirs
        tally("cluster", "down", "--network", str(directory))
        listen_for_chaincode(directory, listening)
        tally(*up, "--network", str(directory))
        rule = "AND('ATSMSP.peer', 'ClearingMSP.peer')"
        collections = str(HERE / "contracts" / "collections.json")
        more = ("--endorsement", rule, "--collections", collections)
        assert deploy(directory, package, "assets", *more) == package_id
        yield NodeNetwork(directory, server)
    finally:
        server.kill()
        tally("cluster", "down", "--network", str(directory))
