"""The units and the container file under examples/operations: they start what there is."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from tests.documents import ROOT

from tallystick.node.cli.main import build_parser

FOLDER = ROOT / "examples" / "operations"
UNITS = sorted(FOLDER.glob("*.service"))
CONTAINER = FOLDER / "Containerfile"
TALLY = "/opt/tallystick/bin/tally"
STRICT = {
    "nonewprivileges": "yes",
    "protectsystem": "strict",
    "protecthome": "yes",
    "privatedevices": "yes",
    "capabilityboundingset": "",
    "umask": "0077",
    "user": "tallystick",
}


def service(unit: Path) -> dict[str, str]:
    parser = ConfigParser(interpolation=None)
    parser.read(unit, encoding="utf-8")
    return dict(parser["Service"])


def instructions() -> list[tuple[str, str]]:
    text = CONTAINER.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_there_is_a_unit_for_each_kind_of_node() -> None:
    assert [unit.stem for unit in UNITS] == ["tallystick-orderer", "tallystick-peer"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_node_as_an_unprivileged_user_who_writes_its_state_only(unit: Path) -> None:
    found = service(unit)
    assert found.items() >= STRICT.items()
    program, *words = shlex.split(found["execstart"])
    assert program == TALLY
    options = build_parser().parse_args(words)
    assert options.command.run.endswith(f"cli.{unit.stem.removeprefix('tallystick-')}:start")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_lets_its_node_write_where_the_example_of_settings_puts_the_data(unit: Path) -> None:
    found = service(unit)
    settings = Path(shlex.split(found["execstart"])[-1])
    assert settings.parent == Path("/etc", found["configurationdirectory"])
    with (FOLDER / settings.name).open("rb") as opened:
        data = Path(tomllib.load(opened)["data_directory"])
    assert data.parent == Path("/var/lib", found["statedirectory"])


@pytest.mark.parametrize("folder", ["statedirectory", "configurationdirectory"])
def test_two_units_on_one_machine_share_no_folder(folder: str) -> None:
    assert len({service(unit)[folder] for unit in UNITS}) == len(UNITS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_fault_with_a_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    here = tmp_path / unit.name
    here.write_text(unit.read_text(encoding="utf-8").replace(TALLY, sys.executable))
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", str(here)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_runs_a_peer_as_an_unprivileged_user() -> None:
    found = instructions()
    words = dict(found)
    assert words["USER"] == "tallystick"
    assert json.loads(words["ENTRYPOINT"]) == ["tally"]
    options = build_parser().parse_args(json.loads(words["CMD"]))
    assert options.command.run.endswith("cli.peer:start")
    user = [index for index, (word, _) in enumerate(found) if word == "USER"]
    assert user[0] > max(index for index, (word, _) in enumerate(found) if word == "RUN")


@pytest.mark.parametrize("command", [rest for word, rest in instructions() if word == "RUN"])
def test_what_the_container_file_runs_is_a_line_of_shell(command: str) -> None:
    done = subprocess.run(["sh", "-n", "-c", command], check=False, capture_output=True)
    assert done.returncode == 0
    assert shutil.which(re.sub("^/opt/tallystick/bin/", "", shlex.split(command)[0]))


def test_a_build_is_given_what_the_wheel_is_made_of_and_nothing_else() -> None:
    text = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    first, *others = [line for line in text.splitlines() if not line.startswith("#")]
    assert first == "*", "what nobody thought of, keys among it, stays out"
    with (ROOT / "pyproject.toml").open("rb") as opened:
        settings = tomllib.load(opened)
    project = settings["project"]
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    roots = {package.partition("/")[0] for package in packages}
    let_in = {line[1:] for line in others if line.startswith("!")}
    assert let_in == {"pyproject.toml", project["readme"], *project["license-files"], *roots}
