"""Copies of a node's data: of one moment, whole, and never over something that is there."""

import argparse
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Literal, Self

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.peer_files import KEYS, SETTINGS

from tallystick.node.cli.backup.commands import restore
from tallystick.node.cli.backup.errors import (
    BusyStoreError,
    DamagedBackupError,
    LonelyOrdererError,
    MissingKeysError,
    NotAloneError,
    OccupiedError,
    OtherNodeError,
    RemovedMeanwhileError,
    SurplusInBackupError,
)
from tallystick.node.cli.backup.files import (
    Manifest,
    copy_data,
    digests,
    read_manifest,
    write_manifest,
)
from tallystick.node.cli.backup.keys import copy_keys, put_back_keys
from tallystick.node.cli.backup.places import check_vacant, putting_back
from tallystick.node.cli.backup.stores import copy_store
from tallystick.node.cli.node_file import UnlikeAnyNodeError, load_node_settings
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.key_value_store import OpenStore, open_store
from tallystick.node.process import holding
from tallystick.node.settings import OrdererSettings, PeerSettings, SettingsError

StoreKind = Literal["leveldb", "sqlite"]
BATCH = 50
ETCD = """
[etcd]
endpoints = ["localhost:2379"]
certificate = "c"
private_key = "k"
root_certificates = "r"
"""


@pytest.fixture
def node(tmp_path: Path) -> PeerSettings:
    for name in KEYS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    settings = load_node_settings(written(tmp_path, SETTINGS))
    assert isinstance(settings, PeerSettings)
    return settings


def written(directory: Path, text: str) -> Path:
    path = directory / "node.toml"
    path.write_text(text)
    return path


class Writer(threading.Thread):
    """Writes batches, each of which gives all keys the same new value, until stopped."""

    def __init__(self, store: OpenStore) -> None:
        super().__init__()
        self.written = 0
        self._store = store
        self._stopping = threading.Event()

    def run(self) -> None:
        for number in count(1):
            value = f"{number:08}".encode() * 500  # 200 KB: LevelDB begins new files on the way
            self._store.write({f"key{index}".encode(): value for index in range(BATCH)})
            self.written = number
            if self._stopping.is_set():
                return

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_copy_taken_while_batches_are_written_holds_no_half_of_one(
    kind: StoreKind, tmp_path: Path
) -> None:
    with open_store(kind, tmp_path / "store") as store, Writer(store) as writer:
        while not writer.written:
            pass
        for number in range(3):
            reported = writer.written
            copy = tmp_path / f"copy{number}"
            copy_store(tmp_path / "store", copy)
            assert {path.stat().st_nlink for path in copy.iterdir()} == {1}, "a file of the source"
            with open_store(kind, copy) as copied:
                values = {value for _, value in copied.range(b"", b"")}
                assert len(list(copied.range(b"", b""))) == BATCH
            assert len(values) == 1
            assert int(values.pop()[:8]) >= reported


