"""What administrators do about channels, by the command line, on nodes in separate processes."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import pytest
from tests.scenarios.following import until_level

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_edits import with_policy
from tallystick.node.cli.main import main
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.network import Network, open_network
from tallystick.node.cluster.ports import free_ports
from tallystick.node.process import load_block
from tallystick.protos.common.configtx_pb2 import Config

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PATIENCE_S = 30
PEERS = ("OneMSP", "TwoMSP", "ThreeMSP")
NOTES = """
from tallystick.chaincode import Context, Contract, query, transaction


class Notes(Contract):
    name = "notes"

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> None:
        ctx.state.put(key, text.encode())

    @query
    def get(self, ctx: Context, key: str) -> str:
        return (ctx.state.get(key) or b"").decode()
"""
USERS = '[{ name = "admin", role = "admin" }, { name = "client" }]'


def topology(ports: Iterator[int]) -> str:
    def node(name: str, *kinds: str) -> str:
        places = "".join(
            f", {kind} = {next(ports)}" for kind in ("port", "operations_port", *kinds)
        )
        return f'{{ name = "{name}"{places} }}'

    def member(msp_id: str, nodes: str) -> str:
        domain = f"{msp_id.removesuffix('MSP').lower()}.example"
        return (
            f'[[organizations]]\nmsp_id = "{msp_id}"\ndomain = "{domain}"\n{nodes}\n'
            f"users = {USERS}\n"
        )

    return "\n".join([
        '[channel]\nid = "market"',
        "endorsement = \"AND('OneMSP.peer', 'TwoMSP.peer')\"",
        "lifecycle_endorsement = \"AND('OneMSP.peer', 'TwoMSP.peer')\"",
        member("OneMSP", f"peers = [{node('peer0')}, {node('peer1')}]"),
        member("TwoMSP", f"peers = [{node('peer0')}]"),
        member("ThreeMSP", f"peers = [{node('peer0')}]"),
        member("GuestMSP", 'gateway = "TwoMSP"'),
        member("OrdererMSP", f"orderers = [{node('orderer0', 'admin_port')}]"),
        '[[chaincodes]]\nname = "notes"\nentry = "notes:Notes"\nsource = "."',
        "endorsement = \"AND('OneMSP.peer', 'TwoMSP.peer')\"",
    ])  # fmt: skip


@dataclass(frozen=True)
class Tally:
    """Runs ``tally`` on one network and returns what it prints."""

    network: Network

    def __call__(self, *words: str, code: int = 0) -> str:
        return tally(*words, "--network", str(self.network.directory), code=code)

    def config(self, channel_id: str = "market") -> ChannelConfig:
        """Return the configuration in force, as a peer has it."""
        file = self.network.directory / "config.pb"
        self(*("channel", "fetch-config", "--output", str(file), "--channel", channel_id),
             *("--as", "OneMSP"))  # fmt: skip
        return ChannelConfig.from_config(channel_id, Config.FromString(file.read_bytes()))


def tally(*words: str, code: int = 0) -> str:
    """Return what ``tally`` prints on the way to this exit code."""
    out, error = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        ended = main(words)
    assert ended == code, out.getvalue() + error.getvalue()
    return error.getvalue() if code else out.getvalue()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tally]:
    """The network, with everybody's keys in one directory."""
    folder = tmp_path_factory.mktemp("administration")
    (folder / "notes.py").write_text(NOTES)
    (folder / "topology.toml").write_text(topology(free_ports(11)))
    at = ("--network", str(folder / "network"))
    tally("cluster", "up", "--topology", str(folder / "topology.toml"), *at)
    yield Tally(open_network(folder / "network"))
    tally("cluster", "down", "--remove", *at)


CALL = ("invoke", "notes", "put", "a", "text", "--as", "OneMSP")


def test_a_policy_and_an_access_list_decide_who_may_ask(here: Tally) -> None:
    ask = ("channel", "info", "--as", "OneMSP")
    chiefs = "/Channel/Application/Chiefs"
    assert "there is no policy" in here("channel", "set-acl", "qscc/GetChainInfo", chiefs, code=1)
    here("channel", "set-policy", chiefs, "OR('OneMSP.admin')")
    here("channel", "set-acl", "qscc/GetChainInfo", chiefs)
    assert here.config().acl("qscc/GetChainInfo") == chiefs
    assert "access denied" in here(*ask, code=1)
    assert "height" in here(*ask, "--user", "admin")
    here("channel", "set-acl", "qscc/GetChainInfo")
    assert "height" in here(*ask)


