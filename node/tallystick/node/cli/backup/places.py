"""Where copies are written: places that are vacant and apart, and are so again after a failure."""

import filecmp
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import permutations
from pathlib import Path
from typing import Final

from tallystick.node.cli.backup.errors import NotApartError, OccupiedError
from tallystick.node.durable import sync, sync_tree
from tallystick.node.ledger.snapshot_export import DRAFT
from tallystick.node.process import holding

LOST_AND_FOUND: Final = "lost+found"
"""A disk's own folder, at its root: nothing that anybody has put there."""
OWNER_ONLY: Final = 0o700
RESTORING: Final = f".restoring{DRAFT}"
"""In a node's data while they are put back; no backup has it, and ``tally doctor`` names it."""
_CHANNELS: Final = "channels"


def check_vacant(path: Path) -> None:
    """Return if nothing is at ``path``, or an empty folder, which may be the root of a disk.

    Raises:
        OccupiedError: Something is.
    """
    if any(_children(path)) if path.is_dir() else path.exists():
        raise OccupiedError(path)


def check_apart(places: Mapping[str, Path]) -> None:
    """Return if none of some folders is in another one, or the same, by whatever links.

    Args:
        places: The folders, by what an operator calls them.

    Raises:
        NotApartError: One is.
    """
    for (inner, path), (outer, other) in permutations(places.items(), 2):
        if path.resolve().is_relative_to(other.resolve()):
            raise NotApartError(f"{inner} {path}", f"{outer} {other}", path)


def check_restorable(copy: Path, target: Path) -> None:
    """Return if a node's data can be put back: none are there, or a part of these from last time.

    Raises:
        OccupiedError: Something else is there.
    """
    if not (target / RESTORING).is_dir():
        check_vacant(target)
    elif (target / _CHANNELS).exists() or not all(
        is_part(place, copy / place.name) for place in _moved(target)
    ):
        raise OccupiedError(target)


def is_part(place: Path, copy: Path) -> bool:
    """Return whether all that is at ``place``, if anything, is in ``copy`` and the same there."""
    return all(
        (copy / name).is_file() and filecmp.cmp(place / name, copy / name, shallow=False)
        for name in _names(place)
    )


@contextmanager
def emptied_on_failure(place: Path) -> Iterator[None]:
    """Let the block write to a vacant place; if it fails, that is as it was before.

    Raises:
        OccupiedError: It is not vacant.
    """
    check_vacant(place)
    with ExitStack() as failed:
        failed.callback(_empty, place, stays=place.exists())
        yield
        failed.pop_all()


@contextmanager
def holding_place(target: Path) -> Iterator[None]:
    """Hold a node's data for the length of the block; if it fails, folders made for it are gone.

    Raises:
        DataInUseError: Another process has them.
    """
    made = [folder for folder in (target, *target.parents) if not folder.exists()]
    with holding(target), ExitStack() as failed:
        failed.callback(_remove_empty, made)
        yield
        failed.pop_all()


@contextmanager
def putting_back(copy: Path, target: Path) -> Iterator[Path]:
    """Yield a folder with the data of a backup, to add to; after the block they are in ``target``.

    The folder is in ``target``, which may be the root of a disk of its own. If the block fails,
    nothing of it stays.

    Args:
        copy: The data in the backup.
        target: A folder that the caller holds.

    Raises:
        OccupiedError: There is something in ``target``.
    """
    check_restorable(copy, target)
    draft = target / RESTORING
    for place in list(_moved(target)):  # first, as only the draft tells that they may go
        _remove(place)
    shutil.rmtree(draft, ignore_errors=True)
    with ExitStack() as failed:
        failed.callback(shutil.rmtree, draft, ignore_errors=True)
        draft.mkdir(mode=OWNER_ONLY)
        shutil.copytree(copy, draft, dirs_exist_ok=True)
        draft.chmod(OWNER_ONLY)  # a copy of an earlier release is for everybody
        yield draft
        _close_to_others(target, draft)
        sync_tree(draft)
        failed.pop_all()
    _move(draft, target)


def _move(draft: Path, target: Path) -> None:
    """Move what is in ``draft`` into ``target``, durably, and in an order that bears a crash.

    All channels come with one rename, the last: until then a node that is started finds none, as
    before the restore, and never some. The draft goes after them: as long as it is there without
    channels, the next restore knows that what is beside it was moved by this one, and begins again.
    """
    channels = draft / _CHANNELS
    for place in draft.iterdir():
        if place != channels:
            place.rename(target / place.name)
    sync(target)
    if channels.exists():
        channels.rename(target / _CHANNELS)
        sync(target)
    draft.rmdir()
    sync(target)


def _close_to_others(target: Path, draft: Path) -> None:
    """Let nobody but the owner enter the data of a node.

    The root of a disk may be somebody else's who lets this user write there. Then what is put
    into it is closed.
    """
    try:
        target.chmod(OWNER_ONLY)
    except PermissionError:
        for place in draft.iterdir():
            if place.is_dir():
                place.chmod(OWNER_ONLY)


def _moved(target: Path) -> Iterator[Path]:
    return (place for place in _children(target) if place.name != RESTORING)


def _children(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name != LOST_AND_FOUND)


def _names(place: Path) -> Iterator[Path]:
    """Yield the files below a folder, or the one in its place, without what was half copied."""
    for path in (place, *place.rglob("*")):
        if path.is_file() and not path.name.endswith(DRAFT):
            yield path.relative_to(place)


def _empty(place: Path, *, stays: bool) -> None:
    if place.is_dir():
        for path in list(_children(place)):
            _remove(path)
        if not stays:
            place.rmdir()


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, up to one that somebody has put something into."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
