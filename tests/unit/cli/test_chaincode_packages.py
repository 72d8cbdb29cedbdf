"""`tally chaincode package` for chaincode that the peer does not run itself."""

import json
from pathlib import Path

import pytest

from tallystick.chaincode.package import parse_package
from tallystick.node.cli.main import main
from tallystick.node.cluster.deployment import deployable
from tallystick.node.cluster.topology import ChaincodeTopology
from tallystick.node.errors import LedgerError

SERVICE = ("--type", "ccaas", "--label", "notes_1.0")


def package(folder: Path, *options: str) -> int:
    return main(["chaincode", "package", *options, "--output", str(folder / "package")])


@pytest.mark.parametrize(
    ("source", "entry", "problem"),
    [
        ("", "notes:Note", "no peer could run notes:Note: module notes has no Note"),
        ("class Notes:\n    name = 'notes'", "notes:Notes", "neither a Contract class nor"),
        ("class Notes(Contract): ...", "notes:Notes", "Notes needs a name without colon"),
        (
            "class Notes(Contract):\n    name = 'notes'\n    def put(self): ...",
            "notes:Notes",
            "no peer could run notes:Notes: Notes has no functions",
        ),
        ("raise ValueError('no')", "notes:Notes", "importing notes failed with ValueError: no"),
        (
            "class Notes(Contract):\n    name = 'notes'\n    def __init__(self, at): ...",
            "notes:Notes",
            "making notes:Notes failed with TypeError: ",
        ),
        ("import random", "notes:Notes", "notes.py:2: import of random differs from peer to peer"),
    ],
    ids=[
        "a name too few",
        "no contract",
        "no name of its own",
        "no functions",
        "a failing import",
        "no way to make it",
        "no accord",
    ],
)
def test_a_contract_that_no_peer_would_run_is_told_at_home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, entry: str, problem: str
) -> None:
    (tmp_path / "notes.py").write_text(f"from tallystick.chaincode import Contract\n{source}\n")
    assert main(["chaincode", "check", entry, "--source", str(tmp_path)]) == 1
    assert problem in capsys.readouterr().err
    chaincode = ChaincodeTopology(
        name="notes", entry=entry, source=tmp_path, endorsement="OR('OneMSP.peer')"
    )
    with pytest.raises(LedgerError, match=problem):
        deployable(chaincode)


def test_a_check_names_the_functions_and_the_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "_notes.py"
    check = ("chaincode", "check", "_notes:Notes", "--source", str(tmp_path))
    source.write_text(
        "from tallystick.chaincode import Context, Contract, query\n\n\n"
        "class Notes(Contract):\n    name = 'notes'\n\n"
        "    @query\n    def put(self, ctx: Context) -> None: ...\n\n"
        "    @query\n    def get(self, ctx: Context) -> None: ...\n"
    )
    assert main(check) == 0
    said = "_notes:Notes may be installed; checked: _notes.py\nfunctions: put, get\n"
    assert capsys.readouterr().out == said
    source.write_text("import random\n")
    assert main(check) == 1
    assert "the chaincode package notes is refused" in capsys.readouterr().err


def test_a_service_package_says_where_to_dial(tmp_path: Path) -> None:
    """§9.5."""
    for name in ("roots", "certificate", "key"):
        (tmp_path / name).write_text(f"PEM of {name}")
    tls = (
        *("--tls-roots", str(tmp_path / "roots")),
        *("--tls-certificate", str(tmp_path / "certificate")),
        *("--tls-key", str(tmp_path / "key")),
    )
    assert package(tmp_path, *SERVICE, "--address", "cc.example:9999", *tls) == 0
    parsed = parse_package((tmp_path / "package").read_bytes())
    assert parsed.type == "ccaas"
    assert json.loads(parsed.sources["connection.json"]) == {
        "address": "cc.example:9999",
        "dial_timeout": "10s",
        "tls_required": True,
        "client_auth_required": True,
        "client_key": "PEM of key",
        "client_cert": "PEM of certificate",
        "root_cert": "PEM of roots",
    }


def test_a_package_of_chaincode_that_registers_holds_nothing(tmp_path: Path) -> None:
    assert package(tmp_path, "--type", "external", "--label", "notes_1.0") == 0
    parsed = parse_package((tmp_path / "package").read_bytes())
    assert (parsed.type, dict(parsed.sources)) == ("external", {})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--label", "x"), "MODULE:CLASS"),
        (("a:B", *SERVICE, "--address", "h:1"), "leave it out"),
        (SERVICE, "--address"),
        (("--type", "external", "--label", "x", "--address", "h:1"), "has no --address"),
    ],
    ids=["no contract", "a contract too many", "no address", "an address too many"],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    problem: str,
) -> None:
    assert package(tmp_path, *options) == 1
    assert problem in capsys.readouterr().err


def test_serving_needs_a_package_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # or the program would start itself again
    for name in ("CHAINCODE_ID", "CORE_CHAINCODE_ID_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert main(["chaincode", "serve", "json:JSONDecoder", "--address", "localhost:0"]) == 1
    assert "name the package id" in capsys.readouterr().err