def test_peers_are_reached_where_the_anchors_say(here: Tally) -> None:
    here(*CALL)
    (two,) = here.network.nodes_of("TwoMSP")
    here("channel", "set-anchors", "TwoMSP", "localhost:1")
    assert "TwoMSP" in here(*CALL, code=1)
    here("channel", "set-anchors", "TwoMSP", two.address.replace("localhost", "127.0.0.1"))
    here(*CALL)
    (organization,) = (each for each in here.config().application if each.msp_id == "TwoMSP")
    assert organization.endpoints == (f"127.0.0.1:{two.topology.port}",)
    assert "Application has no 'NobodyMSP', only" in here(
        "channel", "set-anchors", "NobodyMSP", "localhost:1", code=1
    )


def test_orderers_are_reached_where_the_channel_says(here: Tally) -> None:
    (orderer,) = here.network.nodes_of("OrdererMSP")
    elsewhere = f"127.0.0.1:{orderer.topology.port}"
    here("channel", "set-orderers", "OrdererMSP", elsewhere)
    assert here.config().orderers[0].endpoints == (elsewhere,)
    here(*CALL)
    here("cluster", "restart", "OneMSP")
    here(*CALL)


def test_in_maintenance_no_transaction_is_ordered(here: Tally) -> None:
    here("channel", "set-maintenance", "on")
    assert "normal transactions are rejected: maintenance mode" in here(*CALL, code=1)
    here("channel", "set-maintenance", "off")
    here(*CALL)


def test_a_capability_is_asked_for_if_this_node_knows_it(here: Tally) -> None:
    unknown = here("channel", "set-capability", "application", "V9_9", code=1)
    assert "application capability V9_9 is unknown to this node, which knows V1_1" in unknown
    here("channel", "set-capability", "channel", "V3_0")
    assert here.config().capabilities.channel == "V3_0"
    here(*CALL)


def test_who_is_taken_off_the_channel_is_turned_away(here: Tally) -> None:
    ask = ("query", "notes", "get", "a", "--as", "GuestMSP")
    assert here(*ask) == "text\n"
    here("channel", "remove-org", "GuestMSP")
    until_level(here, "OneMSP", "TwoMSP")  # of which the second is the guest's
    assert "access denied" in here(*ask, code=1)
    msp = here.network.material / "GuestMSP" / "msp"
    here("channel", "add-org", "GuestMSP", "--msp", str(msp))
    until_level(here, "OneMSP", "TwoMSP")
    assert here(*ask) == "text\n"


def test_the_member_that_the_commands_asked_first_is_taken_off_and_comes_back(here: Tally) -> None:
    """Another member's peer tells what is in force, and the change after it begins there."""
    removed = here("channel", "remove-org", "OneMSP")
    assert "in force since block" in removed
    here("channel", "set-batch", "--max-messages", "44")
    msp = here.network.material / "OneMSP" / "msp"
    here("channel", "add-org", "OneMSP", "--msp", str(msp))
    reaches(lambda: messages_in_a_block(here) == 44)
    (two,) = here.network.nodes_of("TwoMSP")
    (first, _) = here.network.nodes_of("OneMSP")
    here("channel", "set-anchors", "OneMSP", first.address)
    here("channel", "set-anchors", "TwoMSP", two.address)
    here(*CALL)


def test_whoever_closes_the_blocks_to_the_commands_is_told_what_is_known(here: Tally) -> None:
    guests = "/Channel/Application/Guests"
    here("channel", "set-policy", guests, "OR('GuestMSP.admin')")
    told = here("channel", "set-acl", "event/Block", guests, code=1)
    assert "was ordered, but the peer did not show it in force" in told
    reaches(lambda: here.config().acl("event/Block") == guests)
    # Whether the blocks are open again when they are asked for, chance decides.
    main(["channel", "set-acl", "event/Block", "--network", str(here.network.directory)])
    reaches(lambda: here.config().acl("event/Block") == "/Channel/Application/Readers")
    here("channel", "set-batch", "--max-messages", "45")


