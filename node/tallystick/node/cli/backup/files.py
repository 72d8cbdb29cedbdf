"""A node's data as files: copied while the node runs, listed with digests, put back whole."""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import TypeAdapter, ValidationError

from tallystick.node.cli.backup.errors import (
    DamagedBackupError,
    NotApartError,
    OccupiedError,
    RemovedMeanwhileError,
    SurplusInBackupError,
)
from tallystick.node.cli.backup.places import LOST_AND_FOUND, OWNER_ONLY, check_vacant
from tallystick.node.cli.backup.stores import copy_store, is_store
from tallystick.node.durable import make_directory, replace_file, sync_tree
from tallystick.node.ledger.snapshot_export import DRAFT
from tallystick.node.ledger.snapshot_import import JOINING

MANIFEST: Final = "backup.json"
DATA: Final = "data"
SECRETS: Final = "chaincode-keys"
"""A peer makes these anew for whom they are missing, so no backup needs them."""
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; written last, so a backup without it was interrupted.

    Attributes:
        kind: ``peer`` or ``orderer``.
        msp_id: The node's organisation.
        address: Where the node listens.
        version: Of the software that made the backup.
        taken_at: When it was begun, ISO 8601.
        files: The SHA-256 of each file, in hex, by path.
        format: Of the backup.
    """

    kind: str
    msp_id: str
    address: str
    version: str
    taken_at: str
    files: Mapping[str, str]
    format: int = FORMAT

    @property
    def node(self) -> str:
        """Whose backup it is, for people."""
        return f"the {self.kind} of {self.msp_id}"


_MANIFEST: Final = TypeAdapter(Manifest)


def copy_data(source: Path, target: Path) -> None:
    """Copy the data of a node that may be running.

    Stores come first, block files after them: a copy whose views are behind its blocks is what a
    crash leaves behind, and the node completes it; views that are ahead would be lost. Snapshots,
    ledgers and files that are half made are left out: the node may rename or remove them meanwhile.
    So are ledgers that came into being since their stores would have been copied.

    Raises:
        RemovedMeanwhileError: Something was removed of which a part was copied.
        BusyStoreError: A store was reorganised all the time.
    """
    make_directory(target.parent)
    target.mkdir(mode=OWNER_ONLY, exist_ok=True)  # private values are in it
    stores = frozenset(filter(is_store, _settled(source)))
    for store in sorted(stores):
        copy_store(store, target / store.relative_to(source))
    for path in _others(source, stores):
        copied = target / path.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(path, copied)
        except FileNotFoundError as error:
            raise RemovedMeanwhileError(path) from error
    for store in stores:
        if not is_store(store):
            raise RemovedMeanwhileError(store)


def check_new(directory: Path) -> None:
    """Return if a backup can be made in ``directory``: it does not exist, or is empty.

    Raises:
        OccupiedError: Something is there; its words tell if it looks like half a backup.
    """
    try:
        check_vacant(directory)
    except OccupiedError as error:
        found = (directory / DATA).is_dir() and not (directory / MANIFEST).exists()
        raise OccupiedError(directory, lacks=MANIFEST if found else None) from error


def check_outside_backups(places: Mapping[str, Path]) -> None:
    """Return if none of some folders is in a backup, which could not be restored then.

    Args:
        places: The folders, by what an operator calls them.

    Raises:
        NotApartError: One is.
    """
    for name, path in places.items():
        for folder in path.resolve().parents:
            if _is_backup(folder):
                raise NotApartError(f"{name} {path}", f"the backup {folder}", path, in_backup=True)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Say that the backup in ``directory`` is whole, once all of it is on the disk."""
    sync_tree(directory)
    encoded = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()
    replace_file(directory / MANIFEST, [encoded])


def read_manifest(directory: Path) -> Manifest:
    """Return what a backup says of itself, after all of its files were read and compared.

    Raises:
        DamagedBackupError: It is not there, or not whole, or of a later format.
        SurplusInBackupError: It is whole, and has more files than its own.
        OSError: A file or folder of it cannot be read.
    """
    manifest = stated_manifest(directory)
    found = digests(directory)
    for name in sorted(manifest.files):
        if manifest.files[name] != found.get(name):
            fate = "is missing" if name not in found else "is not what was written"
            raise DamagedBackupError(directory, f"{name} {fate}")
    surplus = sorted(found.keys() - manifest.files.keys())
    if surplus:
        raise SurplusInBackupError(directory, _outermost_surplus(surplus[0], manifest.files))
    return manifest


