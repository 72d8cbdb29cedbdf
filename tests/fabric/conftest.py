"""Networks of ours, and the programs of Hyperledger Fabric to drive them with.

The programs are found in the folder that the environment variable ``FABRIC_BIN`` names. Whatever is
in this folder carries the markers ``fabric`` and ``interop``: `make fabric-tools` runs it, no other
target does.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fabric.programs import ProgramMissingError, program

from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.member_topology import ADMIN
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import bring_up
from tallystick.node.cluster.topology import Topology, default_topology

HERE = Path(__file__).parent
TIMEOUT_S = 60
# What the peer command reads at start. Everything else comes from the environment.
CORE_YAML = """
peer:
  BCCSP:
    Default: SW
    SW:
      Hash: SHA2
      Security: 256
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder before the command line chooses among all."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.fabric)
            item.add_marker(pytest.mark.interop)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program did."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        """All that it printed."""
        return self.out + self.err

    def succeeded(self) -> "Finished":
        """Return itself; the test fails if the program did."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self

    def failed(self, *texts: str) -> "Finished":
        """Return itself; the test fails if the program did not, or without saying ``texts``."""
        assert self.code != 0, f"it should have failed\n{self.out}\n{self.err}"
        for text in texts:
            assert text in self.everything, self.everything
        return self


@dataclass(frozen=True, slots=True)
class Fabric:
    """Fabric's programs.

    Attributes:
        configuration: Holds a ``core.yaml``.
        workplace: Where they run, and where relative paths lead.
    """

    configuration: Path
    workplace: Path

    def run(
        self, name: str, *words: str | Path, environment: Mapping[str, str] | None = None
    ) -> Finished:
        """Run a program to its end and return what it printed."""
        done = subprocess.run(
            [program(name), *words],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.workplace),
                "FABRIC_CFG_PATH": str(self.configuration),
                "FABRIC_LOGGING_SPEC": "info:grpc=error",
                **(environment or {}),
            },
            cwd=self.workplace,
            capture_output=True,
            text=True,
            errors="replace",  # answers of chaincode need not be text
            timeout=TIMEOUT_S,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session", autouse=True)
def fabric_programs() -> None:
    """Let every test fail, and say what to do, if nobody says where Fabric's programs are."""
    try:
        program("peer")
    except ProgramMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Fabric:
    """Fabric's programs, with a configuration and a place to work of their own."""
    configuration = tmp_path_factory.mktemp("fabric-configuration")
    (configuration / "core.yaml").write_text(CORE_YAML)
    return Fabric(configuration, tmp_path_factory.mktemp("fabric-work"))


@dataclass(frozen=True, slots=True)
class Site:
    """A network of ours in processes of its own, seen by Fabric's programs.

    Attributes:
        fabric: The programs.
        network: What runs.
    """

    fabric: Fabric
    network: Network

    @property
    def channel_id(self) -> str:
        return self.network.channel_id

    @property
    def orderer(self) -> Node:
        return next(node for node in self.network.nodes if node.kind == "orderer")

    def tls_root(self, msp_id: str) -> Path:
        """Return the file of the TLS certificate authority of an organisation."""
        (path,) = (self.network.material / msp_id / "msp" / "tlscacerts").glob("*.pem")
        return path

    def peer(
        self,
        *words: str | Path,
        msp_id: str = "ATSMSP",
        user: str = ADMIN,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run ``peer`` as somebody, against the peer of the organisation."""
        return self.fabric.run(
            "peer",
            *words,
            environment={**self.environment(msp_id, user), **(environment or {})},
        )

    def environment(self, msp_id: str, user: str = ADMIN) -> dict[str, str]:
        """Return the variables by which ``peer`` knows whom it speaks for, and with which peer."""
        return {
            "CORE_PEER_LOCALMSPID": msp_id,
            "CORE_PEER_MSPCONFIGPATH": str(self.network.user_material(msp_id, user) / "msp"),
            "CORE_PEER_ADDRESS": self.network.peer_of(msp_id).address,
            "CORE_PEER_TLS_ENABLED": "true",
            "CORE_PEER_TLS_ROOTCERT_FILE": str(
                self.tls_root(self.network.peer_of(msp_id).member.msp_id)
            ),
        }

    @property
    def to_orderer(self) -> tuple[str | Path, ...]:
        """Words that lead ``peer`` to our orderer."""
        root = self.tls_root(self.orderer.member.msp_id)
        return ("-o", self.orderer.address, "--tls", "--cafile", root)

    def to_peers(self, *msp_ids: str) -> tuple[str | Path, ...]:
        """Return words that lead ``peer`` to the peers of several organisations."""
        words: list[str | Path] = []
        for msp_id in msp_ids:
            words += ["--peerAddresses", self.network.peer_of(msp_id).address]
            words += ["--tlsRootCertFiles", self.tls_root(msp_id)]
        return tuple(words)

    def osnadmin(self, *words: str | Path) -> Finished:
        """Run ``osnadmin`` as the orderer's administrator, with a TLS certificate of its own."""
        orderer = self.orderer
        tls = self.network.user_material(orderer.member.msp_id, ADMIN) / "tls"
        return self.fabric.run(
            "osnadmin",
            *words,
            "-o",
            f"{orderer.host}:{orderer.topology.admin_port}",
            "--ca-file",
            tls / "ca.crt",
            "--client-cert",
            tls / "client.crt",
            "--client-key",
            tls / "client.key",
        )


@pytest.fixture(scope="module")
def topology() -> Topology:
    """What ``site`` consists of; a module overrides it to have another network."""
    return default_topology()


@pytest.fixture(scope="module")
def site(
    fabric: Fabric, topology: Topology, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A network of separate processes, for the tests of one module."""
    directory = tmp_path_factory.mktemp("site") / "network"
    network = asyncio.run(bring_up(on_free_ports(topology), directory, lambda _: None))
    yield Site(fabric, network)
    asyncio.run(Launcher(network).stop_all())
