"""Snapshots of a ledger that another organisation's peer is said to have made."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from fuzz.target import Target
from fuzz.targets.files import FOLDER
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.snapshot_file import SnapshotDamagedError
from tallystick.node.ledger.snapshot_import import fill_store
from tallystick.node.ledger.snapshot_metadata import (
    ADDITIONAL,
    KINDS,
    SIGNABLE,
    SnapshotMetadata,
    data_file,
    metadata_file,
    read_metadata,
)
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.wire.errors import WireError

_SIZE_BYTES: Final = 2
_DIRECTORY: Final = Path(FOLDER.name) / "snapshot"


def in_one(files: Mapping[str, bytes]) -> bytes:
    """Return the files of a snapshot as one input, each with its size in front."""
    contents = [
        files.get(name, b"") for kind in KINDS for name in (data_file(kind), metadata_file(kind))
    ]
    return b"".join(len(each).to_bytes(_SIZE_BYTES) + each for each in contents)


def metadata_of(file_hashes: Mapping[str, str]) -> SnapshotMetadata:
    """Return what a snapshot with these files says of itself."""
    return SnapshotMetadata(
        channel_id="securities",
        last_block=7,
        block_hash=bytes(32),
        previous_hash=bytes(32),
        commit_hash=bytes(32),
        file_hashes=file_hashes,
    )


def _snapshot(data: bytes) -> None:
    """As a peer joins a channel: the hashes are right, for who made the files made them too."""
    _DIRECTORY.mkdir(exist_ok=True)
    hashes: dict[str, str] = {}
    at = 0
    for kind in KINDS:
        pair = []
        for name in (data_file(kind), metadata_file(kind)):
            start = at + _SIZE_BYTES
            at = start + int.from_bytes(data[at:start])
            pair.append((name, data[start:at]))
        for name, content in pair if pair[0][1] else ():
            (_DIRECTORY / name).write_bytes(content)
            hashes[name] = sha256(content).hexdigest()
    fill_store(_DIRECTORY, metadata_of(hashes), MemoryStore(), blocks_to_live)


def _snapshot_metadata(data: bytes) -> None:
    """As a peer reads what a snapshot is of."""
    _DIRECTORY.mkdir(exist_ok=True)
    (_DIRECTORY / SIGNABLE).write_bytes(data)
    additional = f'{{"snapshot_hash":"{sha256(data).hexdigest()}","last_block_commit_hash":""}}'
    (_DIRECTORY / ADDITIONAL).write_text(additional, encoding="utf-8")
    read_metadata(_DIRECTORY)


TARGETS = (
    Target("snapshot", _snapshot, (SnapshotDamagedError, WireError)),
    Target("snapshot_metadata", _snapshot_metadata, (SnapshotDamagedError,)),
)
