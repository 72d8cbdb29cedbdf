"""The directory of a network."""

import json
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files

import tallystick.node.cluster.network as network_module
from tallystick.client.profile import Profile
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster.errors import (
    DirectoryOccupiedError,
    NetworkExistsError,
    NoNetworkError,
    UnknownMemberError,
)
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import (
    Network,
    create_network,
    exists,
    open_network,
    remove_network,
)
from tallystick.node.cluster.topology import default_topology
from tallystick.node.process import load_block
from tallystick.node.settings import OrdererSettings, PeerSettings, load_settings

FOUNDING = Founding(now_ns=1_790_000_000_000_000_000, nonce=bytes(24))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return create_network(default_topology(), tmp_path_factory.mktemp("network"), FOUNDING)


def test_every_node_can_read_its_settings_and_finds_its_files(network: Network) -> None:
    for node in network.nodes:
        kind = PeerSettings if node.kind == "peer" else OrdererSettings
        settings = load_settings(kind, network.settings_file(node))
        assert settings.tls is not None
        assert settings.tls.certificate.is_file()
        assert (settings.msp.directory / "signcerts").is_dir()
        assert settings.genesis_blocks[0].is_file()
        assert settings.listen_address == node.address


def test_the_channel_names_the_nodes_and_all_organisations(network: Network) -> None:
    config = ChannelConfig.from_block(load_block(network.genesis_block))
    assert config.channel_id == "securities"
    assert config.orderer_endpoints == ("localhost:7050",)
    endpoints = {each.msp_id: each.endpoints for each in config.application}
    assert endpoints["ClearingMSP"] == ("localhost:8051",)
    assert endpoints["BankMSP"] == ()
    assert len(endpoints) == 7


@pytest.mark.parametrize("user", ["client", "admin"])
@pytest.mark.parametrize(
    "msp_id", [each.msp_id for each in default_topology().application_organizations]
)
def test_every_user_has_a_profile_whose_files_exist(
    network: Network, msp_id: str, user: str
) -> None:
    profile = Profile.load(network.profile(msp_id, user))
    assert profile.msp_id == msp_id
    assert profile.gateway == network.peer_of(msp_id).address
    assert isinstance(profile.key, Path)
    assert all(path.is_file() for path in (profile.tls_ca, profile.certificate, profile.key))


def test_no_private_key_can_be_read_by_others(network: Network) -> None:
    keys = [*network.directory.rglob("*.key"), *network.directory.rglob("priv_sk")]
    assert keys
    assert {path.stat().st_mode & 0o077 for path in keys} == {0}


def test_mutual_tls_reaches_nodes_and_profiles(tmp_path: Path) -> None:
    topology = default_topology().model_copy(update={"mutual_tls": True})
    network = create_network(topology, tmp_path, FOUNDING)
    peer = network.peer_of("ATSMSP")
    tls = load_settings(PeerSettings, network.settings_file(peer)).tls
    assert tls is not None
    assert tls.client_certificate_required
    assert [path.read_bytes() for path in tls.client_root_certificates] == [
        network.tls_roots("ATSMSP")
    ], "those of others are in the channel's configuration, and change with it"
    assert Profile.load(network.profile("BankMSP")).tls_certificate is not None


def test_a_network_can_be_opened_again_and_moved(tmp_path: Path) -> None:
    create_network(default_topology(), tmp_path / "here", FOUNDING)
    (tmp_path / "here").rename(tmp_path / "there")
    network = open_network(tmp_path / "there")
    assert network.topology == default_topology()
    peer = network.peer_of("ATSMSP")
    settings = load_settings(PeerSettings, network.settings_file(peer))
    assert settings.genesis_blocks[0].is_file()


def test_a_second_network_does_not_overwrite_the_first(outcome: Outcome, network: Network) -> None:
    with outcome.refuses(
        NetworkExistsError, leaves=files(network.directory), match="tally cluster down --remove"
    ):
        create_network(default_topology(), network.directory, FOUNDING)


def test_a_network_whose_making_was_interrupted_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(network_module, "genesis_block", interrupt)  # the keys are written by then
        with pytest.raises(KeyboardInterrupt):
            create_network(default_topology(), tmp_path, FOUNDING)
    assert not exists(tmp_path)
    create_network(default_topology(), tmp_path, FOUNDING)
    assert open_network(tmp_path).topology == default_topology()
    remove_network(open_network(tmp_path))
    assert not tmp_path.exists()


@pytest.mark.parametrize("name", ["crypto", "genesis.block"])
def test_what_others_keep_in_a_directory_is_never_taken_for_a_network(
    outcome: Outcome, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    for _ in range(2):  # a failed attempt must not make it ours
        with outcome.refuses(DirectoryOccupiedError, leaves=files(tmp_path), match=name):
            create_network(default_topology(), tmp_path, FOUNDING)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_removing_a_network_leaves_the_files_of_others(tmp_path: Path) -> None:
    network = create_network(default_topology(), tmp_path, FOUNDING)
    (tmp_path / "notes.txt").write_text("mine")
    remove_network(network)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_network_made_where_another_was_removed_has_nothing_opened_yet(tmp_path: Path) -> None:
    directory = tmp_path / "network"
    network = create_network(default_topology(), directory, FOUNDING)
    note = network.opening_note(network.topology.channel, "identity")
    note.parent.mkdir(parents=True)
    note.touch()
    remove_network(network)
    again = create_network(default_topology(), directory, FOUNDING)
    assert not again.opening_note(again.topology.channel, "identity").exists()


def test_a_missing_network_is_answered_with_how_to_make_one(
    outcome: Outcome, tmp_path: Path
) -> None:
    with outcome.refuses(NoNetworkError, leaves=files(tmp_path), match="tally cluster up"):
        open_network(tmp_path)


@pytest.mark.parametrize("name", ["peer0.ats.example", "ATSMSP"])
def test_a_node_is_found_by_host_name_or_organisation(network: Network, name: str) -> None:
    assert network.node(name).address == "localhost:7051"


@pytest.mark.parametrize("name", ["peer0", "peer9.ats.example", "BankMSP"])
def test_a_name_that_no_node_or_several_have_is_refused(
    outcome: Outcome, network: Network, name: str
) -> None:
    with outcome.refuses(
        UnknownMemberError, leaves=files(network.directory), match=r"orderer0\.orderer\.example"
    ):
        network.node(name)


def test_the_topology_file_is_plain_json(network: Network) -> None:
    document = json.loads((network.directory / "topology.json").read_text())
    assert document["channel"]["id"] == "securities"
