"""``tally``: its help, its exit codes, and what it says when something is wrong."""

import argparse
import contextlib
import gc
import importlib
import json
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.cli.command import Command, Group
from tallystick.node.cli.commands import GROUPS
from tallystick.node.cli.main import build_parser, main

COMMANDS = [
    ((group.name,) if isinstance(group, Command) else (group.name, command.name), command)
    for group in GROUPS
    for command in ((group,) if isinstance(group, Command) else group.commands)
]
IDS = [" ".join(words) for words, _ in COMMANDS]
NOTES = """
from tallystick.chaincode import Context, Contract, transaction


class Notes(Contract):
    name = "notes"

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> None:
        {body}
"""


def run(*words: str) -> int:
    """Run ``tally``; argparse exits by itself where others return."""
    try:
        return main(words)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=IDS)
def test_every_command_has_help_with_an_example(
    words: tuple[str, ...], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--help") == 0
    shown = capsys.readouterr().out
    assert "example:" in shown
    assert f"tally {' '.join(words)}".strip() in shown
    assert command.summary.split()[0] in shown


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=IDS)
def test_every_command_leads_to_a_function(words: tuple[str, ...], command: Command) -> None:
    module, _, function = command.run.partition(":")
    assert callable(getattr(importlib.import_module(module), function)), words


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=IDS)
def test_every_example_can_be_read_by_the_command_line(
    words: tuple[str, ...], command: Command
) -> None:
    for example in command.examples:
        line = [*words[:-1], *shlex.split(example)]
        for parser in (build_parser(), build_parser(line[0])):
            assert parser.parse_args(line).command is command


