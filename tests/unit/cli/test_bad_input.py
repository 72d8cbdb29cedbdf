"""Arguments and files that no command can use: it says so in words, and leaves nothing behind."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenarios.outcome import files

from tallystick.node.cli.arguments import count, endpoint, natural, port
from tallystick.node.cli.main import main
from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.newcomer import Newcomer
from tallystick.node.cluster.topology import default_topology
from tallystick.protos.common.common_pb2 import Block, BlockHeader

NOW_NS = 1_780_000_000_000_000_000
NO_TEXT = b"\xff\xfe\x00"
Told = Callable[..., str]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    directory = tmp_path_factory.mktemp("network")
    return create_network(default_topology(), directory, Founding(NOW_NS, bytes(24)))


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Return what a command says that fails."""

    def run(*words: str | Path) -> str:
        capsys.readouterr()
        assert main([*map(str, words)]) == 1
        said = capsys.readouterr().err
        assert said.startswith("tally: ")
        return said

    return run


@pytest.mark.parametrize(
    ("checked", "text"),
    [
        *((natural, text) for text in ("", "-1", "x", "²", str(2**64), "1" + "0" * 30, "9" * 5000)),
        *((count, text) for text in ("-1", str(2**32))),
        *((port, text) for text in ("0", "65536", "9" * 5000)),
        *((endpoint, text) for text in ("h", ":1", "h:", "h:x", "h:0", "h:65536", "h:99999")),
    ],
)
def test_numbers_that_nothing_could_hold_are_wrong_command_lines(
    checked: Callable[[str], object], text: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not "):
        checked(text)


@pytest.mark.parametrize(
    ("checked", "text", "value"),
    [
        (natural, "0", 0),
        (natural, str(2**64 - 1), 2**64 - 1),
        (count, str(2**32 - 1), 2**32 - 1),
        (port, "65535", 65535),
        (endpoint, "h:1", ("h", 1)),
        (endpoint, "::1:65535", ("::1", 65535)),
    ],
)
def test_numbers_at_the_limits_are_taken(
    checked: Callable[[str], object], text: str, value: object
) -> None:
    assert checked(text) == value


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("events", "token", "--from-block", "1" + "0" * 30), id="block"),
        pytest.param(("channel", "set-anchors", "OneMSP", "h:1", "h:99999"), id="port"),
        pytest.param(("channel", "set-batch", "--max-messages", str(2**32)), id="messages"),
        pytest.param(("chaincode", "commit", "n", "--sequence", str(2**63)), id="sequence"),
    ],
)
def test_a_number_that_is_too_great_exits_with_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "is not a whole number from " in capsys.readouterr().err


def test_a_file_of_other_bytes_than_text_is_no_proof(tmp_path: Path, told: Told) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(NO_TEXT)
    config = ("--config", tmp_path / "config.pb")
    assert "the file is no proof" in told("register", "check-proof", file, *config)


@pytest.mark.parametrize(
    "words",
    [
        ("channel", "inspect"),
        ("channel", "join", "--as", "ATSMSP"),
        ("channel", "join-orderer"),
        ("organization", "join", "NewMSP", "--domain", "new", "--peer", "h:7951", "--block"),
    ],
    ids=["inspect", "join", "join-orderer", "organization"],
)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            b"", "no block: the file is empty; name the genesis block of a channel", id="empty"
        ),
        pytest.param(
            Block(header=BlockHeader(number=7)).SerializeToString(),
            "no block with a channel's configuration: block 7 is not a configuration block; name"
            " such a block, as `tally channel genesis` writes one",
            id="another block",
        ),
    ],
)
def test_a_file_without_a_configuration_is_named(
    tmp_path: Path, told: Told, words: tuple[str, ...], content: bytes, problem: str
) -> None:
    file = tmp_path / "file.toml"
    file.write_bytes(content)
    assert told(*words, file) == f"tally: {file} holds {problem}\n"


