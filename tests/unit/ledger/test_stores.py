"""What single key-value stores do beyond the port."""

import errno
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import plyvel
import pytest
from tests.scenarios.outcome import Outcome, State, files

from tallystick.node.ledger import leveldb, sqlite
from tallystick.node.ledger.key_value_store import (
    MAPPED_BYTES,
    WRITE_BUFFER_BYTES,
    OpenStore,
    StoreKind,
    StoreUnavailableError,
    open_store,
)
from tallystick.node.ledger.leveldb import TABLE_BYTES, LevelDbStore
from tallystick.node.settings import NodeSettings


def test_leveldb_says_what_to_do_where_it_is_not_installed(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome.fault = "the settings choose the leveldb store, and it is not installed"
    monkeypatch.setattr(leveldb, "plyvel", None)
    with outcome.refuses(
        StoreUnavailableError, leaves=files(tmp_path), match="install plyvel, or choose sqlite"
    ) as failure:
        open_store("leveldb", tmp_path)
    assert (failure.value.kind, failure.value.directory) == ("leveldb", tmp_path)


def test_a_leveldb_directory_belongs_to_one_process(tmp_path: Path) -> None:
    with (
        open_store("leveldb", tmp_path),
        pytest.raises(StoreUnavailableError, match="stop that one"),
    ):
        open_store("leveldb", tmp_path)


def test_a_file_that_is_no_database_is_refused(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "store.sqlite3").write_bytes(b"no database" * 100)
    with outcome.refuses(StoreUnavailableError, leaves=files(tmp_path), match="not a database"):
        open_store("sqlite", tmp_path)


def test_sqlite_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with open_store("sqlite", tmp_path) as store:
        store.write({b"key": b"value"})
        reader = sqlite3.connect(tmp_path / "store.sqlite3")
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        reader.close()


def test_sqlite_tells_of_a_full_disk_as_the_system_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of the batch is written."""
    small = "CREATE TABLE pairs (key BLOB PRIMARY KEY, value BLOB); PRAGMA max_page_count = 4;"
    monkeypatch.setattr(sqlite, "_PREPARATION", small)
    with open_store("sqlite", tmp_path) as store:
        store.write({b"key": b"value"})
        with pytest.raises(OSError, match=r"No space left on device: .*sqlite3") as failure:
            store.write({b"key": b"other", b"large": bytes(100_000)})
        assert failure.value.errno == errno.ENOSPC
        assert (store.get(b"key"), store.get(b"large")) == (b"value", None)


def test_leveldb_tells_of_a_full_disk_as_the_system_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise plyvel.IOError(b"IO error: 000003.log: No space left on device")

    with open_store("leveldb", tmp_path) as store:
        full = SimpleNamespace(put={}.__setitem__, write=fail)
        monkeypatch.setattr(
            plyvel,
            "DB",
            lambda *_, **__: SimpleNamespace(write_batch=lambda: full, close=store.close),
        )
        with (
            pytest.raises(OSError, match=r"000003\.log: No space left on device") as failure,
            open_store("leveldb", tmp_path / "full") as other,
        ):
            other.write({b"key": b"value"})
    assert failure.value.errno == errno.ENOSPC


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files that Python has synced, by inode."""
    found: list[int] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        found.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return found


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The directories that were listed."""
    found: list[Path] = []
    glob = Path.glob

    def noted(directory: Path, pattern: str) -> Iterator[Path]:
        found.append(directory)
        return glob(directory, pattern)

    monkeypatch.setattr(Path, "glob", noted)
    return found


MORE_THAN_A_BUFFER = {b"large": random.Random(1).randbytes(20 * 1024 * 1024)}
"""Fills the buffer of a store, so that the next batch begins another log."""


def syncs_until_it_lists_no_more(store: OpenStore, listed: list[Path]) -> None:
    """Sync until the clock of the files has gone on, and the directory need not be listed."""
    for number in range(2_000):
        store.write({b"key": number.to_bytes(4)})
        before = len(listed)
        store.sync()
        if len(listed) == before:
            return
    pytest.fail("each sync lists the directory")


@pytest.mark.parametrize("begins_with", ["the sync", "a batch", "a batch, and once more"])
@pytest.mark.parametrize("is_listed_no_more", [False, True])
def test_leveldb_syncs_what_is_in_an_earlier_log_too(
    tmp_path: Path,
    synced: list[int],
    listed: list[Path],
    begins_with: str,
    *,
    is_listed_no_more: bool,
) -> None:
    with open_store("leveldb", tmp_path) as store:
        if is_listed_no_more:
            syncs_until_it_lists_no_more(store, listed)
        (log,) = tmp_path.glob("*.log")
        number = log.stat().st_ino
        store.write(MORE_THAN_A_BUFFER)
        if begins_with != "the sync":
            store.write({b"small": b"value"})
        if begins_with == "a batch, and once more":
            store.write(MORE_THAN_A_BUFFER)
        store.sync()
        assert number in synced or not log.exists()  # it goes once its table is on the disk


def test_leveldb_lists_its_directory_only_when_it_has_changed(
    tmp_path: Path, listed: list[Path]
) -> None:
    with open_store("leveldb", tmp_path) as store:
        syncs_until_it_lists_no_more(store, listed)
        before = len(listed)
        for number in range(100):
            store.write({b"key": number.to_bytes(4)})
            store.sync()
        assert len(listed) == before
        (tmp_path / "another").touch()
        store.sync()
        assert len(listed) == before + 1


def test_leveldb_syncs_an_earlier_log_whose_successor_came_in_the_same_tick_of_the_clock(
    tmp_path: Path, synced: list[int], listed: list[Path]
) -> None:
    """The time of the directory's last change is what it was when the directory was listed."""
    with open_store("leveldb", tmp_path) as store:
        syncs_until_it_lists_no_more(store, listed)
        tick = tmp_path.stat().st_mtime_ns + 10**12  # where the clock of the files does not come
        os.utime(tmp_path, ns=(tick, tick))
        store.sync()
        (log,) = tmp_path.glob("*.log")
        number = log.stat().st_ino
        store.write(MORE_THAN_A_BUFFER)
        store.write({b"small": b"value"})
        os.utime(tmp_path, ns=(tick, tick))
        store.sync()
        assert number in synced or not log.exists()


def test_leveldb_syncs_although_somebody_has_deleted_its_log(tmp_path: Path) -> None:
    with open_store("leveldb", tmp_path) as store:
        (log,) = tmp_path.glob("*.log")
        log.unlink()
        store.sync()
        store.write({b"key": b"value"})
        assert store.get(b"key") == b"value"


@pytest.mark.parametrize(("kind", "files"), [("leveldb", "*.ldb"), ("sqlite", "*.sqlite3")])
def test_a_damaged_store_tells_of_it_as_of_a_failing_disk(
    tmp_path: Path, kind: StoreKind, files: str
) -> None:
    rows = {number.to_bytes(4): bytes((number % 251,)) * 500 for number in range(50_000)}
    with open_store(kind, tmp_path) as store:
        store.write(rows)
    for _ in range(2):  # LevelDB moves its log into tables when it is opened
        open_store(kind, tmp_path).close()
    for file in tmp_path.glob(files):
        content = file.read_bytes()
        half = len(content) // 4
        file.write_bytes(content[:half] + b"\xff" * (2 * half) + content[3 * half :])
    with open_store(kind, tmp_path) as store:
        for read in (
            lambda: list(store.range(b"", b"")),
            lambda: list(store.snapshot().range(b"", b"")),
            lambda: store.get((25_000).to_bytes(4)),
        ):
            with pytest.raises(OSError, match=r"cannot be read .*tally ledger rebuild"):
                read()


def test_a_bit_that_the_disk_turned_in_a_value_is_an_error_and_not_another_value(
    tmp_path: Path, outcome: Outcome
) -> None:
    outcome.fault = "a disk turns a bit in the store"
    with open_store("leveldb", tmp_path) as store:
        store.write({b"key": b"value", b"other": b"untouched"})
    open_store("leveldb", tmp_path).close()  # what the log held is in a table now
    (table,) = tmp_path.glob("*.ldb")
    content = table.read_bytes()
    assert content.count(b"value") == 1
    table.write_bytes(content.replace(b"value", b"valud"))
    with open_store("leveldb", tmp_path) as store:
        for read in (
            lambda: store.get(b"key"),
            lambda: store.snapshot().get(b"key"),
            lambda: list(store.range(b"", b"")),
            lambda: list(store.snapshot().range(b"", b"")),
        ):
            with outcome.refuses(
                OSError,
                leaves=State("the file is as the disk left it", table.read_bytes),
                match=r"cannot be read .*tally ledger rebuild",
            ):
                read()


def test_a_turned_bit_that_leveldb_meets_as_it_merges_tables_is_told_to_who_writes(
    tmp_path: Path,
) -> None:
    rows = {b"row %04d" % number: bytes(50) for number in range(2_000)}
    with LevelDbStore(tmp_path, write_buffer_bytes=64 * 1024) as store:
        store.write(rows)
    LevelDbStore(tmp_path, write_buffer_bytes=64 * 1024).close()
    table = max(tmp_path.glob("*.ldb"), key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)

    def write_until_it_is_read(store: LevelDbStore) -> None:
        for number in range(300):
            store.write(dict.fromkeys(rows, b"%050d" % number))

    with (
        LevelDbStore(tmp_path, write_buffer_bytes=64 * 1024) as store,
        pytest.raises(OSError, match=r"cannot be read .*tally ledger rebuild"),
    ):
        write_until_it_is_read(store)


def test_leveldb_reads_tables_that_an_earlier_release_compressed(tmp_path: Path) -> None:
    rows = {number.to_bytes(4): bytes(100) for number in range(1_000)}
    with plyvel.DB(str(tmp_path), create_if_missing=True, compression="snappy") as database:
        for key, value in rows.items():
            database.put(key, value)
        database.compact_range()
    assert sum(table.stat().st_size for table in tmp_path.glob("*.ldb")) < 100_000 // 2
    with open_store("leveldb", tmp_path) as store:
        assert dict(store.range(b"", b"")) == rows
        assert store.get((7).to_bytes(4)) == bytes(100)


def mapped_tables(directory: Path) -> int:
    """Return how many tables of a store this process has mapped into memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sum(line.endswith(".ldb") and str(directory) in line for line in lines)


def test_leveldb_maps_no_more_of_its_tables_than_it_is_told(tmp_path: Path) -> None:
    """Each start makes a table of what the one before wrote; keys in order are never merged."""
    tables, least = 80, 64
    for number in range(tables):
        with open_store("leveldb", tmp_path) as store:
            store.write({number.to_bytes(2): b"value"})
    mapped = {}
    for mapped_bytes in (least * TABLE_BYTES, MAPPED_BYTES):
        with open_store("leveldb", tmp_path, mapped_bytes=mapped_bytes) as store:
            found = [store.get(number.to_bytes(2)) for number in range(tables)]
            assert found == [b"value"] * tables
            mapped[mapped_bytes] = mapped_tables(tmp_path)
    assert mapped[least * TABLE_BYTES] <= least < mapped[MAPPED_BYTES]
    assert len(list(tmp_path.glob("*.ldb"))) == tables, "else this tells nothing"


def test_leveldb_collects_no_more_in_memory_than_it_is_told(tmp_path: Path) -> None:
    row = bytes(1024)
    tables = {}
    for write_buffer_bytes in (64 * len(row), WRITE_BUFFER_BYTES):
        directory = tmp_path / str(write_buffer_bytes)
        with open_store("leveldb", directory, write_buffer_bytes=write_buffer_bytes) as store:
            for number in range(512):
                store.write({number.to_bytes(2): row})
            tables[write_buffer_bytes] = len(list(directory.glob("*.ldb")))
    assert tables[WRITE_BUFFER_BYTES] == 0 < tables[64 * len(row)]


def test_settings_and_stores_agree_on_what_is_mapped() -> None:
    assert NodeSettings.model_fields["store_mapped_bytes"].default == MAPPED_BYTES
