"""The whole command line against a network of separate processes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.following import until_level

from tallystick.node.cli.main import main
from tallystick.node.cluster.network import exists, open_network
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import free_ports, is_free
from tallystick.node.cluster.topology import load_topology
from tallystick.protos.common.configtx_pb2 import Config

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
orderers = [{{ name = "orderer0", port = {}, operations_port = {}, admin_port = {} }}]
users = [{{ name = "admin", role = "admin" }}]

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
    def get(self, ctx: Context, key: str, times: int = 1) -> str:
        """Return a note."""
        found = ctx.state.get(key)
        if found is None:
            raise Refusal("NOTE_UNKNOWN", f"there is no note {key}", 404)
        return found.decode() * times
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
    (tmp_path / "topology.toml").write_text(TOPOLOGY.format(*free_ports(7)))
    (tmp_path / "notes.py").write_text(NOTES)
    tally = Tally(tmp_path / "network", capsys)
    tally("cluster", "up", "--topology", str(tmp_path / "topology.toml"))
    yield tally
    tally("cluster", "down", "--remove")
    assert not tally.directory.exists()


def test_a_network_is_started_called_upgraded_and_stopped(tally: Tally, tmp_path: Path) -> None:
    """SS-114, F168."""
    assert tally("cluster", "status").count(" ready ") == 3

    tally("invoke", "notes", "put", "a", "first", "--as", "OneMSP")
    until_level(tally, "OneMSP", "TwoMSP")
    assert tally("query", "notes", "get", "a", "--as", "TwoMSP") == "first\n"
    refused = tally("query", "notes", "get", "b", "--as", "OneMSP", code=1)
    assert refused == "tally: notes refused get (status 404): NOTE_UNKNOWN: there is no note b\n"

    for call in (
        ("query", "nots", "get", "b"),
        ("invoke", "nots", "get", "b"),
        ("chaincode", "describe", "nots"),
    ):
        nowhere = tally(*call, "--as", "OneMSP", code=1)
        assert nowhere.endswith("\nwhat there is says `tally chaincode list`\n")
    nowhere = tally("query", "notes", "get", "b", "--as", "OneMSP", "--channel", "no", code=1)
    assert nowhere.endswith("\nwhat there is says `tally channel list`\n")

    event = tally("events", "notes", "--from-block", "0", "--count", "1", "--as", "OneMSP")
    assert json.loads(event)["payload"]["events"][0]["data"] == {"key": "a"}
    describe(tally)

    explain_an_endorsement_that_was_not_enough(tally)

    join_a_second_channel(tally, tmp_path)

    (tmp_path / "notes.py").write_text(f"{NOTES}\n# changed\n")
    assert "notes runs as before, though its source has changed" in tally("cluster", "up")
    (tmp_path / "notes.py").write_text(NOTES)
    assert "though its source has changed" not in tally("cluster", "up")

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


@pytest.mark.slow
def test_three_orderers_with_an_etcd_are_started_used_and_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.py").write_text(NOTES)
    up = ("cluster", "up", "--topology", str(with_room(tmp_path)), "--orderers", "3")
    tally = Tally(tmp_path / "network", capsys)
    try:
        assert "first transaction committed" in tally(*up)
        shown = [line.split() for line in tally("cluster", "status").splitlines()]
        assert {line[1] for line in shown} == {"ready"}
        for node in ("orderer0", "etcd0"):
            assert {line[-1] for line in shown if line[0].startswith(f"{node}.")} == {
                "OrdererMSP",
                "Orderer2MSP",
                "Orderer3MSP",
            }
        tally("invoke", "notes", "put", "a", "by three", "--as", "OneMSP")
        assert tally("query", "notes", "get", "a", "--as", "OneMSP") == "by three\n"
        assert "nodes started" not in tally(*up), "all of it runs already"
        other = tally(*up[:-1], "2", code=1)
        assert other.startswith("tally: there is another network in ")
    finally:
        if exists(tally.directory):
            tally("cluster", "down", "--remove")


def with_room(directory: Path) -> Path:
    """Write the topology where three orderers, and members of etcd, find free ports as well."""
    path = directory / "topology.toml"
    while True:
        path.write_text(TOPOLOGY.format(*free_ports(7)))
        topology = with_orderers(load_topology(path), 3)
        ports = [
            port
            for member in topology.organizations
            for node in member.nodes
            for port in node.ports
        ]
        if len(set(ports)) == len(ports) and all(is_free(topology.host, port) for port in ports):
            return path


def describe(tally: Tally) -> None:
    described = tally("chaincode", "describe", "notes", "--as", "OneMSP")
    assert "put(key: string, text: string)" in described
    assert "get(key: string, times: integer = 1)" in described


def explain_an_endorsement_that_was_not_enough(tally: Tally) -> None:
    alone = ("notes", "put", "a", "alone", "--endorser", "OneMSP")
    rejected = tally("invoke", *alone, "--as", "OneMSP", code=1)
    found = re.search(r"[0-9a-f]{64}", rejected)
    assert found is not None, rejected
    until_level(tally, "OneMSP", "TwoMSP")
    explanation = tally("policy", "explain", found[0], "--as", "TwoMSP")
    assert "has it as ENDORSEMENT_POLICY_FAILURE" in explanation
    assert "  ✓ OneMSP peer0.one.example\n" in explanation
    assert (
        "notes needs policy AND('OneMSP.peer', 'TwoMSP.peer'): lacks 'TwoMSP.peer'\n"
        "  ✗ 2 of 2\n"
        "    ✓ 'OneMSP.peer', by OneMSP peer0.one.example\n"
        "    ✗ 'TwoMSP.peer'\n"
    ) in explanation
    unknown = tally("policy", "explain", "0" * 64, "--as", "OneMSP", code=1)
    assert unknown.startswith(f"tally: no block has transaction {'0' * 64}: ")


def join_a_second_channel(tally: Tally, directory: Path) -> None:
    topology = directory / "bonds.toml"
    topology.write_text((directory / "topology.toml").read_text().replace("market", "bonds"))
    block = str(directory / "bonds.block")
    what = ("--topology", str(topology), "--material", str(tally.directory / "crypto"))
    assert main(["channel", "genesis", *what, "--output", block]) == 0

    joined = tally("channel", "join-orderer", block)
    assert joined == "orderer0.orderer.example orders bonds from height 1\n"
    again = tally("channel", "join-orderer", block, "--orderer", "OrdererMSP", code=1)
    assert "cannot join: channel already exists" in again
    assert "there is no 'OneMSP'" in tally(
        "channel", "join-orderer", block, "--orderer", "OneMSP", code=1
    )
    assert "joined bonds" in tally("channel", "join", block, "--as", "TwoMSP")
    assert "joined bonds" in tally("channel", "join", block, "--as", "TwoMSP")
    assert tally("channel", "list", "--as", "TwoMSP") == "bonds\nmarket\n"
    here = ("--channel", "bonds")
    listed = tally("chaincode", "list", *here, "--as", "TwoMSP")
    assert listed.startswith("in force on bonds:\n  nothing\n")
    assert "in force since block 1" in tally("channel", "set-batch", "--max-messages", "7", *here)


def upgrade(tally: Tally, source: Path) -> None:
    """Bring the same source under a new label, version and rule, step by step."""
    package = source / "notes.tar.gz"
    what = ("notes:Notes", "--source", str(source), "--label", "notes_2.0")
    assert main(["chaincode", "package", *what, "--output", str(package)]) == 0
    definition = ("notes", "--version", "2.0", "--sequence", "2")
    rule = ("--endorsement", "OR('OneMSP.peer', 'TwoMSP.peer')")
    arguments: tuple[str, ...] = ()
    changed_rule = (
        "notes: the rule changes from AND('OneMSP.peer', 'TwoMSP.peer')"
        " to OR('OneMSP.peer', 'TwoMSP.peer')\n"
    )
    for msp_id in ("OneMSP", "TwoMSP"):
        refused = tally("chaincode", "commit", *definition, *rule, "--as", msp_id, code=1)
        assert "  not approved by " in refused
        absent = ("--package-id", f"notes_2.0:{'0' * 64}", "--as", msp_id)
        told = tally("chaincode", "approve", *definition, *rule, *absent)
        assert told.startswith(changed_rule)
        assert f"its peer will not endorse yet: it lacks {absent[1]}" in told
        package_id = tally("chaincode", "install", str(package), "--as", msp_id).strip()
        arguments = (*definition, *rule, "--package-id", package_id, "--as", msp_id)
        assert f"approved by {msp_id} in block" in tally("chaincode", "approve", *arguments)
        assert f"approved by {msp_id} before" in tally("chaincode", "approve", *arguments)
    until_level(tally, "OneMSP", "TwoMSP")
    committed = tally("chaincode", "commit", *definition, *rule, "--as", "OneMSP")
    assert committed.startswith(f"{changed_rule}notes 2.0 is in force since block ")
    until_level(tally, "OneMSP", "TwoMSP")
    assert "is in force already" in tally("chaincode", "approve", *arguments)
    changed = ("notes", "--version", "3.0", "--sequence", "2", *rule, "--as", "OneMSP")
    for command in ("approve", "commit"):
        out_of_turn = tally("chaincode", command, *changed, code=1)
        assert "notes 2.0 is in force with sequence 2" in out_of_turn
        assert "--sequence 3" in out_of_turn


def test_a_channel_is_changed_by_one_command_or_signature_by_signature(
    tally: Tally, tmp_path: Path
) -> None:
    assert "in force since block" in tally("channel", "set-batch", "--max-messages", "3")
    configuration(tally, tmp_path / "before.pb", sequence=1)

    newcomer = str(tmp_path / "NewMSP")
    assert not main(["crypto", "organization", "NewMSP", "--domain", "new", "--output", newcomer])
    join = ("channel", "add-org", "NewMSP", "--msp", str(tmp_path / "NewMSP" / "msp"))
    refused = tally(*join, "--signers", "OneMSP", code=1)
    assert "policy for [Group]  /Channel/Application not satisfied" in refused
    tally(*join, "--anchor", "localhost:7051")
    config = configuration(tally, tmp_path / "with.pb", sequence=2)
    assert "NewMSP" in config.channel_group.groups["Application"].groups

    # Back again, as administrators do who share nothing but a file.
    del config.channel_group.groups["Application"].groups["NewMSP"]
    (tmp_path / "without.pb").write_bytes(config.SerializeToString())
    update = str(tmp_path / "update.pb")
    files = [str(tmp_path / name) for name in ("with.pb", "without.pb")]
    tally("channel", "update", *files, "--output", update)
    assert "has 1 signatures" in tally("channel", "sign", update, "--as", "TwoMSP")
    tally("channel", "submit", update, "--as", "OneMSP")
    assert "the configuration of channel 'market' was not changed" in tally(
        "channel", "submit", update, "--as", "OneMSP", code=1
    )
    configuration(tally, tmp_path / "after.pb", sequence=3)

    tally("invoke", "notes", "put", "a", "text", "--as", "TwoMSP")
    keys = tally.directory / "crypto" / "TwoMSP" / "users" / "client" / "msp"
    tally("channel", "revoke", str(keys), "--as", "TwoMSP")
    tally("invoke", "notes", "put", "a", "text", "--as", "TwoMSP", code=1)
    tally("invoke", "notes", "put", "a", "text", "--as", "OneMSP")


def configuration(tally: Tally, file: Path, *, sequence: int) -> Config:
    """Return the configuration in force, which ``file`` has then too."""
    tally("channel", "fetch-config", "--output", str(file), "--as", "OneMSP")
    config = Config.FromString(file.read_bytes())
    assert config.sequence == sequence
    return config
