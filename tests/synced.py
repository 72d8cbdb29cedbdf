"""What of the files of a test is on the disk: what a crash of the machine would leave."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

Move = Callable[[Path, Path], Path]
Version = tuple[int, int, int, int]
"""A file, or a folder and its names, as it is at one moment."""


@dataclass(slots=True)
class Synced:
    """Every version of a file or folder that was synced.

    Attributes:
        versions: They.
    """

    versions: set[Version] = field(default_factory=set)

    def lost(self, path: Path) -> list[str]:
        """Return which of the files and folders at and below a path a crash could take."""
        found = [path, *path.rglob("*")]
        return [str(each) for each in found if _version(each.stat()) not in self.versions]


@contextmanager
def watching_syncs() -> Iterator[Synced]:
    """Note all that is synced in the block, and fail where something takes a name before it is."""
    synced, fsync, moves = Synced(), os.fsync, {"rename": Path.rename, "replace": Path.replace}

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.versions.add(_version(os.fstat(descriptor)))

    def checked(move: Move) -> Move:
        def moved(path: Path, target: Path) -> Path:
            assert not synced.lost(path)
            return move(path, target)

        return moved

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", noted)
        for name, move in moves.items():
            patch.setattr(Path, name, checked(move))
        yield synced


def _version(found: os.stat_result) -> Version:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
