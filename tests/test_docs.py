"""The documentation as a test: what it shows is run, what it names exists, what exists is named."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import tallystick.chaincode
import tallystick.client
from tallystick.node.cli.command import Command
from tallystick.node.cli.commands import GROUPS

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60

FENCED = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
MAKE_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)

SAVED_AS = re.compile(r"# ([\w/]+\.py)\n")  # first line of a block that the reader is to save

PROMPT = re.compile(r"\$ |>( |$)")

# Shell lines that are shown and not run here, and why.
NOT_RUN = {
    "make demo": "tests/scenarios/test_demo.py tells the same story",
    "make test": "this is one of its tests",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def script(self) -> str:
        """The shell lines to run: what follows the prompts of a console, without its output."""
        lines = self.text.splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if PROMPT.match(line)]
        return "\n".join(line for line in lines if without_comment(line) not in NOT_RUN)

    @property
    def path(self) -> str | None:
        """Where the reader is to save the block, if it says so."""
        found = SAVED_AS.match(self.text)
        return found[1] if found else None


def without_comment(line: str) -> str:
    return line.partition(" #")[0].strip()


@cache
def documents() -> dict[str, str]:
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def blocks(*languages: str) -> Iterator[Block]:
    for document, text in documents().items():
        for found in FENCED.finditer(text):
            if found["language"] in languages:
                line = text.count("\n", 0, found.start()) + 1
                yield Block(document, line, found["language"], found["text"])


SHELL = list(blocks("bash", "console", "sh"))
PYTHON = list(blocks("python"))
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


@dataclass(frozen=True)
class Reader:
    """Somebody at a terminal, in the folder in which `tally cluster up` was called."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        programs = str(Path(sys.executable).parent)
        return {**os.environ, "PATH": os.pathsep.join((programs, os.environ["PATH"]))}

    def expect_success(self, *command: str) -> None:
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=self.environment,
            text=True,
            timeout=TIMEOUT_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def reader(topology_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("reader"))
    for block in PYTHON:
        if block.path is not None:
            path = reader.folder / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    (reader.folder / "free-ports.toml").write_text(topology_toml, encoding="utf-8")
    reader.expect_success("tally", "cluster", "up", "--topology", "free-ports.toml")
    yield reader
    reader.expect_success("tally", "cluster", "down")


@pytest.mark.cluster
@pytest.mark.parametrize("block", [block for block in SHELL if block.script], ids=str)
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
    with listener:
        assert listener.stdout is not None
        assert "token.SecurityCreated" in listener.stdout.readline()
        listener.send_signal(signal.SIGINT)
        remaining, _ = listener.communicate(timeout=TIMEOUT_S)
    assert remaining.splitlines()[-1] == "stopped; the next run goes on from here"
    assert listener.returncode == 0


def test_what_is_not_run_is_still_shown() -> None:
    shown = {without_comment(line) for block in SHELL for line in block.text.splitlines()}

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
