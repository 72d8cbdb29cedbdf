"""The wheel, installed as its users install it: with pip, into an environment of its own."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.documents import Reader, blocks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300


def run(*command: str | Path, expected: int = 0) -> str:
    """Run a program outside the checkout; return what it printed."""
    done = subprocess.run(
        command,
        check=False,
        cwd=Path(command[0]).parent,
        env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        text=True,
        timeout=TIMEOUT_S,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == expected, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without what the checkout ignores."""
    folder = tmp_path_factory.mktemp("wheel")
    builder = virtual_environment(folder / "builder")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "node_modules", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    pip(builder, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    return next(folder.glob("*.whl"))


def virtual_environment(directory: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", directory], check=True, timeout=TIMEOUT_S)
    return directory / "bin"


def pip(programs: Path, *arguments: str) -> None:
    subprocess.run(
        [programs / "python", "-m", "pip", "--quiet", *arguments], check=True, timeout=TIMEOUT_S
    )


@pytest.fixture(scope="module")
def client_only(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with `pip install tallystick`."""
    programs = virtual_environment(tmp_path_factory.mktemp("client"))
    pip(programs, "install", str(wheel))
    return programs


@pytest.fixture(scope="module")
def with_node(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with `pip install tallystick[node]`."""
    programs = virtual_environment(tmp_path_factory.mktemp("node"))
    pip(programs, "install", f"{wheel}[node]")
    return programs


def test_the_wheel_holds_every_root_of_the_namespace_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name) for name in archive.namelist()}
    packages = {name.parts[1] for name in names if name.parts[0] == "tallystick"}
    assert packages == {"chaincode", "client", "contracts", "node", "protos", "wire"}
    assert {name.parts[0] for name in names} - {"tallystick"} == {
        f"{distribution(wheel)}.dist-info"
    }
    assert {name.parts[1] for name in names if name.name == "py.typed"} == packages


def distribution(wheel: Path) -> str:
    """Return name and version, as the metadata's folder has them."""
    return "-".join(wheel.name.split("-")[:2])


def test_clients_and_authors_of_contracts_install_no_node(client_only: Path) -> None:
    python = client_only / "python"
    imports = "import tallystick.chaincode.testing, tallystick.client.sync, tallystick.contracts"
    run(python, "-W", "error", "-c", imports)
    for module in ("plyvel", "yaml", "pkcs11", "opentelemetry"):
        assert "ModuleNotFoundError" in run(python, "-c", f"import {module}", expected=1)


def test_a_command_of_the_node_says_what_to_install(client_only: Path) -> None:
    tally = client_only / "tally"
    assert "cluster" in run(tally, "--help")
    assert "pip install 'tallystick[node]'" in run(tally, "cluster", "up", expected=1)


def test_the_hsm_extra_brings_what_keys_on_tokens_need(wheel: Path, tmp_path: Path) -> None:
    programs = virtual_environment(tmp_path / "hsm")
    pip(programs, "install", f"{wheel}[hsm]")
    python = programs / "python"
    run(python, "-W", "error", "-c", "import tallystick.client.cryptoki")
    assert "ModuleNotFoundError" in run(python, "-c", "import plyvel", expected=1)


def test_a_node_is_installed_as_the_manual_says(wheel: Path, tmp_path: Path) -> None:
    """Below a folder in place of the root, and from this checkout in place of the registry."""
    reader = Reader(tmp_path)
    (tmp_path / "etc" / "systemd" / "system").mkdir(parents=True)
    places = {
        "'tallystick[node]'": f"'{wheel}[node]'",
        "/opt/": f"{tmp_path}/opt/",
        "/etc/": f"{tmp_path}/etc/",
        "--group tallystick": "--group $(id --group --name)",
    }
    for name in ("peer.toml", "tallystick-peer.service"):
        example = (ROOT / "examples" / "operations" / name).read_text(encoding="utf-8")
        reader.save(name, replaced(example, places))
    printed = [
        reader.run(replaced(block.script, places))
        for block in blocks("bash")
        if block.run_by == "scenarios/test_packaging.py"
    ]
    release = wheel.name.split("-")[1]
    assert printed[0].splitlines()[-1] == f"tallystick {release}"
    assert (tmp_path / "etc" / "tallystick" / "peer.toml").stat().st_mode & 0o777 == 0o640


def replaced(text: str, places: Mapping[str, str]) -> str:
    for place, other in places.items():
        text = text.replace(place, other)
    return text


@pytest.mark.cluster
def test_the_node_extra_brings_a_network_up(
    with_node: Path, topology_toml: str, tmp_path: Path
) -> None:
    tally = with_node / "tally"
    topology = tmp_path / "topology.toml"
    topology.write_text(topology_toml, encoding="utf-8")
    network = ("--network", tmp_path / "network")
    try:
        run(tally, "cluster", "up", "--topology", topology, *network)
        assert run(tally, "query", "token", "balance_of", "ACME", "alice", *network) == "0\n"
    finally:
        run(tally, "cluster", "down", *network)
    settings = tmp_path / "network" / "peers" / "peer0.ats.example.toml"
    with settings.open("a", encoding="utf-8") as more:
        more.write('[telemetry]\naddress = "localhost:4317"\n')
    refused = run(tally, "peer", "start", "--config", settings, expected=1)
    assert "pip install 'tallystick[node,telemetry]'" in refused
