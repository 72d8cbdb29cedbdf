"""Files that outlive a crash of the machine: synced before anything relies on them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

_MODE: Final = 0o666
"""As ``open`` has it: the process's umask says which of it files get."""


def sync(path: Path) -> None:
    """Return once the bytes of a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Return once everything below ``directory``, or a file in its place, is on the disk."""
    if not directory.is_dir():
        sync(directory)
    for folder, _, names in os.walk(directory):
        for name in names:
            sync(Path(folder) / name)
        sync(Path(folder))


def replace_file(path: Path, parts: Iterable[bytes], *, mode: int = _MODE) -> None:
    """Write a file durably: after a crash it has its old content or all of ``parts``.

    Args:
        path: The file.
        parts: Its content.
        mode: Its permissions, which it has before it has content.

    Raises:
        OSError: It names ``path``. Nothing of the attempt is left.
    """
    draft = path.with_name(f"{path.name}.draft")
    with naming(path), _gone_on_failure(draft):
        draft.unlink(missing_ok=True)  # of an interrupted attempt, with permissions of its own
        with open(draft, "xb", opener=partial(os.open, mode=mode)) as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError of the block name ``path``: the system names no file when a disk is full."""
    try:
        yield
    except OSError as error:
        if error.strerror:
            error.filename = str(path)
        raise


@contextmanager
def _gone_on_failure(draft: Path) -> Iterator[None]:
    """Remove a file if the block fails; a full disk then has the room again."""
    try:
        yield
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def make_directory(directory: Path, *, mode: int = 0o777) -> None:
    """Make a directory and those above it, unless they are there; their names are durable then.

    Else a crash may forget a folder together with all that was synced in it. ``mode`` is that of
    the innermost one, as far as the process may grant it.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(mode=mode, parents=True, exist_ok=True)
    for path in reversed(missing):
        sync(path.parent)
