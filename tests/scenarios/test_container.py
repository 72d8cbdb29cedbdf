"""The image of examples/operations/Containerfile, built by Podman, and a peer that runs in it.

No registry of images is asked: the base is made of Debian's packages.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.documents import ROOT
from tests.scenarios.crash_network import CHAINCODE, running_network

from tallystick.client.options import ClientOptions
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node

TOOLS = ("podman", "runc", "mmdebstrap")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; make podman"),
    pytest.mark.skipif(
        os.getuid() != 0, reason="only root may run containers as they are run here"
    ),
]

CONTAINERFILE = ROOT / "examples" / "operations" / "Containerfile"
BASE = "localhost/python"
SOURCES = ["LICENSE", "README.md", "chaincode", "client", "node", "protos", "pyproject.toml"]
OPTIONS = (
    "--include=libstdc++6,passwd,python-is-python3,python3-venv",
    # What nobody reads, and writing each file to the disk at once, took a third of the time.
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=force-unsafe-io",
)
# How a build reaches the registry of Python packages where this machine has a way of its own.
OF_THIS_MACHINE = ("/etc/ssl/certs", "/etc/pip.conf")
# Podman's own limits are higher than those of some machines, which root may not always raise.
LIMITS = ("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096")
TIMEOUT_S = 300
PEER = "peer0.ats.example"


def run(*command: str | Path, cwd: Path = ROOT, given: str | None = None) -> str:
    """Return what a program that succeeds writes to standard output; it reads what it is given."""
    done = subprocess.run(
        command,
        cwd=cwd,
        input=given,
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def documented() -> dict[str, list[str]]:
    """Return the commands in the head of the Containerfile, by the first two words of each."""
    head = CONTAINERFILE.read_text(encoding="utf-8").partition("\nARG ")[0]
    lines = [line.removeprefix("#   ") for line in head.splitlines() if line.startswith("#   ")]
    commands = map(shlex.split, "\n".join(lines).replace("\\\n", "").splitlines())
    return {" ".join(words[:2]): words[2:] for words in commands}


@dataclass(frozen=True)
class Podman:
    """Podman with images, volumes and containers of its own, all in one folder."""

    folder: Path

    def command(self, *words: str) -> Sequence[str]:
        """Return a command line of Podman, for Debian's release and any kind of control groups."""
        places = (f"--{name}={self.folder / name}" for name in ("root", "runroot", "tmpdir"))
        how = ("--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=none")
        return (shutil.which("podman") or "", *places, *how, *words)

    def __call__(self, *words: str, given: str | None = None) -> str:
        return run(*self.command(*words), given=given)

    def build(self, *words: str, given: str | None = None) -> None:
        """Build without a container, and without keeping what lies between the steps."""
        places = (f"--volume={each}:{each}:ro" for each in OF_THIS_MACHINE if Path(each).exists())
        how = ("--quiet", "--isolation=chroot", "--layers=false", *places)
        self("build", *how, *words, given=given)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman, with the image."""
    podman = Podman(tmp_path_factory.mktemp("podman"))
    archive = str(podman.folder / "base.tar")
    run("mmdebstrap", "--quiet", "--variant=essential", *OPTIONS, "bookworm", archive)
    try:
        podman("import", "--quiet", archive, BASE)
        podman.build(f"--build-arg=BASE={BASE}", *documented()["docker build"])
        yield podman
    finally:
        podman("rm", "--all", "--force", "--time=0")
        podman("rmi", "--all", "--force")
        shutil.rmtree(podman.folder)


class WithOneInAContainer(Launcher):
    """Runs one peer as the head of the Containerfile says, and all other nodes as programs."""

    def __init__(self, podman: Podman, network: Network) -> None:
        super().__init__(network)
        self._podman = podman
        self._network = network

    async def kill(self, node: Node) -> None:
        """End a node at once; of one in a container nothing is left but its volume."""
        if node.name == PEER:
            self._podman("rm", "--all", "--force", "--time=0")
        await super().kill(node)

    def _command(self, node: Node) -> tuple[str, Sequence[str]]:
        if node.name != PEER:
            return super()._command(node)
        here = str(self._config(node))
        words = [word.replace("./config", here) for word in documented()["docker run"]]
        command = self._podman.command("run", *LIMITS, "--network=host", *words)
        return command[0], command[1:]

    def _config(self, node: Node) -> Path:
        """Return a folder with all that a peer needs, as its operator would lay it out."""
        network = self._network
        config = network.directory / "config"
        if not config.exists():
            shutil.copytree(network.node_material(node), config)
            shutil.copy(network.genesis_block, config)
            text = network.settings_file(node).read_text(encoding="utf-8")
            places = {
                f"../crypto/{node.member.msp_id}/peers/{node.topology.name}/": "",
                f"../data/{node.name}": "/var/lib/tallystick/data",
                "../": "",
            }
            for there, here in places.items():
                text = text.replace(there, here)
            (config / "peer.toml").write_text(text, encoding="utf-8")
            run("chown", "--recursive", *documented()["chown --recursive"], cwd=network.directory)
        return config


def test_the_image_runs_tally_as_a_user_of_its_own(podman: Podman) -> None:
    tally = podman("run", *LIMITS, "--network=none", "tallystick", "--version")
    assert tally == f"tallystick {version('tallystick')}\n"
    look = ("--entrypoint=sh", "tallystick", "-c", "id; stat --format %U:%a .; ls -A")
    assert podman("run", *LIMITS, "--network=none", *look).splitlines() == [
        "uid=7050(tallystick) gid=7050(tallystick) groups=7050(tallystick)",
        "tallystick:700",
    ]


def test_nothing_but_the_sources_reaches_the_build(podman: Podman) -> None:
    copy_all = f"FROM {BASE}\nWORKDIR /source\nCOPY . .\n"
    podman.build("--file=-", "--tag=context", ".", given=copy_all)
    found = podman(
        "run", *LIMITS, "--network=none", "context", "sh", "-c", "ls -A; find -name __pycache__"
    )
    assert found.splitlines() == SOURCES


@pytest.mark.cluster
async def test_a_peer_in_a_container_endorses_and_stops_when_it_is_asked_to(
    podman: Podman, tmp_path: Path
) -> None:
    async with running_network(
        tmp_path / "network",
        options=ClientOptions(),
        peer_settings='[chaincode]\nruntime = "process"\n',
        new_launcher=partial(WithOneInAContainer, podman),
    ) as network:
        contained, other, third = network.peers
        assert contained.name == PEER
        await network.stop(third)  # so that the one in the container must endorse
        contract = network.gateways[other.name].network().contract(CHAINCODE)
        await contract.submit("write", "key", "value")
        height = await network.height(other)
        await network.block(contained, height - 1)  # so that it has them all when it stops

        assert await network.stop(contained) == 0
        await network.launcher.kill(contained)  # of which the container alone is left
        await network.start(contained)  # in another one, with the same volume
        assert await network.height(contained) == height