@pytest.mark.parametrize("option", ["--tls-roots", "--tls-certificate", "--tls-key"])
def test_a_file_of_other_bytes_than_text_is_no_pem(tmp_path: Path, told: Told, option: str) -> None:
    file = tmp_path / "file.pem"
    file.write_bytes(NO_TEXT)
    package = ("--type", "ccaas", "--label", "n_1", "--address", "h:1", "--output", tmp_path / "o")
    said = told("chaincode", "package", *package, option, file)
    assert f"{file} is no PEM file" in said
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--domain", "new.example", "--host", "hö"), "'hö': neither a DNS name nor an IP"),
        (("--domain", "new.example", "--host", ""), "'': neither a DNS name nor an IP"),
        (("--domain", "new.example", "--host", "1.2.3.999"), "'1.2.3.999': neither a DNS"),
        (("--domain", "ä.b"), "'ä.b': not a DNS domain: use labels of letters"),
        (("--domain", "a b"), "'a b': not a DNS domain"),
        (("--domain", ""), "'': not a DNS domain"),
        (("--domain", "a." * 35 + "bc"), "room for 64 characters, and this name has 78"),
    ],
)
def test_keys_for_a_name_that_cannot_be_certified_are_not_made(
    tmp_path: Path, told: Told, options: tuple[str, ...], problem: str
) -> None:
    made = ("--peer", "peer0", "--output", tmp_path / "new")
    assert problem in told("crypto", "organization", "NewMSP", *made, *options)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param(("ä b", "--peer", "h:7951"), "'ä b': not a DNS domain", id="domain"),
        pytest.param(("new", "--peer", "a b:7951"), "'a b': neither a DNS name", id="host"),
        pytest.param(("new", "--peer", "h:65535"), "with --operations-port", id="the last port"),
        pytest.param(
            ("new", "--peer", "h:7951", "--operations-port", "7951"), "7951", id="one port twice"
        ),
    ],
)
def test_whoever_cannot_join_as_asked_is_told_before_anything_is_made(
    network: Network, tmp_path: Path, told: Told, options: tuple[str, ...], problem: str
) -> None:
    at = ("--block", network.genesis_block, "--network", tmp_path / "new")
    assert problem in told("organization", "join", "NewMSP", *at, "--domain", *options)
    assert not [*tmp_path.iterdir()]


def test_a_port_of_a_newcomer_that_is_none_is_told() -> None:
    newcomer = Newcomer(
        msp_id="NewMSP", domain="new.example", host="h", port=99_999, operations_port=1
    )
    with pytest.raises(TopologyError, match="port: Input should be less than or equal to 65535"):
        newcomer.topology("securities")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("raise ValueError('no')", "importing {0} failed with ValueError: no"),
        ("raise SystemExit(3)", "importing {0} failed with SystemExit: 3"),
        ("import nowhere_at_all", "failed with ModuleNotFoundError: No module named 'nowhere_at"),
        ("", "module {0} has no C"),
        (
            "class C(Contract):\n    name = 'c'\n    def __init__(self, at): ...",
            "making {0}:C failed with TypeError: ",
        ),
    ],
    ids=["raises", "exits", "lacks a module", "no such class", "no way to make it"],
)
def test_a_contract_that_cannot_be_served_is_explained(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, source: str, problem: str
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # or the program would start itself again
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"boom_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(f"from tallystick.chaincode import Contract\n{source}\n")
    served = ("--id", "c:00", "--address", "localhost:0", "--source", tmp_path)
    said = told("chaincode", "serve", f"{name}:C", *served)
    assert problem.format(name) in said


@pytest.mark.parametrize("names", [(), ("admin@bank.example",)], ids=["everybody", "one"])
def test_where_there_are_no_keys_nobody_is_renewed(
    network: Network, tmp_path: Path, told: Told, names: tuple[str, ...]
) -> None:
    (tmp_path / "topology.json").write_bytes(network.topology_file.read_bytes())
    before = files(tmp_path).read()
    said = told("crypto", "renew", "BankMSP", *names, "--network", tmp_path)
    assert f"BankMSP: {tmp_path} has no certificate of a node or user of it" in said
    assert "renew where its keys are, with --network" in said
    assert files(tmp_path).read() == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("ledger", "compare", "--as", "ATSMSP", "--with", "BankMSP"), id="compared"),
        pytest.param(("ledger", "compare", "--as", "BankMSP", "--with", "ATSMSP"), id="comparing"),
        pytest.param(("snapshot", "request", "--as", "BankMSP"), id="a snapshot"),
        pytest.param(("snapshot", "list", "--as", "BankMSP"), id="what is asked for"),
        pytest.param(("channel", "list", "--as", "BankMSP"), id="its channels"),
    ],
)
def test_of_a_member_without_a_peer_nothing_of_a_peer_is_asked(
    network: Network, told: Told, words: tuple[str, ...]
) -> None:
    said = told(*words, "--network", network.directory)
    there = ", ".join(member.msp_id for member in network.topology.peer_organizations)
    assert said == f"tally: BankMSP runs no peer: name a member that does: {there}\n"