def test_a_store_that_never_rests_is_reported_and_leaves_nothing(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome.fault = "a store is reorganised all the time while it is to be copied"
    versions = count()
    monkeypatch.setattr(
        "tallystick.node.cli.backup.stores._version", lambda _: ((), next(versions))
    )
    monkeypatch.setattr("tallystick.node.cli.backup.stores._PAUSE_S", 0)
    (tmp_path / "store").mkdir()

    with outcome.refuses(BusyStoreError, leaves=files(tmp_path), match="try again"):
        copy_store(tmp_path / "store", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    source = tmp_path / "data"
    channel = source / "channels" / "market"
    with ExitStack() as stack:
        store = stack.enter_context(open_store("leveldb", channel / "store"))
        store.write({b"key": b"value"})
        for name in ("channels/market/blocks/000000.blocks", "chaincode/notes.tar.gz"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(name)
        (source / "chaincode-keys").mkdir()
        (source / "chaincode-keys" / "client.key").write_text("secret")
        copy_data(source, tmp_path / "backup" / "data")
    write_manifest(tmp_path / "backup", manifest(tmp_path / "backup"))
    return tmp_path / "backup"


def manifest(directory: Path) -> Manifest:
    return Manifest("peer", "OneMSP", "a:1", "1.0", "2026-01-01", digests(directory))


def test_a_backup_has_store_blocks_and_packages_and_no_secrets(backup: Path) -> None:
    read = read_manifest(backup)
    assert read.node == "the peer of OneMSP"
    names = {name for name in read.files if "/store/" not in name}
    assert names == {
        "data/channels/market/blocks/000000.blocks",
        "data/chaincode/notes.tar.gz",
    }
    with open_store("leveldb", backup / "data" / "channels" / "market" / "store") as store:
        assert store.get(b"key") == b"value"


def test_nobody_but_its_owner_enters_the_data_of_a_node_or_their_copy(tmp_path: Path) -> None:
    data, copy = tmp_path / "nodes" / "data", tmp_path / "backup" / "data"
    with holding(data):
        copy_data(data, copy)
    assert [path.stat().st_mode & 0o777 for path in (data, copy)] == [0o700, 0o700]


def test_nobody_but_its_owner_enters_data_that_are_put_back(tmp_path: Path) -> None:
    copy, target = tmp_path / "backup" / "data", tmp_path / "data"
    target.mkdir(mode=0o755)
    (copy / "channels").mkdir(parents=True)
    copy.chmod(0o755)  # as it was made by an earlier release
    (copy / "channels" / "file").write_text("content")
    with putting_back(copy, target) as draft:
        assert draft.stat().st_mode & 0o777 == 0o700
    assert target.stat().st_mode & 0o777 == 0o700
    assert (target / "channels" / "file").read_text() == "content"


def test_a_backup_that_may_not_be_read_is_not_called_damaged(
    backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(backup, manifest(backup))
    scandir = os.scandir

    def forbidding(path: str | Path) -> object:
        if Path(path).name == "data":
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    with pytest.raises(PermissionError, match="data"):
        read_manifest(backup)


@pytest.mark.parametrize(
    "half_made", ["snapshots/completed/market/.7.draft", "channels/.market.joining"]
)
def test_snapshots_and_ledgers_that_are_half_made_are_not_copied(
    half_made: str, tmp_path: Path
) -> None:
    source = tmp_path / "data"
    kept = ["channels/a.draft/blocks/000000.blocks", "snapshots/completed/b.joining/7/public"]
    for name in (*kept, f"{half_made}/public", f"{half_made}/blocks/start.json"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    with open_store("leveldb", source / half_made / "store"):
        copy_data(source, tmp_path / "copy")
    copied = {path for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {tmp_path / "copy" / name for name in kept}


def test_a_file_that_is_being_replaced_is_copied_as_it_was(tmp_path: Path) -> None:
    block = tmp_path / "data" / "channels" / "market" / "joined.block"
    block.parent.mkdir(parents=True)
    for path in (block, block.with_name("joined.block.draft")):
        path.write_text(path.name)
    copy_data(tmp_path / "data", tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()] == [block.name]


Meanwhile = Callable[[Path], object]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meanwhile], None]:
    """Let something happen to a channel when its store has just been copied."""

    def between(happens: Meanwhile) -> None:
        def copy(source: Path, target: Path) -> None:
            copy_store(source, target)
            happens(source.parent)

        monkeypatch.setattr("tallystick.node.cli.backup.files.copy_store", copy)

    return between


def test_a_ledger_that_comes_into_being_after_the_stores_were_copied_is_left_out(
    tmp_path: Path, meanwhile: Callable[[Meanwhile], None]
) -> None:
    channels = tmp_path / "data" / "channels"
    for name in ("market", ".joined.joining"):
        with open_store("leveldb", channels / name / "store"):
            (channels / name / "blocks").mkdir()
            (channels / name / "blocks" / "start.json").write_text(name)
    meanwhile(lambda _: (channels / ".joined.joining").rename(channels / "joined"))
    copy_data(tmp_path / "data", tmp_path / "copy")
    assert (channels / "joined" / "store").is_dir()
    assert [path.name for path in (tmp_path / "copy" / "channels").iterdir()] == ["market"]


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_ledger_that_is_removed_after_its_store_was_copied_is_a_reason_to_begin_again(
    outcome: Outcome, tmp_path: Path, meanwhile: Callable[[Meanwhile], None], kind: StoreKind
) -> None:
    with open_store(kind, tmp_path / "data" / "channels" / "market" / "store"):
        meanwhile(shutil.rmtree)
        with outcome.refuses(
            RemovedMeanwhileError,
            leaves=files(tmp_path / "backups", "older copy"),
            match=r"market/store was removed while",
        ):
            copy_data(tmp_path / "data", tmp_path / "copy")


def test_a_file_or_a_store_that_is_gone_when_it_is_its_turn_is_a_reason_to_begin_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "package").write_text("")
    copy = shutil.copy2

    def late(source: Path, target: Path) -> None:
        source.unlink()
        copy(source, target)

    monkeypatch.setattr(shutil, "copy2", late)
    with pytest.raises(RemovedMeanwhileError, match="package was removed"):
        copy_data(tmp_path / "data", tmp_path / "copy")
    with pytest.raises(RemovedMeanwhileError, match="store was removed"):
        copy_store(tmp_path / "data" / "store", tmp_path / "store")


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        pytest.param(
            lambda folder: (folder / "backup.json").unlink(), "no backup.json", id="interrupted"
        ),
        pytest.param(
            lambda folder: (folder / "backup.json").write_text("{"), "cannot be read", id="no JSON"
        ),
        pytest.param(
            lambda folder: (folder / "backup.json").write_text('{"files": {}}'),
            "was not made by a backup",
            id="other JSON",
        ),
        pytest.param(
            lambda folder: (folder / "data/chaincode/notes.tar.gz").unlink(),
            "notes.tar.gz is missing",
            id="file gone",
        ),
        pytest.param(
            lambda folder: (folder / "data/chaincode/notes.tar.gz").write_text("x"),
            "notes.tar.gz is not what was written",
            id="file changed",
        ),
        pytest.param(
            lambda folder: (folder / "data/more").write_text("x"),
            "/backup is not restored as it is: data/more is not part of this backup: move it away",
            id="file added",
        ),
    ],
)
def test_a_backup_that_is_not_whole_is_refused(
    outcome: Outcome, backup: Path, damage: Callable[[Path], object], problem: str
) -> None:
    damage(backup)
    error = SurplusInBackupError if "not part" in problem else DamagedBackupError
    with outcome.refuses(error, leaves=files(backup), match=problem):
        read_manifest(backup)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("inner/data/package", "inner"),
        ("data/channels/other/blocks/000000.blocks", "data/channels/other"),
        ("data/chaincode/other.tar.gz", "data/chaincode/other.tar.gz"),
        ("notes", "notes"),
    ],
)
def test_what_does_not_belong_to_a_backup_is_named_as_a_whole_and_once_away_no_matter(
    backup: Path, more: str, named: str
) -> None:
    (backup / more).parent.mkdir(parents=True, exist_ok=True)
    (backup / more).write_text("")
    with pytest.raises(SurplusInBackupError, match=f": {named} is not part of this backup"):
        read_manifest(backup)
    (backup / named).rename(backup.with_name("away"))
    assert read_manifest(backup).node == "the peer of OneMSP"


