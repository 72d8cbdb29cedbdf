"""What somebody who is new does wrong at first, and what they are told."""

import io
import sys
import time
from pathlib import Path

import pytest

from tallystick.node.cli import cluster
from tallystick.node.cli.main import INTERRUPTED, main
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.newcomer import NotAdmittedError
from tallystick.node.cluster.startup import counted
from tallystick.node.cluster.topology import default_topology

NOW_NS = 1_780_000_000_000_000_000


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    directory = tmp_path_factory.mktemp("network")
    return create_network(default_topology(), directory, Founding(NOW_NS, bytes(24)))


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 1) -> str:
    """Return what a command that fails says."""
    capsys.readouterr()
    assert main(words) == code
    return capsys.readouterr().err


@pytest.mark.parametrize("msp_id", ["BankMSP", "OrdererMSP"])
def test_whoever_joins_under_the_name_of_a_member_is_told_at_once_and_nothing_is_made(
    network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str], msp_id: str
) -> None:
    directory = tmp_path / "new"
    where = ("--domain", "new.example", "--peer", "localhost:7951", "--network", str(directory))
    said = told(
        capsys, "organization", "join", msp_id, "--block", str(network.genesis_block), *where
    )
    assert f"{msp_id} is a member of channel 'securities' already" in said
    assert "choose another MSP id" in said
    assert "if that member has left, name the configuration in force with --config" in said
    assert not directory.exists()


def test_whoever_is_not_let_in_in_time_is_told_what_to_run_with_which_arguments() -> None:
    said = str(NotAdmittedError("NewMSP", "securities", 60.0, Path("logs/peer0.new.example.log")))
    assert "run this command again with the same arguments" in said
    assert "where orderers are not as the first block says, name the configuration" in said
    assert said.endswith("in force with --config")


@pytest.mark.parametrize(("command", "kind"), [("peer", "orderer"), ("orderer", "peer")])
def test_a_node_that_is_started_with_settings_of_the_other_kind_says_what_to_start(
    network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, kind: str
) -> None:
    node = next(each for each in network.nodes if each.kind == kind)
    table = {"orderer": "queue", "peer": "gateway"}[kind]
    file = tmp_path / "node.toml"
    file.write_text(f"{network.settings_text(node)}\n[{table}]\n", encoding="utf-8")
    said = told(capsys, command, "start", "--config", str(file))
    assert f"has settings for the {kind} of an organisation, not for its {command}" in said
    assert f"start it with `tally {kind} start --config {file}`" in said


@pytest.mark.parametrize(
    "command", [["up"], ["down", "--remove"], ["restart"], ["status"], ["logs"]]
)
def test_whoever_asks_for_nodes_that_members_start_themselves_is_told_what_to_ask(
    network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    founded = tmp_path / "topology.json"
    founded.write_bytes(network.topology_file.read_bytes())
    said = told(capsys, "cluster", *command, "--network", str(tmp_path))
    assert f"has made none of the nodes of the network in {tmp_path}" in said
    assert "look at it with `tally doctor --config`" in said
    assert [*tmp_path.iterdir()] == [founded]


def test_who_signs_with_a_directory_of_keys_is_asked_whose_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(capsys, "channel", "sign", str(tmp_path / "update.pb"), "--msp", str(tmp_path))
    assert said.startswith("tally: name the organisation of ")
    assert "--as MSP_ID" in said


def test_a_command_that_is_interrupted_says_so(
    network: Network, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> Network:
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "open_network", interrupted)
    at = ("--network", str(network.directory))
    assert "interrupted" in told(capsys, "cluster", "logs", *at, code=INTERRUPTED)


def test_logs_are_followed_until_the_reader_has_enough(
    network: Network, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (node,) = network.nodes_of("ATSMSP")
    first = network.log_file(node)
    first.parent.mkdir(exist_ok=True)
    first.write_text("before\n", encoding="utf-8")
    rounds = iter(("more\n", "still more\n", None))

    def sleep(_: float) -> None:
        text = next(rounds)
        if text is None:
            raise KeyboardInterrupt
        first.write_text(first.read_text(encoding="utf-8") + text, encoding="utf-8")

    monkeypatch.setattr(time, "sleep", sleep)
    at = ("--network", str(network.directory))
    assert main(("cluster", "logs", "ATSMSP", "--follow", *at)) == 0
    assert capsys.readouterr().out == "before\nmore\nstill more\n"


def test_through_a_pipe_too_the_end_of_a_log_is_seen_before_the_node_writes_more(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node,) = network.nodes_of("ATSMSP")
    log = network.log_file(node)
    log.parent.mkdir(exist_ok=True)
    log.write_text("before\n", encoding="utf-8")
    pipe = io.BytesIO()
    seen: list[bytes] = []

    def sleep(_: float) -> None:
        seen.append(pipe.getvalue())
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, encoding="utf-8"))
    at = ("--network", str(network.directory))
    assert main(("cluster", "logs", node.name, "--follow", *at)) == 0
    assert seen == [b"before\n"]


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes")], ids=str
)
def test_one_node_is_not_counted_as_several(number: int, words: str) -> None:
    assert counted(number, "node") == words
