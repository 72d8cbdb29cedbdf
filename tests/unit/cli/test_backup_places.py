"""Where copies are put: apart, also on disks of their own, and free to be tried again."""

import argparse
import asyncio
import shutil
from pathlib import Path

import pytest
from tests.unit.peer_files import KEYS, SETTINGS

from tallystick.node.cli.backup.commands import backup, restore
from tallystick.node.cli.backup.errors import (
    NotApartError,
    OccupiedError,
    RemovedMeanwhileError,
)
from tallystick.node.cli.backup.files import copy_data, read_manifest
from tallystick.node.cli.backup.places import RESTORING, check_apart, check_vacant, putting_back
from tallystick.node.process import DataInUseError, holding

PRIVATE = "channels/market/private"
DATA = (PRIVATE, "chaincode/notes.tar.gz", "snapshots/completed/market/7/public")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A peer's folder: its settings, keys and data."""
    folder = tmp_path / "node"
    for name in (*KEYS, *(f"data/{each}" for each in DATA)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "node.toml").write_text(SETTINGS)
    return folder


def saving(node: Path, to: Path, keys: Path | None = None) -> None:
    backup(argparse.Namespace(config=node / "node.toml", to=to, keys=keys))


def restoring(node: Path, source: Path, keys: Path | None = None) -> None:
    options = argparse.Namespace(
        config=node / "node.toml", source=source, keys=keys, profile=None, newest=False
    )
    asyncio.run(restore(options))


