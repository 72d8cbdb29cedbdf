"""What administrators do without any node: certificates, authorities, signatures on files."""

import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_signing import unsigned_update, update_in
from tallystick.node.cli import channel_update
from tallystick.node.cli.main import main
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.topology import default_topology
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.process import load_block
from tallystick.protos.common.common_pb2 import Envelope, SignatureHeader
from tallystick.protos.common.configtx_pb2 import Config, ConfigUpdate
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig

NOW_NS = 1_780_000_000_000_000_000
Tally = Callable[..., str]
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    directory = tmp_path_factory.mktemp("network")
    return create_network(default_topology(), directory, Founding(NOW_NS, bytes(24)))


@pytest.fixture
def tally(capsys: pytest.CaptureFixture[str]) -> Tally:
    def run(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(words) == code, capsys.readouterr()
        shown = capsys.readouterr()
        return shown.err if code else shown.out

    return run


def authorities(network: Network, msp_id: str) -> int:
    """Return how many authorities an organisation's folder for channels names."""
    msp = network.material / msp_id / "msp"
    return len(FabricMSPConfig.FromString(msp_config_from_directory(msp, msp_id).config).root_certs)


def test_authorities_are_replaced_in_three_steps(network: Network, tally: Tally) -> None:
    at = ("--network", str(network.directory))
    told = tally("crypto", "new-authorities", "BankMSP", *at)
    assert "Next: tally channel set-msp BankMSP --msp " in told
    assert authorities(network, "BankMSP") == 2
    early = tally("crypto", "drop-authorities", "BankMSP", *at, code=1)
    assert "renew it with `tally crypto renew BankMSP admin@bank.example`" in early
    renewed = tally("crypto", "renew", "BankMSP", *at)
    for name in ("admin@bank.example", "client@bank.example"):
        assert f"{name} has new certificates, valid until 20" in renewed
    tally("crypto", "drop-authorities", "BankMSP", *at)
    assert authorities(network, "BankMSP") == 1


def test_who_is_not_there_has_no_certificate_to_renew(
    outcome: Outcome, network: Network, tally: Tally
) -> None:
    at = ("--network", str(network.directory))
    with outcome.leaves(files(network.directory)):
        told = tally("crypto", "renew", "BankMSP", "nobody@bank.example", *at, code=1)
    outcome.saw(told)
    assert "BankMSP has no such node or user, only admin@bank.example, client@bank" in told
    assert "there is no 'NoMSP' in this" in tally("crypto", "renew", "NoMSP", *at, code=1)


def test_who_names_nobody_acts_for_the_first_organisation_that_runs_a_peer(
    tally: Tally, tmp_path: Path
) -> None:
    default = default_topology()
    other_order = default.model_copy(update={"organizations": default.organizations[::-1]})
    network = create_network(other_order, tmp_path / "network", Founding(NOW_NS, bytes(24)))
    file = tmp_path / "update.pb"
    file.write_bytes(unsigned_update(ConfigUpdate(channel_id="securities")).SerializeToString())
    tally("channel", "sign", str(file), "--network", str(network.directory))
    (signature,) = update_in(Envelope.FromString(file.read_bytes())).signatures
    header = SignatureHeader.FromString(signature.signature_header)
    assert SerializedIdentity.FromString(header.creator).mspid == "TransferAgentMSP"


def test_signatures_are_collected_for_one_update_only(
    outcome: Outcome, network: Network, tally: Tally, tmp_path: Path
) -> None:
    msp = str(network.user_material("IssuerMSP", "admin") / "msp")
    updates = [str(tmp_path / f"{number}.pb") for number in range(2)]
    for number, file in enumerate(updates):
        update = ConfigUpdate(channel_id="securities", isolated_data={"a": bytes((number,))})
        Path(file).write_bytes(unsigned_update(update).SerializeToString())
    copy = tmp_path / "copy.pb"
    copy.write_bytes(Path(updates[0]).read_bytes())
    tally("channel", "sign", str(copy), "--as", "IssuerMSP", "--msp", msp)
    assert "has 1 signatures" in tally("channel", "collect", updates[0], str(copy))
    with outcome.leaves(files(tmp_path)):
        other = tally("channel", "collect", updates[1], str(copy), code=1)
    outcome.saw(other)
    assert "signatures of another update cannot be added to this one" in other


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param(
            "Orderer/Admins",
            [
                r"policy /Channel/Admins asks for more than the channel has: nobody can ever change"
                r" the \d+ entries that it guards",
                r"there is no policy /Channel/Orderer/Admins: nobody can ever change the \d+"
                r" entries that it guards",
            ],
            id="nobody could undo it",
        ),
        pytest.param(
            "Application/Writers",
            ["there is no policy /Channel/Application/Writers: nobody satisfies it"],
            id="it can be undone",
        ),
    ],
)
def test_an_update_after_which_nobody_satisfies_a_policy_is_written_with_a_warning(
    network: Network,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    path: str,
    told: list[str],
) -> None:
    genesis = ChannelConfig.from_block(load_block(network.genesis_block)).config
    old, new = tmp_path / "old.pb", tmp_path / "new.pb"
    old.write_bytes(genesis.SerializeToString())
    group, policy = path.split("/")
    del genesis.channel_group.groups[group].policies[policy]
    new.write_bytes(genesis.SerializeToString())
    output = ("--channel", "securities", "--output", str(tmp_path / "update.pb"))
    assert main(("channel", "update", str(old), str(new), *output)) == 0
    warnings = capsys.readouterr().err.splitlines()
    for warning, problem in zip(warnings, told, strict=True):
        assert re.fullmatch(
            rf"warning: after this update {problem}\. Orderers and peers take it all the same: do"
            " not sign it unless that is what you want",
            warning,
        )
    assert main(("channel", "update", str(new), str(old), *output)) == 0
    assert capsys.readouterr().err == ""


