"""What a node's operator was told is there is there after a crash of the machine."""

import argparse
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.synced import watching_syncs
from tests.unit.peer_files import KEYS, SETTINGS

from tallystick.node.cli.backup.commands import backup, restore
from tallystick.node.durable import make_directory, replace_file, sync_tree
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.renewal import OrganizationDirectory

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def write_node(directory: Path) -> Path:
    """Write a peer with keys, a store, blocks and a package; return its settings."""
    data = directory / "data"
    with open_store("leveldb", data / "channels" / "market" / "store") as store:
        store.write({b"key": b"value"})
    for path in (*(directory / name for name in KEYS), data / "chaincode" / "notes.tar.gz"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    (data / "channels" / "market" / "blocks").mkdir()
    settings = directory / "peer.toml"
    settings.write_text(SETTINGS)
    return settings


async def test_what_was_restored_outlives_a_crash(tmp_path: Path) -> None:
    config = write_node(tmp_path / "node")
    options = argparse.Namespace(
        config=config, to=tmp_path / "copy", keys=tmp_path / "vault", profile=[], newest=False
    )
    with watching_syncs() as synced:
        backup(options)
    of_the_node = [str(each) for each in (config.parent, *config.parent.rglob("*"))]
    assert sorted(synced.lost(tmp_path)) == sorted(of_the_node), "it was there before"
    for name in ("data", "msp", "tls"):
        shutil.rmtree(config.parent / name)
    options.source = options.to
    with watching_syncs() as synced:
        await restore(options)
    assert synced.lost(config.parent) == [str(config)], "it was there before"


def test_keys_outlive_a_crash_when_made_renewed_and_replaced(tmp_path: Path) -> None:
    spec = OrganizationSpec(
        "OneMSP",
        "one.example",
        peers=(NodeSpec("peer0"),),
        users=(UserSpec("Admin", NodeRole.ADMIN),),
    )
    path = tmp_path / "crypto" / "OneMSP"
    with watching_syncs() as synced:
        generate_organization(spec, path, now=NOW)
        assert not synced.lost(tmp_path / "crypto")
        directory = OrganizationDirectory(path)
        for holder in directory.holders():
            directory.renew(holder, now=NOW)
        assert not synced.lost(path)
        directory.add_authorities(now=NOW)
        assert not synced.lost(path)


def test_a_file_is_never_open_to_more_than_it_was_meant_for(tmp_path: Path) -> None:
    path = tmp_path / "key"
    (tmp_path / "key.draft").touch(mode=0o666)
    path.write_text("old")
    replace_file(path, [b"ne", b"w"], mode=0o600)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "key"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, [b"new"])
    assert path.read_text() == "old"


def test_folders_and_single_files_are_synced_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    with watching_syncs() as synced:
        make_directory(path.parent)
        assert synced.lost(tmp_path) == [str(path.parent)], "nothing is in it"
        path.write_text("content")
        assert synced.lost(path) == [str(path)]
        sync_tree(path)
        assert synced.lost(path) == []
        assert synced.lost(tmp_path / "a" / "b") == [str(path.parent)]
