"""Small disks that fill up: the data of one node, on a file system of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_PIECES: Final = (1 << 20, 1 << 12, 1)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system that nothing else is on.

    Attributes:
        directory: Where it is mounted.
        ballast: A file in it, of whoever fills it.
    """

    directory: Path
    ballast: Path

    def fill(self, leave_bytes: int = 0) -> None:
        """Write until ``leave_bytes`` are free; by default, until nothing fits any more."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in _PIECES:
                while self.free_bytes >= leave_bytes + size:
                    try:
                        file.write(bytes(size))
                    except OSError:
                        break

    @property
    def free_bytes(self) -> int:
        """How much room there is."""
        return shutil.disk_usage(self.directory).free

    def make_room(self) -> None:
        """Remove what fills it."""
        self.ballast.unlink()


@contextmanager
def small_disk(directory: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Put the data of a stopped node onto a disk of its own; at the end, back with the others.

    Skips the test where nothing may be mounted.
    """
    aside = directory.with_name(f"{directory.name}.aside")
    directory.rename(aside)
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", directory],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        directory.rmdir()
        aside.rename(directory)
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        shutil.copytree(aside, directory, dirs_exist_ok=True)
        yield SmallDisk(directory, directory / "ballast")
        shutil.rmtree(aside)
        shutil.copytree(directory, aside)
    finally:
        subprocess.run(["umount", "-l", directory], check=True)
    directory.rmdir()
    aside.rename(directory)