@pytest.fixture
def copy(node: Path, tmp_path: Path) -> Path:
    """A backup, after which the machine was lost but for the settings."""
    saving(node, tmp_path / "copy", tmp_path / "vault")
    for name in ("data", "msp", "tls"):
        shutil.rmtree(node / name)
    return tmp_path / "copy"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def a_disk_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a root of a disk: it can be neither removed nor renamed, and nothing comes by a link."""
    (place / "lost+found").mkdir(parents=True)
    rmdir, rename = Path.rmdir, Path.rename

    def busy(path: Path) -> None:
        assert path != place, "Device or resource busy"
        rmdir(path)

    def moved(path: Path, target: Path) -> Path:
        assert target != place, "Device or resource busy"
        assert path.is_relative_to(place) == target.is_relative_to(place), "cross-device link"
        return rename(path, target)

    monkeypatch.setattr(Path, "rmdir", busy)
    monkeypatch.setattr(Path, "rename", moved)


def test_a_node_is_put_back_on_a_fresh_disk_of_its_own(
    node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_disk_at(node / "data", monkeypatch)
    restoring(node, copy, copy.with_name("vault"))
    assert names(node / "data") == sorted(DATA)
    assert sorted(path.name for path in (node / "data").iterdir()) == [
        "chaincode", "channels", "lost+found", "snapshots",
    ]  # fmt: skip
    assert [(node / name).read_text() for name in KEYS] == list(KEYS)
    assert not list(node.glob("data?*")), "nothing beside it"


def test_a_backup_may_be_a_disk_of_its_own(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_disk_at(tmp_path / "disk", monkeypatch)
    (tmp_path / "disk" / "lost+found" / "#12").write_text("found by fsck")
    saving(node, tmp_path / "disk")
    assert set(read_manifest(tmp_path / "disk").files) == {f"data/{name}" for name in DATA}


def test_data_on_a_disk_of_somebody_else_are_closed_to_others(
    node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node / "data").mkdir()
    chmod = Path.chmod

    def forbidding(path: Path, mode: int) -> None:
        if path == node / "data":
            raise PermissionError(path)
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", forbidding)
    restoring(node, copy)
    assert {path.stat().st_mode & 0o777 for path in (node / "data").iterdir()} == {0o700}


@pytest.mark.parametrize("place", ["tallystick.node.cli.backup.commands.opened_heights",
                                   "tallystick.node.cli.backup.keys.sync_tree",
                                   "tallystick.node.cli.backup.places.sync_tree",
                                   "tallystick.node.cli.backup.places._move"])  # fmt: skip
def test_a_restore_that_failed_is_tried_again_by_the_same_command(
    node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (node / "data").mkdir()

    def failing(*_: object) -> None:
        raise OSError("the disk has gone")

    with monkeypatch.context() as patched:
        patched.setattr(place, failing)
        with pytest.raises(OSError, match="the disk has gone"):
            restoring(node, copy, copy.with_name("vault"))
    if not place.endswith("_move"):
        assert [*(node / "data").iterdir()] == [], "private values stay behind"
    restoring(node, copy, copy.with_name("vault"))
    assert names(node / "data") == sorted(DATA)
    assert [(node / name).read_text() for name in KEYS] == list(KEYS)


@pytest.mark.parametrize("made", ["data", "disk/nodes/data"])
def test_a_restore_that_failed_leaves_no_folder_behind(
    node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    (node / "node.toml").write_text(SETTINGS.replace('"data"', f'"{made}"'))
    before = sorted(node.rglob("*"))

    def failing(*_: object) -> None:
        raise OSError("no peer answers")

    monkeypatch.setattr("tallystick.node.cli.backup.commands.opened_heights", failing)
    with pytest.raises(OSError, match="no peer answers"):
        restoring(node, copy)
    assert sorted(node.rglob("*")) == before


def crash_after(renames: int, node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a restore end like a machine without power, when so many folders were moved."""
    left = renames
    rename = Path.rename

    def crashing(path: Path, target: Path) -> Path:
        nonlocal left
        if path.parent.name == RESTORING:
            if not left:
                raise KeyboardInterrupt
            left -= 1
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crashing)
        with pytest.raises(KeyboardInterrupt):
            restoring(node, copy)


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_restore_that_crashed_while_folders_were_moved_has_no_channel_and_is_tried_again(
    node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    crash_after(renames, node, copy, monkeypatch)
    assert not (node / "data" / "channels").exists(), "a node would start on some of its channels"
    assert len(list((node / "data").glob("[!.]*"))) == renames
    copy_data(node / "data", node / "second")
    assert RESTORING not in {path.name for path in (node / "second").iterdir()}
    restoring(node, copy)
    assert names(node / "data") == sorted(DATA)
    assert not (node / "data" / RESTORING).exists()


@pytest.mark.parametrize("name", ["channels/market/blocks", "chaincode/other", DATA[1]])
def test_what_a_node_wrote_after_a_restore_that_crashed_is_not_overwritten(
    node: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    crash_after(2, node, copy, monkeypatch)
    path = node / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("the node's own")
    with pytest.raises(OccupiedError):
        restoring(node, copy)
    assert path.read_text() == "the node's own"


def test_a_restore_leaves_a_node_alone_that_runs_on_an_empty_folder(node: Path, copy: Path) -> None:
    with holding(node / "data"), pytest.raises(DataInUseError):
        restoring(node, copy)
    assert not names(node / "data")


def test_data_that_came_after_a_first_look_are_not_overwritten(node: Path, copy: Path) -> None:
    (node / "data" / "channels").mkdir(parents=True)
    with pytest.raises(OccupiedError), putting_back(copy / "data", node / "data"):
        pass
    assert not names(node / "data")


def test_keys_of_another_node_are_refused_before_any_data_are_copied(
    node: Path, copy: Path
) -> None:
    (node / "msp").mkdir()
    (node / "msp" / "another").write_text("key")
    with pytest.raises(OccupiedError, match="msp is there already"):
        restoring(node, copy, copy.with_name("vault"))
    assert not (node / "data").exists()


@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "no folder"])
def test_a_backup_that_fails_leaves_nothing_and_is_tried_again(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    to, keys = tmp_path / "to", tmp_path / "keys"
    if there:
        (to / "lost+found").mkdir(parents=True)
        keys.mkdir()
    before = sorted(tmp_path.rglob("*"))

    def failing(source: Path, target: Path) -> None:
        copy_data(source, target)
        raise RemovedMeanwhileError(source)

    with monkeypatch.context() as patched:
        patched.setattr("tallystick.node.cli.backup.commands.copy_data", failing)
        with pytest.raises(RemovedMeanwhileError, match="make another one"):
            saving(node, to, keys)
    assert sorted(tmp_path.rglob("*")) == before
    saving(node, to, keys)
    assert read_manifest(to).node == "the peer of OneMSP"


def test_a_backup_that_finds_a_place_occupied_removes_nothing(node: Path, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "key").write_text("of another node")
    before = names(tmp_path)
    with pytest.raises(OccupiedError, match="vault is there already"):
        saving(node, tmp_path / "to", tmp_path / "vault")
    assert names(tmp_path) == before
    assert not (tmp_path / "to").exists()


def test_a_backup_that_was_killed_is_told_from_one_that_is_whole(
    node: Path, tmp_path: Path
) -> None:
    saving(node, tmp_path / "to")
    with pytest.raises(OccupiedError, match="is there already"):
        saving(node, tmp_path / "to")
    (tmp_path / "to" / "backup.json").rename(tmp_path / "to" / "backup.json.draft")
    with pytest.raises(OccupiedError, match=r"no backup\.json, as a backup that was interrupted"):
        saving(node, tmp_path / "to")


@pytest.mark.parametrize(
    ("to", "keys"),
    [
        pytest.param("copy", "copy", id="keys are to be in the backup"),
        pytest.param("copy", "copy/keys", id="keys are to be in a folder of the backup"),
        pytest.param("vault/copy", "vault", id="the backup is to be among the keys"),
        pytest.param("link/copy", "vault", id="the backup is to be among the keys by a link"),
        pytest.param("node/data/copy", None, id="the backup is to be in the data"),
        pytest.param("copy", "node/data/../data/keys", id="keys are to be in the data"),
        pytest.param("node", None, id="the data are in the backup"),
    ],
)
def test_data_their_backup_and_keys_must_be_apart(
    node: Path, tmp_path: Path, to: str, keys: str | None
) -> None:
    (tmp_path / "link").symlink_to("vault")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NotApartError, match="must be apart; name another place"):
        saving(node, tmp_path / to, None if keys is None else tmp_path / keys)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["--to", "--keys"])
@pytest.mark.parametrize("place", ["copy/inner", "copy/data/inner", "link/inner"])
def test_nothing_is_put_into_a_backup_which_could_not_be_restored_then(
    node: Path, tmp_path: Path, name: str, place: str
) -> None:
    saving(node, tmp_path / "copy")
    (tmp_path / "link").symlink_to("copy")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NotApartError, match=f"^{name} .*/inner is in the backup .*/copy, .* place"):
        saving(node, *[tmp_path / place] if name == "--to" else [tmp_path / "b", tmp_path / place])
    assert sorted(tmp_path.rglob("*")) == before


def test_beside_a_file_that_only_has_the_name_of_a_manifest_there_is_room(
    node: Path, tmp_path: Path
) -> None:
    (tmp_path / "backup.json").write_text('{"of": "another program"}')
    saving(node, tmp_path / "copy")
    assert read_manifest(tmp_path / "copy").node == "the peer of OneMSP"


def test_folders_whose_names_begin_alike_are_apart(tmp_path: Path) -> None:
    check_apart({"--to": tmp_path / "copy", "--keys": tmp_path / "copy-keys"})


def test_the_root_of_an_empty_disk_is_vacant(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    check_vacant(tmp_path)
