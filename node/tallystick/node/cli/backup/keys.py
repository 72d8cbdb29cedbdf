"""A node's keys and certificates, which are copied apart from its data and only when asked."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tallystick.node.cli.backup.errors import MissingKeysError, OccupiedError
from tallystick.node.cli.backup.places import OWNER_ONLY, check_vacant, is_part
from tallystick.node.durable import make_directory, sync, sync_tree
from tallystick.node.ledger.snapshot_export import DRAFT
from tallystick.node.settings import NodeSettings, OrdererSettings
from tallystick.node.settings_parts import Settings

_MSP: Final = "msp"


def key_files(settings: NodeSettings) -> Mapping[str, Path]:
    """Return the files of keys and certificates that settings name, by the keys that name them."""
    tables: dict[str, Settings | None] = {"tls": settings.tls}
    if isinstance(settings, OrdererSettings):
        tables |= {"admin": settings.admin, "etcd": settings.etcd}
    found = {_MSP: settings.msp.directory}
    for table, values in tables.items():
        if values is not None:
            found |= dict(_paths(table, values))
    return found


def copy_keys(settings: NodeSettings, target: Path) -> None:
    """Copy keys and certificates into a new folder that its owner alone can enter.

    Raises:
        OccupiedError: The folder has something in it.
        MissingKeysError: A file is not where the settings say.
    """
    check_vacant(target)
    found = key_files(settings)
    missing = [path for path in found.values() if not path.exists()]
    if missing:
        raise MissingKeysError(missing)
    make_directory(target.parent)
    target.mkdir(exist_ok=True)
    target.chmod(OWNER_ONLY)
    for name, path in found.items():
        _copy(path, target / name)
    sync_tree(target)
    sync(target.parent)


def keys_to_put_back(settings: NodeSettings, source: Path) -> Mapping[Path, Path]:
    """Return the copies of keys and certificates, by where the settings want them.

    What is there already may be a part of the copy: a restore that was interrupted put it there.

    Raises:
        OccupiedError: Something else is there.
        MissingKeysError: A file is not in the copy.
    """
    wanted = key_files(settings)
    missing = [source / name for name in wanted if not (source / name).exists()]
    if missing:
        raise MissingKeysError(missing)
    # One file may serve two keys, as the node's TLS certificate does for etcd.
    places = {path: source / name for name, path in wanted.items()}
    for path, copy in places.items():
        if not is_part(path, copy):
            raise OccupiedError(path)
    return places


def put_back_keys(settings: NodeSettings, source: Path) -> None:
    """Copy keys and certificates durably to where the settings want them, if nothing else is there.

    Raises:
        OccupiedError: Something is; then nothing at all is written.
        MissingKeysError: A file is not in the copy.
    """
    for path, copy in keys_to_put_back(settings, source).items():
        make_directory(path.parent)
        _copy(copy, path)
        sync_tree(path)
        sync(path.parent)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_copy_whole, dirs_exist_ok=True)
    else:
        _copy_whole(source, target)


def _copy_whole(source: str | Path, target: str | Path) -> None:
    """Copy a file; until all of it is there, it has another name, which no other attempt minds."""
    draft = Path(f"{target}{DRAFT}")
    try:
        shutil.copy2(source, draft)
        sync(draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _paths(table: str, values: Settings) -> Iterator[tuple[str, Path]]:
    for key, value in values:
        if isinstance(value, Path):
            yield f"{table}.{key}", value
        elif isinstance(value, tuple):
            paths = [each for each in value if isinstance(each, Path)]
            yield from ((f"{table}.{key}.{index}", path) for index, path in enumerate(paths))