def messages_in_a_block(here: Tally) -> int | None:
    """Return the most that OneMSP's peer knows of; None while its last block has no such member."""
    file = here.network.directory / "followed.pb"
    fetch = ("channel", "fetch-config", "--as", "OneMSP", "--output", str(file))
    if main([*fetch, "--network", str(here.network.directory)]):
        return None
    config = Config.FromString(file.read_bytes())
    return ChannelConfig.from_config("market", config).batch.max_message_count


def reaches(true: Callable[[], bool]) -> None:
    """Return once the peer that is asked has followed as far as that."""
    deadline = monotonic() + PATIENCE_S
    while not true():
        assert monotonic() < deadline, "it never got there"


def folder_of(here: Tally, msp_id: str, path: Path) -> Path:
    """Return a folder with an administrator's keys and the way to a peer, and nothing else."""
    profile = json.loads(here.network.profile(msp_id, "admin").read_text())
    shutil.copytree(here.network.user_material(msp_id, "admin") / "msp", path / "msp")
    shutil.copy(here.network.directory / "profiles" / profile["tls_ca"], path / "tls-ca.crt")
    certificate = next((path / "msp" / "signcerts").iterdir()).name
    own = {"tls_ca": "tls-ca.crt", "certificate": f"msp/signcerts/{certificate}"}
    own |= {"key": "msp/keystore/priv_sk"}
    (path / "me.json").write_text(json.dumps(profile | own))
    return path


