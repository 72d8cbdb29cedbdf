"""The documents as tests read them: fenced blocks, and somebody who types what they show."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60

FENCED = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED_AS = re.compile(r"# ([\w/]+\.(?:py|toml))\n")  # first line of a block to be saved
PROMPT = re.compile(r"\$ |>( |$)")
SHELL = ("bash", "console", "sh")

_INSTALLED = "tests/scenarios/test_installed_unit.py runs it on files of its own"

# Shell lines that are shown and not run here, and why.
NOT_RUN = {
    "make demo": "tests/scenarios/test_demo.py tells the same story",
    "make test": "this is one of its tests",
    "make setup && . .venv/bin/activate": "it made the environment that this test runs in",
    "mkdir guarantees && cd guarantees": "the test makes an empty folder and goes there",
    "python3 -m venv .venv && . .venv/bin/activate": "tests run in an environment of their own",
    "tally register prove 5f0e… --output event.json": "no such transaction;"
    " tests/scenarios/test_register_proofs.py proves one that there is",
    "useradd --system --home-dir /var/lib/tallystick tallystick": _INSTALLED,
    "runuser -u tallystick -- /opt/tallystick/bin/tally doctor"
    " --config /etc/tallystick/peer.toml": _INSTALLED,
    "systemctl enable --now tallystick-peer": _INSTALLED,
    "pip install --quiet 'tallystick[testing]'": "tests/scenarios/test_packaging.py installs it",
}

# Sections whose blocks need those before them, or software of others; by the test that runs them.
SECTIONS = {
    "test_tutorial.py": ("docs/chaincode.md", "## Ten minutes from an empty folder\n"),
    "scenarios/test_packaging.py": (
        "docs/operations.md",
        "## Installing on a machine of its own\n",
    ),
    "scenarios/test_several_machines.py": (
        "docs/operations.md",
        "## Founding a network on several machines\n",
    ),
    "scenarios/test_etcd_moved.py": ("docs/etcd.md", "## Moving or losing the cluster\n"),
    "interop/test_hsm.py": ("docs/client.md", "## Keys in a hardware security module\n"),
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        run_by: The test of its section, if that has one; else `test_docs.py` runs the block.
    """

    document: str
    line: int
    language: str
    text: str
    run_by: str | None

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
    """Return what a console line has the reader type."""
    return re.sub(r"^\$ ", "", line.partition(" #")[0].strip())


@cache
def documents() -> dict[str, str]:
    """Return the text of every document, by its path from the root."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def blocks(*languages: str) -> Iterator[Block]:
    """Yield the blocks in these languages, document by document, from top to bottom."""
    for document, text in documents().items():
        for found in FENCED.finditer(text):
            if found["language"] in languages:
                line = text.count("\n", 0, found.start()) + 1
                run_by = _test_of(document, text, found.start())
                yield Block(document, line, found["language"], found["text"], run_by)


def _test_of(document: str, text: str, position: int) -> str | None:
    for test, (home, heading) in SECTIONS.items():
        if document == home:
            start = text.index(heading)
            if start < position < text.index("\n## ", start):
                return test
    return None


@dataclass(frozen=True)
class Reader:
    """Somebody at a terminal."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment, with the programs of this Python first."""
        programs = str(Path(sys.executable).parent)
        return {**os.environ, "PATH": os.pathsep.join((programs, os.environ["PATH"]))}

    def save(self, name: str, text: str) -> None:
        """Write a file, and the folders above it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, script: str) -> str:
        """Return what shell lines print that succeed."""
        return self.expect_success("bash", "-euo", "pipefail", "-c", script)

    def expect_success(self, *command: str) -> str:
        """Return what a command prints that succeeds; of one that does not, nothing runs on."""
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            succeeded = False
            try:
                printed, _ = process.communicate(timeout=TIMEOUT_S)
                succeeded = process.returncode == 0
            finally:
                if not succeeded:
                    with suppress(ProcessLookupError):  # it left nothing behind
                        os.killpg(process.pid, signal.SIGKILL)
        assert succeeded, printed
        return printed