def test_a_backup_that_has_changed_is_not_called_too_much(backup: Path) -> None:
    (backup / "a").write_text("")
    (backup / "data/chaincode/notes.tar.gz").write_text("x")
    with pytest.raises(DamagedBackupError, match=r"notes\.tar\.gz is not what was written"):
        read_manifest(backup)


def test_only_nothing_and_an_empty_folder_are_vacant(outcome: Outcome, tmp_path: Path) -> None:
    outcome.fault = "something is to be written to a place where there is something"
    check_vacant(tmp_path / "none")
    check_vacant(tmp_path)
    (tmp_path / "file").write_text("")
    for occupied in (tmp_path, tmp_path / "file"):
        with outcome.refuses(OccupiedError, leaves=files(tmp_path)):
            check_vacant(occupied)


def test_keys_are_copied_for_their_owner_alone_and_put_back_where_they_were(
    outcome: Outcome, node: PeerSettings, tmp_path: Path
) -> None:
    outcome.fault = "keys are to be put back where there are keys"
    vault = tmp_path / "vault"
    copy_keys(node, vault)
    assert vault.stat().st_mode & 0o777 == 0o700
    (tmp_path / "msp" / "keystore" / "sk").write_text("another key")
    with outcome.refuses(OccupiedError, leaves=files(tmp_path)):
        put_back_keys(node, vault)
    for name in KEYS:
        (tmp_path / name).unlink()
    (tmp_path / "msp" / "signcerts").rmdir()
    (tmp_path / "msp" / "keystore").rmdir()
    put_back_keys(node, vault)
    assert [(tmp_path / name).read_text() for name in KEYS] == list(KEYS)


