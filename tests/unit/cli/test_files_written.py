"""Files that commands write: whole, or as they were when the disk is full."""

import argparse
import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.scenarios.outcome import files

from tallystick.client.network import Network as Channel
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_signing import unsigned_update, update_in
from tallystick.node.cli import proof
from tallystick.node.cli.main import main
from tallystick.node.cli.output import write_file
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.topology import default_topology
from tallystick.node.process import load_block
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.common.configtx_pb2 import ConfigUpdate

NOW_NS = 1_780_000_000_000_000_000
FULL = "No space left on device"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    directory = tmp_path_factory.mktemp("network")
    return create_network(default_topology(), directory, Founding(NOW_NS, bytes(24)))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what fills the disk."""

    def full(_: int) -> None:
        raise OSError(28, FULL)

    return lambda: monkeypatch.setattr(os, "fsync", full)


@dataclass
class Updates:
    """Two copies of one update, each signed by an administrator of its own."""

    network: Network
    directory: Path

    @property
    def paths(self) -> tuple[Path, Path]:
        return self.directory / "update.pb", self.directory / "copy.pb"

    def write(self) -> None:
        update = ConfigUpdate(channel_id="securities", isolated_data={"a": b"b"})
        for path, msp_id in zip(self.paths, ("IssuerMSP", "ATSMSP"), strict=True):
            path.write_bytes(unsigned_update(update).SerializeToString())
            assert main(self.sign(path, msp_id)) == 0

    def sign(self, path: Path, msp_id: str) -> tuple[str, ...]:
        msp = self.network.user_material(msp_id, "admin") / "msp"
        return ("channel", "sign", str(path), "--as", msp_id, "--msp", str(msp))


@pytest.fixture
def updates(network: Network, tmp_path: Path) -> Updates:
    updates = Updates(network, tmp_path)
    updates.write()
    return updates


def signatures(path: Path) -> int:
    return len(update_in(Envelope.FromString(path.read_bytes())).signatures)


@pytest.mark.parametrize("command", ["sign", "collect"])
def test_a_full_disk_leaves_an_update_with_the_signatures_that_it_has(
    updates: Updates,
    full_disk: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    update, copy = updates.paths
    words = updates.sign(update, "BankMSP")
    if command == "collect":
        words = ("channel", "collect", str(update), str(copy))
    capsys.readouterr()
    full_disk()
    before = files(updates.directory).read()
    assert main(words) == 1
    told = capsys.readouterr().err
    assert told == f"tally: {update} cannot be used: {FULL}\n"
    assert files(updates.directory).read() == before
    assert signatures(update) == 1


def test_signatures_are_added_where_there_is_room(updates: Updates) -> None:
    update, copy = updates.paths
    update.chmod(0o640)
    assert main(("channel", "collect", str(update), str(copy))) == 0
    assert main(updates.sign(update, "BankMSP")) == 0
    assert signatures(update) == 3
    assert update.stat().st_mode & 0o777 == 0o640
    assert sorted(updates.directory.iterdir()) == [copy, update]


@pytest.mark.parametrize("command", ["update", "genesis", "package"])
def test_what_a_full_disk_has_no_room_for_leaves_no_half_file(
    network: Network,
    tmp_path: Path,
    full_disk: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    output = tmp_path / "output"
    config = ChannelConfig.from_block(load_block(network.genesis_block)).config
    configs = [tmp_path / name for name in ("original", "updated")]
    for path in configs:
        path.write_bytes(config.SerializeToString())
        config.channel_group.groups["Application"].policies.clear()
    words = {
        "update": ("channel", "update", *map(str, configs), "--channel", "securities"),
        "genesis": ("channel", "genesis", "--material", str(network.material)),
        "package": ("chaincode", "package", "--type", "external", "--label", "notes_1.0"),
    }[command]
    full_disk()
    assert main((*words, "--output", str(output))) == 1
    assert capsys.readouterr().err == f"tally: {output} cannot be used: {FULL}\n"
    assert sorted(tmp_path.iterdir()) == configs


def test_a_proof_for_which_there_is_no_room_leaves_no_half_file(
    tmp_path: Path, full_disk: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made(*_: object) -> tuple[SimpleNamespace, None]:
        return SimpleNamespace(to_text=lambda: "{}"), None

    monkeypatch.setattr(proof, "proof_of", made)
    monkeypatch.setattr(proof, "proven", lambda *_: None)
    monkeypatch.setattr(proof, "lines_of", lambda _: ())
    unasked = cast("Channel", None)
    output = tmp_path / "proof.json"
    options = argparse.Namespace(witnesses=None, output=output)
    full_disk()
    with pytest.raises(OSError, match=FULL) as refusal:
        asyncio.run(proof._write(unasked, "1", options))
    assert refusal.value.filename == str(output)
    assert not [*tmp_path.iterdir()]


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"old")
    link.symlink_to(file)
    write_file(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write_file(Path(f"/dev/fd/{writing}"), b"content")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"content"
    with pytest.raises(OSError, match=FULL) as refusal:
        write_file(Path("/dev/full"), b"content")
    assert refusal.value.filename == "/dev/full"
    with pytest.raises(IsADirectoryError) as refusal:
        write_file(tmp_path, b"content")
    assert refusal.value.filename == str(tmp_path)