def _outermost_surplus(name: str, own: Iterable[str]) -> str:
    """Return a file that is too much, or the folder around it that holds nothing of the backup."""
    kept = {folder for file in own for folder in PurePosixPath(file).parents}
    kept |= {PurePosixPath(), PurePosixPath(DATA)}
    around = [folder for folder in PurePosixPath(name).parents if folder not in kept]
    return str(around[-1]) if around else name


def stated_manifest(directory: Path) -> Manifest:
    """Return what a backup says of itself; none of its files is looked at.

    Raises:
        DamagedBackupError: It is not there, cannot be read, or is of a later format.
    """
    manifest = _any_manifest(directory)
    if manifest.format != FORMAT:
        raise DamagedBackupError(directory, f"its format is {manifest.format}, not {FORMAT}")
    return manifest


def _is_backup(directory: Path) -> bool:
    """Return whether a folder has the manifest of a backup, of this format or a later one."""
    try:
        return (directory / MANIFEST).is_file() and bool(_any_manifest(directory))
    except (DamagedBackupError, PermissionError):
        return False  # a file of that name which something else wrote, or one that is not ours


def _any_manifest(directory: Path) -> Manifest:
    """Return what a backup of any format says of itself.

    Raises:
        DamagedBackupError: It is not there, or cannot be read.
    """
    try:
        return _MANIFEST.validate_json((directory / MANIFEST).read_bytes(), strict=True)
    except FileNotFoundError as error:
        raise DamagedBackupError(directory, f"it has no {MANIFEST}") from error
    except OSError as error:
        raise DamagedBackupError(directory, f"its {MANIFEST} cannot be read: {error}") from error
    except ValidationError as error:
        [first, *_] = error.errors()
        is_json = first["type"] != "json_invalid"
        problem = "was not made by a backup" if is_json else f"cannot be read: {first['msg']}"
        raise DamagedBackupError(directory, f"its {MANIFEST} {problem}") from error


def digests(directory: Path) -> Mapping[str, str]:
    """Return the SHA-256 of every file of a backup but its manifest, by path.

    Raises:
        OSError: A file or folder cannot be read.
    """
    found = {}
    for path in _files(directory):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[path.relative_to(directory).as_posix()] = digest
    return found


def _others(source: Path, stores: Collection[Path]) -> Iterator[Path]:
    """Yield what is copied as it is, once ``stores`` are: in order, so that no block is missing."""
    found = _settled(source)
    younger = {path.parent for path in found if is_store(path) and path not in stores}
    for path in found:
        parts = path.relative_to(source).parts
        kept = parts[0] != SECRETS and not path.name.endswith(DRAFT)
        if kept and path.is_file() and not (is_store(path.parent) or younger & {*path.parents}):
            yield path


def _settled(source: Path) -> list[Path]:
    """Return the files and folders of a node in order, without looking into what is half made."""
    found: list[Path] = []
    for folder, folders, files in os.walk(source, onerror=_raise_unless_forbidden):
        folders[:] = [name for name in folders if not _is_half_made(name)]
        found += (Path(folder, name) for name in (*folders, *files))
    return sorted(found)


def _is_half_made(folder: str) -> bool:
    """Return whether a folder's name is one under which a node makes a snapshot or a ledger."""
    return folder.startswith(".") and folder.endswith((DRAFT, JOINING))


def _raise_unless_forbidden(error: OSError) -> None:
    """Pass over folders of others, such as the lost+found of a disk that holds nothing else."""
    if not isinstance(error, PermissionError):
        raise error


def _files(directory: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(directory, onerror=_raise):
        if LOST_AND_FOUND in folders and Path(folder) == directory:
            folders.remove(LOST_AND_FOUND)  # the backup is a disk of its own
        yield from (path for name in names if (path := Path(folder, name)).is_file())


def _raise(error: OSError) -> None:
    raise error
