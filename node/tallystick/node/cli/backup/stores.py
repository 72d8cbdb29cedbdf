"""Copies of a key-value store while another process writes to it.

The copy is what the store would be after a crash at some moment during the copying.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from tallystick.node.cli.backup.errors import BusyStoreError, RemovedMeanwhileError

_SQLITE: Final = "store.sqlite3"
_CURRENT: Final = "CURRENT"
_TABLES: Final = (".ldb", ".sst")
_ATTEMPTS: Final = 200
_PAUSE_S: Final = 0.02


def is_store(directory: Path) -> bool:
    """Return whether a folder holds a store: LevelDB's, or SQLite's."""
    return (directory / _CURRENT).is_file() or (directory / _SQLITE).is_file()


def copy_store(source: Path, target: Path) -> None:
    """Copy a store into a folder that does not exist.

    Raises:
        BusyStoreError: It was reorganised as often as it was tried.
        RemovedMeanwhileError: It is gone.
        OSError: A file cannot be read or written.
    """
    if (source / _SQLITE).is_file():
        target.mkdir(parents=True)
        _copy_sqlite(source / _SQLITE, target / _SQLITE)
        return
    for _ in range(_ATTEMPTS):
        target.mkdir(parents=True)
        if _try_to_copy_leveldb(source, target):
            _own_tables(target)
            return
        shutil.rmtree(target)
        if not source.is_dir():
            raise RemovedMeanwhileError(source)
        time.sleep(_PAUSE_S)
    raise BusyStoreError(source)


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


def _try_to_copy_leveldb(source: Path, target: Path) -> bool:
    """Copy a LevelDB database; return whether it kept its files meanwhile.

    Its tables never change, its log only grows, and the cut that a copy of the log ends with is
    what LevelDB expects after a crash. Which of them count says the manifest: as long as that did
    not grow, the copy is of one moment. Tables are linked where the disk is the same, which takes
    no time in which the manifest could grow.
    """
    with suppress(FileNotFoundError):  # a file that is gone belonged to a former version
        before = _version(source)
        for name in sorted(path.name for path in source.iterdir()):
            if name.endswith(_TABLES):
                _link_or_copy(source / name, target / name)
        for name in before[0]:
            shutil.copy2(source / name, target / name)
        return _version(source) == before
    return False


def _own_tables(copy: Path) -> None:
    """Give a copy tables of its own in place of links.

    A table that was begun and is not in the copy's manifest yet has a number that whoever opens the
    copy gives to another table: with a link, that one would be written over the source's.
    """
    for path in copy.iterdir():
        if path.name.endswith(_TABLES) and path.stat().st_nlink > 1:
            draft = path.with_suffix(".draft")
            shutil.copy2(path, draft)
            draft.replace(path)


def _version(source: Path) -> tuple[Sequence[str], int]:
    """Return the names of the files that change, and the size of the manifest."""
    manifest = (source / _CURRENT).read_text(encoding="ascii").strip()
    logs = sorted(path.name for path in source.glob("*.log"))
    return [_CURRENT, manifest, *logs], (source / manifest).stat().st_size


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)