def test_help_loads_little_beside_itself() -> None:
    program = (
        "import sys; from tallystick.node.cli.main import build_parser; build_parser();"
        "print({'asyncio', 'grpc', 'cryptography', 'importlib.metadata'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert shown.stdout.strip() == b"set()"


def test_the_release_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"tallystick {version('tallystick')}\n"


def test_a_peer_loads_no_orderer_and_no_client() -> None:
    program = (
        "import sys, tallystick.node.cli.peer;"
        "print([name for name in sys.modules if name in"
        " ('tallystick.node.orderer', 'tallystick.client', 'tallystick.node.cluster')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert shown.stdout.strip() == b"[]"


def test_garbage_is_collected_again_once_a_command_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(name: str) -> ModuleType:
        seen.append(gc.isenabled())
        return importing(name)

    seen: list[bool] = []
    importing = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", load)
    assert run("cluster", "up", "--topology", "no.toml") == 1
    assert seen[0] is False
    assert gc.isenabled()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="nothing"),
        pytest.param(("cluster",), id="half a command"),
        pytest.param(("clutser", "up"), id="misspelt"),
        pytest.param(("peer", "start"), id="without what is required"),
        pytest.param(("chaincode", "commit", "x", "--sequence", "-1"), id="a number below 0"),
        pytest.param(("invoke", "a", "b", "--transient", "secret"), id="no assignment"),
        *(
            pytest.param(("chaincode", "approve", "x", "--package-id", given), id=f"id {given!r}")
            for given in ("", "x_1.0", "x_1.0:abc", f":{'0' * 64}", f"x_1.0:{'A' * 64}")
        ),
    ],
)
def test_a_wrong_command_line_exits_with_2(words: tuple[str, ...]) -> None:
    assert run(*words) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("cluster", "down"), "start one with `tally cluster up`", id="no network"),
        pytest.param(("query", "token", "balance_of", "A", "b"), "tally cluster up", id="query"),
        pytest.param(
            ("peer", "start", "--config", "no.toml"),
            "no.toml cannot be used:\n  No such file or directory\n",
            id="peer",
        ),
        pytest.param(("channel", "inspect", "no.block"), "no.block holds no block", id="no block"),
        pytest.param(("crypto", "show", "nowhere"), "nowhere is neither a PEM file", id="no PEM"),
        pytest.param(("channel", "join"), "or --snapshot with a folder", id="nothing to join"),
        pytest.param(("ledger", "compare", "a"), "name two folders", id="one to compare"),
        pytest.param(
            ("chaincode", "package", "x:Y", "--type", "ccaas", "--label", "l", "--output", "o"),
            "holds no contract: leave it out",
            id="a package with too much",
        ),
        pytest.param(("ledger", "verify", "."), "holds no ledger", id="no ledger"),
        pytest.param(("chaincode", "check", "x"), "not of the form module:Class", id="no entry"),
        pytest.param(
            ("cluster", "up", "--topology", "no.toml"), "the topology no.toml", id="no topology"
        ),
    ],
)
def test_a_command_that_cannot_be_done_is_explained_and_exits_with_1(
    outcome: Outcome,
    words: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    with contextlib.chdir(tmp_path), outcome.leaves(files(tmp_path)):
        assert run(*words) == 1
    shown = capsys.readouterr()
    outcome.saw(shown.err)
    assert shown.out == ""
    assert shown.err.startswith("tally: ")
    assert says in shown.err


def test_a_file_that_is_not_there_is_named_in_plain_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = str(tmp_path / "absent.tar.gz")
    assert run("chaincode", "install", absent) == 1
    assert capsys.readouterr().err == f"tally: {absent} cannot be used: No such file or directory\n"


def test_keys_a_first_block_and_a_look_at_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crypto, block = tmp_path / "crypto", tmp_path / "genesis.block"
    assert run("crypto", "generate", "--output", str(crypto)) == 0
    assert run("crypto", "show", str(crypto / "BankMSP" / "users" / "client" / "msp")) == 0
    assert "attribute   role = cash-desk" in capsys.readouterr().out
    assert run("channel", "genesis", "--material", str(crypto), "--output", str(block)) == 0
    capsys.readouterr()
    assert run("channel", "inspect", str(block)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["channel"] == "securities"
    assert document["policies"]["/Channel/Application/Writers"] == "ANY Writers"


def test_a_contract_is_checked_and_packaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.py").write_text(NOTES.format(body="ctx.state.put(key, text.encode())"))
    source = ("notes:Notes", "--source", str(tmp_path))
    assert run("chaincode", "check", *source) == 0
    package = tmp_path / "notes.tar.gz"
    assert run("chaincode", "package", *source, "--label", "n_1", "--output", str(package)) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("n_1:")
    assert package.is_file()


def test_a_contract_that_could_differ_from_peer_to_peer_is_told_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "import random; ctx.state.put(key, str(random.random()).encode())"
    (tmp_path / "notes.py").write_text(NOTES.format(body=body))
    assert run("chaincode", "check", "notes:Notes", "--source", str(tmp_path)) == 1
    assert "notes.py:10" in capsys.readouterr().err


def test_groups_and_commands_are_named_once() -> None:
    names = [group.name for group in GROUPS]
    assert len(set(names)) == len(names)
    for group in GROUPS:
        if isinstance(group, Group):
            commands = [command.name for command in group.commands]
            assert len(set(commands)) == len(commands)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("invoke token issue ACME bob 5 --as BankMSP", id="before the options"),
        pytest.param("invoke token issue --as BankMSP ACME bob 5", id="behind them"),
        pytest.param("invoke token issue ACME --as BankMSP bob 5", id="on both sides"),
        pytest.param("invoke --endorser A --as BankMSP token issue ACME bob 5", id="options first"),
    ],
)
def test_the_arguments_of_a_call_stand_where_one_likes(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[object, ...]] = []

    def note(options: argparse.Namespace) -> None:
        seen.append((options.chaincode, options.function, options.arguments, vars(options)["as"]))

    monkeypatch.setattr("tallystick.node.cli.calls.invoke", note)
    assert run(*words.split()) == 0
    assert seen == [("token", "issue", ["ACME", "bob", "5"], "BankMSP")]


@pytest.mark.parametrize(
    "words", ["invoke token issue ACME --nonsense", "cluster down --remove nonsense"]
)
def test_what_no_command_knows_is_a_wrong_command_line(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words.split()) == 2
    assert "unrecognized arguments: " in capsys.readouterr().err
