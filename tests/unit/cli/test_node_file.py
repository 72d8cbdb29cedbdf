"""Which kind of node a settings file is for."""

from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.conftest import ChannelMaterial

from tallystick.node.cli.node_file import (
    OtherKindOfNodeError,
    UnlikeAnyNodeError,
    load_node_settings,
    load_settings_as,
)
from tallystick.node.settings import NodeSettings, OrdererSettings, PeerSettings, SettingsError

PEER, ORDERER = "clearing/peers/peer0", "orderer/orderers/orderer0"


def settings_file(folder: Path, msp: Path, more: str = "") -> Path:
    """Write settings that would do for either kind of node, unless ``more`` are one's only."""
    path = folder / "node.toml"
    path.write_text(
        'listen_address = "localhost:7050"\ndata_directory = "data"\ntls = "off"\n'
        f'{more}[msp]\nid = "OneMSP"\ndirectory = "{msp}"\n',
        encoding="utf-8",
    )
    return path


@pytest.fixture
def msps(channel_material: ChannelMaterial) -> Path:
    return channel_material.directory


@pytest.mark.parametrize(("wanted", "node"), [(OrdererSettings, PEER), (PeerSettings, ORDERER)])
def test_a_node_is_not_started_with_the_certificate_of_the_other_kind(
    outcome: Outcome, msps: Path, tmp_path: Path, wanted: type[NodeSettings], node: str
) -> None:
    path = settings_file(tmp_path, msps / node / "msp")
    kind = "peer" if node == PEER else "orderer"
    says = rf"/msp that .*node\.toml names has a certificate for the {kind} .*`tally {kind} start"
    with outcome.refuses(OtherKindOfNodeError, leaves=files(tmp_path), match=says):
        load_settings_as(wanted, path)


@pytest.mark.parametrize(("wanted", "node"), [(OrdererSettings, ORDERER), (PeerSettings, PEER)])
def test_a_node_is_started_with_a_certificate_of_its_kind(
    msps: Path, tmp_path: Path, wanted: type[NodeSettings], node: str
) -> None:
    path = settings_file(tmp_path, msps / node / "msp")
    assert isinstance(load_settings_as(wanted, path), wanted)


@pytest.mark.parametrize("wanted", [OrdererSettings, PeerSettings])
def test_a_certificate_whose_units_say_nothing_is_let_through(
    msps: Path, tmp_path: Path, wanted: type[NodeSettings]
) -> None:
    user = settings_file(tmp_path, msps / "clearing/users/User1/msp")
    assert isinstance(load_settings_as(wanted, user), wanted)
    msp = tmp_path / "msp"  # its organisation does not go by units: there is no config.yaml
    (msp / "signcerts").mkdir(parents=True)
    for file in (msps / PEER / "msp" / "signcerts").iterdir():
        (msp / "signcerts" / file.name).write_bytes(file.read_bytes())
    assert isinstance(load_settings_as(wanted, settings_file(tmp_path, msp)), wanted)


def test_settings_of_the_other_kind_are_told_from_their_keys(
    outcome: Outcome, msps: Path, tmp_path: Path
) -> None:
    path = settings_file(tmp_path, msps / PEER / "msp", "[gateway]\nenabled = false\n")
    says = r"node\.toml has settings for the peer .*`tally peer start --config"
    with outcome.refuses(OtherKindOfNodeError, leaves=files(tmp_path), match=says):
        load_settings_as(OrdererSettings, path)


@pytest.mark.parametrize(
    "more",
    [
        'checked_packages = "checked"\n',
        "[queue]\nmax_envelopes = 1\n",
        "[gateway]\n[endorser]\n[private_data]\n[queue]\n",
    ],
    ids=["of a peer", "of an orderer", "of a peer that has a table of an orderer"],
)
def test_a_mistake_is_told_once_where_keys_tell_the_kind(tmp_path: Path, more: str) -> None:
    path = settings_file(tmp_path, tmp_path, f"store = 1\nmispelt = 1\n{more}")
    with pytest.raises(SettingsError) as told:
        load_node_settings(path)
    problems = ["store", "mispelt", *["queue"] * ("gateway" in more)]
    assert [each.partition(":")[0] for each in told.value.problems] == problems


def test_a_mistake_is_told_for_both_kinds_where_keys_are_of_both(tmp_path: Path) -> None:
    path = settings_file(tmp_path, tmp_path, "store = 1\n[gateway]\n[queue]\n")
    with pytest.raises(UnlikeAnyNodeError, match=r"(?s)a peer's .*queue.*an orderer's .*gateway"):
        load_node_settings(path)
