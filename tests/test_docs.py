"""The documentation as a test: what it shows is run, what it names exists, what exists is named."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
from tests.documents import (
    NOT_RUN,
    ROOT,
    SHELL,
    TIMEOUT_S,
    Block,
    Reader,
    blocks,
    documents,
    without_comment,
)

import tallystick.chaincode
import tallystick.client
from tallystick.node.cli.command import Command
from tallystick.node.cli.commands import GROUPS
from tallystick.node.cli.main import build_parser
from tallystick.node.cluster.network import DEFAULT_DIRECTORY, open_network

CODE = re.compile(r"`([^`\n]+)`")
MAKE_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)

CONSOLE = [block for block in blocks(*SHELL) if block.run_by is None]
PYTHON = [block for block in blocks("python") if block.run_by is None]
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
COMMANDS = [
    f"tally {words}"
    for group in GROUPS
    for words in (
        [group.name]
        if isinstance(group, Command)
        else [f"{group.name} {command.name}" for command in group.commands]
    )
]


@pytest.fixture(scope="module")
def reader(topology_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("reader"))
    for block in PYTHON:
        if block.path is not None:
            reader.save(block.path, block.text)
    reader.save("free-ports.toml", topology_toml)
    reader.expect_success("tally", "cluster", "up", "--topology", "free-ports.toml")
    yield reader
    reader.expect_success("tally", "cluster", "down")


@pytest.mark.cluster
@pytest.mark.parametrize("block", [block for block in CONSOLE if block.script], ids=str)
def test_a_block_of_commands_runs(block: Block, reader: Reader) -> None:
    reader.expect_success("bash", "-euo", "pipefail", "-c", block.script)


@pytest.mark.cluster
@pytest.mark.parametrize("block", [block for block in PYTHON if not block.path], ids=str)
def test_a_block_of_python_runs(block: Block, reader: Reader) -> None:
    reader.expect_success(sys.executable, "-W", "error", "-c", block.text)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "script", [path for path in EXAMPLES if path.stem != "listen_to_events"], ids=lambda p: p.name
)
def test_an_example_runs(script: Path, reader: Reader) -> None:
    reader.expect_success(sys.executable, "-W", "error", str(script))


@pytest.mark.cluster
def test_the_example_that_listens_ends_when_interrupted(reader: Reader) -> None:
    reader.expect_success(sys.executable, str(ROOT / "examples" / "submit_transfer.py"))
    listener = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", str(ROOT / "examples" / "listen_to_events.py")],
        cwd=reader.folder,
        env=reader.environment,
        text=True,
        stdout=subprocess.PIPE,
    )
    with listener, ExitStack() as always:
        always.callback(listener.kill)
        assert listener.stdout is not None
        assert ": token." in listener.stdout.readline()
        listener.send_signal(signal.SIGINT)
        remaining, _ = listener.communicate(timeout=TIMEOUT_S)
    assert remaining.splitlines()[-1] == "stopped; the next run goes on from here"
    assert listener.returncode == 0


@pytest.mark.cluster
def test_a_node_is_watched_as_the_manual_shows(reader: Reader) -> None:
    """The ports of the manual are those of a network that has this machine for itself."""
    network = open_network(reader.folder / DEFAULT_DIRECTORY)
    address = network.peer_of("ATSMSP").operations_address
    section = documents()["docs/operations.md"].partition("## Watching a node\n")[2]
    shown = section.partition("```text\n")[2].partition("```")[0].splitlines()
    asked = [line.removeprefix("$ ") for line in shown if line.startswith("$ ")]
    answers = [reader.run(line.replace("localhost:7052", address)).strip() for line in asked]
    said = [re.sub(r"\d+\.0$", "N", answer) for answer in answers if answer]
    expected = [re.sub(r"\d+\.0$", "N", line) for line in shown if not line.startswith("$ ")]
    assert said == expected


PACKAGE_ID = f"notes_1.0:{'3f2c' * 16}"
TYPED = [
    pytest.param(line.removeprefix("$ tally ").removeprefix("tally "), id=f"{block}: {line}")
    for block in blocks("text")
    for line in block.text.splitlines()
    if line.startswith(("$ tally ", "tally "))
]


@pytest.mark.parametrize("line", TYPED)
def test_a_command_that_is_only_shown_can_be_typed(line: str) -> None:
    """Whoever runs these, with files of its own, types them anew: this sees that both agree."""
    typed = re.split(r" {3,}", line)[0].replace("$id", PACKAGE_ID)  # a remark follows
    words = shlex.split(typed)
    options, rest = build_parser(words[0]).parse_known_args(words)
    assert not [word for word in rest if word.startswith("-")]
    assert options.command is not None


def test_what_is_not_run_is_still_shown() -> None:
    shown = {without_comment(line) for block in blocks(*SHELL) for line in block.text.splitlines()}

    assert not NOT_RUN.keys() - shown


def test_every_command_is_documented() -> None:
    manual = documents()["docs/cli.md"]

    assert not [command for command in COMMANDS if command not in manual]


@pytest.mark.parametrize(
    "package", [tallystick.client, tallystick.chaincode], ids=lambda package: package.__name__
)
def test_every_public_name_is_documented(package: ModuleType) -> None:
    words = set(re.findall(r"\w+", "\n".join(documents().values())))

    assert not set(package.__all__) - words


def test_commands_and_targets_that_a_text_names_exist() -> None:
    targets = set(MAKE_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    known = {*COMMANDS, *(f"tally {group.name}" for group in GROUPS)}
    unknown = [
        f"{document}: {code}"
        for document, text in documents().items()
        for code in CODE.findall(text)
        if (code.startswith("make ") and code.split()[1] not in targets)
        or (code.startswith("tally ") and not names_command(code, known))
    ]

    assert not unknown, "\n".join(unknown)


def names_command(code: str, known: set[str]) -> bool:
    words = code.split()
    return " ".join(words[:3]) in known or " ".join(words[:2]) in known
