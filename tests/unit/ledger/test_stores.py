"""What single key-value stores do beyond the port."""

import errno
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import plyvel
import pytest

from tallystick.node.ledger import leveldb, sqlite
from tallystick.node.ledger.key_value_store import StoreKind, StoreUnavailableError, open_store


def test_leveldb_says_what_to_do_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leveldb, "plyvel", None)
    with pytest.raises(StoreUnavailableError, match="install plyvel, or choose sqlite") as failure:
        open_store("leveldb", tmp_path)
    assert (failure.value.kind, failure.value.directory) == ("leveldb", tmp_path)


def test_a_leveldb_directory_belongs_to_one_process(tmp_path: Path) -> None:
    with (
        open_store("leveldb", tmp_path),
        pytest.raises(StoreUnavailableError, match="stop that one"),
    ):
        open_store("leveldb", tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(StoreUnavailableError, match="not a database"):
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