def test_keys_that_are_missing_are_named_and_nothing_is_copied(
    outcome: Outcome, node: PeerSettings, tmp_path: Path
) -> None:
    (tmp_path / "tls" / "key.pem").unlink()
    with outcome.refuses(MissingKeysError, leaves=files(tmp_path), match=r"key\.pem"):
        copy_keys(node, tmp_path / "vault")
    assert not (tmp_path / "vault").exists()


def test_a_settings_file_is_that_of_the_node_whose_keys_it_has(
    outcome: Outcome, tmp_path: Path
) -> None:
    orderer = SETTINGS.replace("[msp]", "[queue]\nmax_envelopes = 1\n[msp]")
    assert isinstance(load_node_settings(written(tmp_path, orderer)), OrdererSettings)
    peer = SETTINGS.replace("[msp]", "[gateway]\nenabled = false\n[msp]")
    assert isinstance(load_node_settings(written(tmp_path, peer)), PeerSettings)
    misspelt = written(tmp_path, SETTINGS.replace("data_directory", "data_dir"))
    with outcome.refuses(
        SettingsError, leaves=files(tmp_path), match="data_dir: there is no such setting"
    ):
        load_node_settings(misspelt)
    both = written(tmp_path, orderer + "[gateway]\nenabled = false\n")
    with outcome.refuses(
        UnlikeAnyNodeError, leaves=files(tmp_path), match=r"queue.*(?s:.*)gateway"
    ):
        load_node_settings(both)
    outcome.keep("a settings file is that of no node")


@pytest.mark.parametrize(
    ("held", "more", "error"),
    [("BankMSP", "", OtherNodeError), ("OneMSP", "", LonelyOrdererError),
     ("OneMSP", ETCD, NotAloneError)],
    ids=["of another node", "of an orderer that orders alone", "told what another node is told"],
)  # fmt: skip
async def test_a_backup_is_restored_that_would_not_do(
    outcome: Outcome, backup: Path, held: str, more: str, error: type[LedgerError]
) -> None:
    write_manifest(backup, replace(manifest(backup), kind="orderer", msp_id=held))
    orderer = SETTINGS.replace("[msp]", "[queue]\nmax_envelopes = 1\n[msp]")
    config = written(backup.parent, orderer.replace('"data"', '"empty"') + more)
    options = argparse.Namespace(
        config=config, source=backup, keys=None, profile=None, newest=bool(more)
    )
    with outcome.refuses(error, leaves=files(backup.parent)):
        await restore(options)


@pytest.mark.parametrize(
    ("newest", "profile", "problem"),
    [
        (True, None, r"--newest is for .* settings file of a peer, .*: leave --newest out"),
        (False, [Path("p.json")], "--profile is for .* of a peer, .*: leave --profile out"),
    ],
)
async def test_a_peer_is_not_told_what_an_orderer_ordered(
    backup: Path, tmp_path: Path, *, newest: bool, profile: list[Path] | None, problem: str
) -> None:
    config = written(tmp_path, SETTINGS.replace('"data"', '"empty"'))
    options = argparse.Namespace(
        config=config, source=backup, keys=None, profile=profile, newest=newest
    )
    with pytest.raises(NotAloneError, match=problem):
        await restore(options)
    assert not (tmp_path / "empty").exists()
