"""The whole command line against a network of separate processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.node.cli.main import main
from tallystick.node.cluster.network import open_network
from tallystick.node.cluster.ports import free_ports

pytestmark = pytest.mark.cluster

TOPOLOGY = """
[channel]
id = "market"
endorsement = "OR('OneMSP.peer', 'TwoMSP.peer')"
lifecycle_endorsement = "AND('OneMSP.peer', 'TwoMSP.peer')"

[[organizations]]
msp_id = "OneMSP"
domain = "one.example"
peers = [{{ name = "peer0", port = {}, operations_port = {} }}]
users = [{{ name = "admin", role = "admin" }}, {{ name = "client" }}]

[[organizations]]
msp_id = "TwoMSP"
domain = "two.example"
peers = [{{ name = "peer0", port = {}, operations_port = {} }}]
users = [{{ name = "admin", role = "admin" }}, {{ name = "client" }}]

[[organizations]]
msp_id = "OrdererMSP"
domain = "orderer.example"
orderers = [{{ name = "orderer0", port = {}, operations_port = {} }}]

[[chaincodes]]
name = "notes"
entry = "notes:Notes"
source = "."
endorsement = "AND('OneMSP.peer', 'TwoMSP.peer')"
"""
NOTES = '''
from tallystick.chaincode import Context, Contract, DomainEvent, Refusal, query, transaction


class Noted(DomainEvent):
    kind = "notes.Noted"
    key: str


class Notes(Contract):
    """Notes."""

    name = "notes"

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> None:
        """Write a note."""
        ctx.state.put(key, text.encode())
        ctx.emit(Noted(key=key))

    @query
    def get(self, ctx: Context, key: str) -> str:
        """Return a note."""
        found = ctx.state.get(key)
        if found is None:
            raise Refusal("NOTE_UNKNOWN", f"there is no note {key}", 404)
        return found.decode()
'''


class Tally:
    """Runs ``tally`` on one network and returns what it prints."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        self._capsys.readouterr()
        assert main([*words, "--network", str(self.directory)]) == code, self._capsys.readouterr()
        shown = self._capsys.readouterr()
        return shown.err if code else shown.out


@pytest.fixture
def tally(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Tally]:
    (tmp_path / "topology.toml").write_text(TOPOLOGY.format(*free_ports(6)))
    (tmp_path / "notes.py").write_text(NOTES)
    tally = Tally(tmp_path / "network", capsys)
    tally("cluster", "up", "--topology", str(tmp_path / "topology.toml"))
    yield tally
    tally("cluster", "down", "--remove")
    assert not tally.directory.exists()


def test_a_network_is_started_called_upgraded_and_stopped(tally: Tally, tmp_path: Path) -> None:
    assert tally("cluster", "status").count(" ready ") == 3

    tally("invoke", "notes", "put", "a", "first", "--as", "OneMSP")
    assert tally("query", "notes", "get", "a", "--as", "TwoMSP") == "first\n"
    refused = tally("query", "notes", "get", "b", "--as", "OneMSP", code=1)
    assert refused == "tally: notes refused get (status 404): NOTE_UNKNOWN: there is no note b\n"

    event = tally("events", "notes", "--from-block", "0", "--count", "1", "--as", "OneMSP")
    assert json.loads(event)["payload"]["events"][0]["data"] == {"key": "a"}
    assert "put(key: string, text: string)" in tally(
        "chaincode", "describe", "notes", "--as", "OneMSP"
    )

    upgrade(tally, tmp_path)
    definitions = tally("chaincode", "list", "--as", "TwoMSP")
    assert (
        "notes        2.0      sequence 2  endorsed by OR('OneMSP.peer', 'TwoMSP.peer')"
        in definitions
    )
    assert tally("query", "notes", "get", "a", "--as", "OneMSP") == "first\n"

    tally("cluster", "down")
    assert "see `tally cluster status`" in tally(
        "query", "notes", "get", "a", "--as", "OneMSP", code=1
    )
    tally("cluster", "status", code=1)
    tally("cluster", "up")
    assert tally("query", "notes", "get", "a", "--as", "OneMSP") == "first\n"
    assert open_network(tally.directory).channel_id == "market"


def upgrade(tally: Tally, source: Path) -> None:
    """Bring the same source under a new label, version and rule, step by step."""
    package = source / "notes.tar.gz"
    what = ("notes:Notes", "--source", str(source), "--label", "notes_2.0")
    assert main(["chaincode", "package", *what, "--output", str(package)]) == 0
    definition = ("notes", "--version", "2.0", "--sequence", "2")
    rule = ("--endorsement", "OR('OneMSP.peer', 'TwoMSP.peer')")
    arguments: tuple[str, ...] = ()
    for msp_id in ("OneMSP", "TwoMSP"):
        refused = tally("chaincode", "commit", *definition, *rule, "--as", msp_id, code=1)
        assert "  not approved by " in refused
        package_id = tally("chaincode", "install", str(package), "--as", msp_id).strip()
        arguments = (*definition, *rule, "--package-id", package_id, "--as", msp_id)
        assert f"approved by {msp_id} in block" in tally("chaincode", "approve", *arguments)
        assert f"approved by {msp_id} before" in tally("chaincode", "approve", *arguments)
    assert "is in force" in tally("chaincode", "commit", *definition, *rule, "--as", "OneMSP")
    assert "is in force already" in tally("chaincode", "approve", *arguments)