def test_administrators_who_share_only_files_change_a_channel(
    here: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """wire.md §8.1, §15.4: three of four are a majority."""
    one, two, three = (folder_of(here, msp_id, tmp_path / msp_id) for msp_id in PEERS)

    monkeypatch.chdir(one)
    sequence = propose("OneMSP")
    for folder in (two, three):
        shutil.copy("update.pb", folder)
    shutil.copy("config.pb", two)

    monkeypatch.chdir(two)
    explained = tally("policy", "explain-update", "update.pb", "--config", "config.pb")
    assert "  ✓ OneMSP admin@one.example\n" in explained
    needs = "It still needs (2 of 'GuestMSP.admin', 'ThreeMSP.admin', 'TwoMSP.admin').\n"
    assert explained.endswith(needs)
    tally("channel", "sign", "update.pb", "--as", "TwoMSP", "--msp", "msp")

    monkeypatch.chdir(three)
    tally("channel", "sign", "update.pb", "--as", "ThreeMSP", "--msp", "msp")

    monkeypatch.chdir(one)
    assert "has 2 signatures" in tally("channel", "collect", "update.pb", str(two / "update.pb"))
    explained = tally("policy", "explain-update", "update.pb", "--profile", "me.json")
    assert explained.endswith("It still needs ('GuestMSP.admin' or 'ThreeMSP.admin').\n")
    refused = tally("channel", "submit", "update.pb", "--profile", "me.json", code=1)
    assert "2 sub-policies were satisfied, but this policy requires 3" in refused
    assert "has 3 signatures" in tally("channel", "collect", "update.pb", str(three / "update.pb"))
    explained = tally("policy", "explain-update", "update.pb", "--profile", "me.json")
    assert explained.endswith("It has what it needs: submit it.\n")
    tally("channel", "submit", "update.pb", "--profile", "me.json")
    assert here.config().sequence == sequence + 1


def propose(msp_id: str) -> int:
    """Write an update and sign it; return the sequence of the configuration that it changes."""
    tally("channel", "fetch-config", "--profile", "me.json", "--output", "config.pb")
    config = Config.FromString(Path("config.pb").read_bytes())
    wanted = with_policy("market", config, "/Channel/Application/Heads", "OR('TwoMSP.admin')")
    Path("wanted.pb").write_bytes(wanted.SerializeToString())
    files = ("config.pb", "wanted.pb", "--output", "update.pb")
    tally("channel", "update", *files, "--channel", "market")
    tally("channel", "sign", "update.pb", "--as", msp_id, "--msp", "msp")
    return config.sequence


class PowerCut(BaseException):
    """Ends a command as a crash would: nothing is cleaned up."""


def cut(*_: object) -> None:
    raise PowerCut


async def half(administrator: Administrator, genesis: bytes, channel_id: str) -> None:
    """Let the first of an organisation's peers join, and no other."""
    await replace(administrator, endorsers=administrator.endorsers[:1]).join(genesis)
    raise PowerCut(channel_id)


@pytest.mark.parametrize(
    ("channel_id", "step"),
    [
        pytest.param("crash1", "channel_create._join_orderer", id="before the orderer joins"),
        pytest.param("crash2", "channel_create.Access", id="before a peer joins"),
        pytest.param("crash3", "Administrator.join_missing", id="among the peers"),
        pytest.param("crash4", "channel_create.remember", id="before the directory says so"),
    ],
)
def test_a_channel_that_was_half_made_is_completed(
    here: Tally, monkeypatch: pytest.MonkeyPatch, channel_id: str, step: str
) -> None:
    create = ("channel", "create", channel_id, "--members", "OneMSP", "TwoMSP")
    with monkeypatch.context() as patched:
        if step == "Administrator.join_missing":
            patched.setattr(f"tallystick.node.cluster.administrator.{step}", half)
        else:
            patched.setattr(f"tallystick.node.cli.{step}", cut)
        with pytest.raises(PowerCut):
            here(*create)
    other = here("channel", "create", channel_id, "--members", "OneMSP", code=1)
    assert "with other members, rules or certificates" in other
    here(*create)
    grown = open_network(here.network.directory)
    channel = grown.topology.find_channel(channel_id)
    first = load_block(grown.genesis_of(channel)).header
    joined = {
        path.relative_to(grown.directory / "data").parts[0]: load_block(path).header
        for path in (grown.directory / "data").glob(f"*/channels/{channel_id}/joined.block")
    }
    members = ("OneMSP", "TwoMSP", "OrdererMSP")
    names = {node.name for msp_id in members for node in grown.nodes_of(msp_id)}
    assert joined.keys() == names
    assert all(header == first for header in joined.values())
    assert "height      1\n" in here("channel", "info", "--channel", channel_id, "--as", "TwoMSP")
    assert "there is a channel" in here(*create, code=1)


def test_two_channels_keep_their_states_apart(here: Tally) -> None:
    told = here("channel", "create", "bonds", "--members", "OneMSP", "TwoMSP")
    first = f"{here.network.directory}/genesis-bonds.block"
    assert f"{first}; members elsewhere: tally channel join genesis-bonds.block\n" in told
    assert told.endswith("tally chaincode approve NAME --package-id ID --channel bonds\n")
    assert load_block(Path(first)).header.number == 0
    at = ("--channel", "bonds")
    source = str(here.network.directory.parent)
    package = f"{source}/notes.tar.gz"
    what = ("notes:Notes", "--source", source, "--label", "notes_2.0", "--output", package)
    tally("chaincode", "package", *what)
    for msp_id in ("OneMSP", "TwoMSP"):
        name = here("chaincode", "install", package, "--as", msp_id).strip()
        here("chaincode", "approve", "notes", "--package-id", name, "--as", msp_id, *at)
    until_level(here, "OneMSP", "TwoMSP", channel_id="bonds")  # each knows of both approvals
    here("chaincode", "commit", "notes", "--as", "OneMSP", *at)
    put = ("invoke", "notes", "put", "k")
    here(*put, "on bonds", "--as", "OneMSP", *at)
    here(*put, "on the market", "--as", "TwoMSP")
    here("cluster", "restart", "OneMSP", "OrdererMSP")
    for channel_id in ("bonds", "market"):
        until_level(here, "OneMSP", "TwoMSP", channel_id=channel_id)
    for msp_id in ("OneMSP", "TwoMSP"):
        ask = ("query", "notes", "get", "k", "--as", msp_id)
        assert here(*ask, *at) == "on bonds\n"
        assert here(*ask, "--channel", "market") == "on the market\n"
    assert "bonds" in here("channel", "list", "--as", "OneMSP")
    assert "bonds" not in here("channel", "list", "--as", "ThreeMSP")
    here("query", "notes", "get", "k", "--as", "ThreeMSP", *at, code=1)
    heights = {
        channel_id: here("channel", "info", "--as", "OneMSP", "--channel", channel_id)
        for channel_id in ("bonds", "market")
    }
    assert heights["bonds"] != heights["market"]