@dataclass(frozen=True, slots=True)
class EditsOnly:
    """Edits a channel's configuration, and neither signs nor sends anything."""

    channel_id: str
    in_force: Config

    async def config(self) -> Config:
        return self.in_force

    async def change(self, edit: Callable[[Config], Config], _: object) -> int:
        assert edit(self.in_force) != self.in_force
        sys.stderr.write("signed and sent\n")
        return 7


@pytest.mark.parametrize(
    ("rule", "warned"),
    [
        ("OR('GoneMSP.admin')", "policy /Channel/Application/Admins asks for more"),
        ("OR('BankMSP.admin')", ""),
    ],
)
def test_who_sets_a_policy_that_nobody_satisfies_is_warned_before_it_is_signed(
    network: Network, capsys: pytest.CaptureFixture[str], monkeypatch: Patch, rule: str, warned: str
) -> None:
    genesis = ChannelConfig.from_block(load_block(network.genesis_block)).config

    @asynccontextmanager
    async def governance(*_: object) -> AsyncIterator[tuple[EditsOnly, Network]]:
        yield EditsOnly("securities", genesis), network

    monkeypatch.setattr(channel_update, "_governance", governance)
    at = ("--network", str(network.directory))
    assert main(("channel", "set-policy", "/Channel/Application/Admins", rule, *at)) == 0
    *warnings, sent = capsys.readouterr().err.splitlines()
    assert sent == "signed and sent"
    assert bool(warnings) == bool(warned)
    for each in warnings:
        assert each.startswith("warning: after this update ")
        assert each.endswith("Orderers and peers take it all the same")
    assert warned in "".join(warnings)


def test_a_key_in_a_token_signs_no_update_of_a_channel(
    outcome: Outcome, network: Network, tally: Tally, tmp_path: Path
) -> None:
    profile = json.loads(network.profile("ATSMSP").read_text())
    profile["key"] = {"library": "softhsm.so", "token": "t", "pin_env": "PIN"}
    path = tmp_path / "me.json"
    path.write_text(json.dumps(profile))
    update = tmp_path / "update.pb"
    update.write_bytes(unsigned_update(ConfigUpdate(channel_id="securities")).SerializeToString())
    with outcome.leaves(files(tmp_path)):
        told = tally("channel", "submit", str(update), "--profile", str(path), code=1)
    outcome.saw(told)
    assert "is in a token: updates of a channel are signed with keys in files" in told
