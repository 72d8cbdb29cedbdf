"""What is left of a store's log after a loss of power, against a plain list of batches."""

import errno
import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tallystick.node.ledger.key_value_store import StoreDamagedError
from tallystick.node.ledger.leveldb import LevelDbStore

BATCHES = 120
PAGE = 4096

Damage = Callable[[bytearray, int], bytearray]


def batch(number: int) -> dict[bytes, bytes | None]:
    """Return rows of which some replace and some delete what an earlier batch wrote."""
    chance = random.Random(number)
    rows: dict[bytes, bytes | None] = {
        b"row %03d" % chance.randrange(600): chance.randbytes(chance.randrange(3_000))
        for _ in range(5)
    }
    rows[b"row %03d" % chance.randrange(600)] = None
    rows[b"height"] = b"%d" % number
    return rows


def shown_after(batches: int) -> dict[bytes, bytes]:
    rows: dict[bytes, bytes] = {}
    for number in range(batches):
        for key, value in batch(number).items():
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
    return rows


def content(directory: Path, *, salvage: bool = False) -> dict[bytes, bytes]:
    with LevelDbStore(directory, salvage=salvage) as store:
        return dict(store.range(b"", b""))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store as it is in the midst of its work: nothing was closed."""
    folder = tmp_path_factory.mktemp("leveldb")
    with LevelDbStore(folder / "store") as store:
        for number in range(BATCHES):
            store.write(batch(number))
            if number % 10 == 0:
                store.sync()
        shutil.copytree(folder / "store", folder / "left")
    return folder / "left"


def zeros(content: bytearray, at: int) -> bytearray:
    content[at : at + PAGE] = bytes(len(content[at : at + PAGE]))
    return content


def garbage(content: bytearray, at: int) -> bytearray:
    content[at : at + PAGE] = os.urandom(len(content[at : at + PAGE]))
    return content


def turned_bit(content: bytearray, at: int) -> bytearray:
    content[at] ^= 1
    return content


def lost_end(content: bytearray, at: int) -> bytearray:
    return content[:at]


def places(size: int) -> Iterator[int]:
    """Yield places in a log: beginnings of pages, and some at chance."""
    chance = random.Random(size)
    yield from (chance.randrange(size // PAGE) * PAGE for _ in range(8))
    yield from (chance.randrange(size) for _ in range(8))


@pytest.mark.parametrize("damage", [zeros, garbage, turned_bit, lost_end])
def test_a_store_shows_all_batches_up_to_one_or_is_damaged_and_says_so(
    left: Path, tmp_path: Path, damage: Damage
) -> None:
    (log,) = left.glob("*.log")
    whole = log.read_bytes()
    damaged = 0
    for at in places(len(whole)):
        copy = shutil.copytree(left, tmp_path / str(at))
        (copy / log.name).write_bytes(damage(bytearray(whole), at))
        try:
            shown = content(copy)
        except StoreDamagedError:
            damaged += 1
            salvaged = content(copy, salvage=True)
            assert salvaged.keys() <= {key for number in range(BATCHES) for key in batch(number)}
        else:
            assert shown == shown_after(int(shown.get(b"height", b"-1")) + 1)
        shutil.rmtree(copy)
    assert damaged == 0 if damage is lost_end else damaged > 12


@contextmanager
def files_end_at_once(directory: Path) -> Iterator[None]:
    """Let the log of a store grow by no more than the first bytes of a record."""
    (log,) = directory.rglob("*.log")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("refused_bytes", [100, 100_000])
@pytest.mark.parametrize("first", [LevelDbStore.sync, lambda _: None], ids=["sync", "write"])
def test_what_follows_a_refused_write_is_there_after_a_kill(
    tmp_path: Path, refused_bytes: int, first: Callable[[LevelDbStore], None]
) -> None:
    """A record that was begun stays in the log, and LevelDB cannot read what it appends to that."""
    with LevelDbStore(tmp_path / "store") as store:
        store.write(batch(1))
        with files_end_at_once(tmp_path), pytest.raises(OSError, match="File too large"):
            store.write({b"refused": bytes(refused_bytes)})
        first(store)
        store.write(batch(2))
        store.sync()
        expected = dict(store.range(b"", b""))
        shutil.copytree(tmp_path / "store", tmp_path / "killed")
    assert b"refused" not in expected
    assert expected[b"height"] == b"2"
    assert content(tmp_path / "killed") == expected


def test_after_a_refused_write_nothing_is_written_before_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LevelDB would need it for a table, and takes no write any more where it finds none."""
    with LevelDbStore(tmp_path) as store:
        store.write(batch(1))
        with files_end_at_once(tmp_path), pytest.raises(OSError, match="File too large"):
            store.write({b"refused": b"value"})
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
            with pytest.raises(OSError, match="No space left on device") as failure:
                store.write(batch(2))
        assert failure.value.errno == errno.ENOSPC
        assert store.get(b"height") == b"1"
        store.write(batch(2))
        assert store.get(b"height") == b"2"


def test_where_leveldb_cannot_begin_a_new_log_nothing_is_written_before_it_can(
    tmp_path: Path,
) -> None:
    with LevelDbStore(tmp_path) as store:
        store.write(batch(1))
        with files_end_at_once(tmp_path), pytest.raises(OSError, match="File too large"):
            store.write({b"refused": b"value"})
        in_the_way = [tmp_path / f"{number:06}.log" for number in range(4, 20)]
        for path in in_the_way:
            path.mkdir()
        with pytest.raises(OSError, match="cannot begin a new log after a write"):
            store.write(batch(2))
        for path in in_the_way:
            path.rmdir()
        assert store.get(b"height") == b"1"
        store.write(batch(2))
        assert store.get(b"height") == b"2"
