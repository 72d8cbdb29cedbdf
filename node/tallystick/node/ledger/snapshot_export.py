"""Writing a snapshot of a ledger, in Fabric's format and, for the same blocks, to Fabric's bytes.

Source: wire.md §13; hyperledger/fabric core/ledger/kvledger/txmgmt/privacyenabledstate/snapshot.go,
common/ledger/blkstorage/blockindex.go, core/ledger/confighistory/mgr.go.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.durable import make_directory, sync, sync_tree
from tallystick.node.ledger.config_record import CONFIG_KEY, CONFIG_NAMESPACE
from tallystick.node.ledger.head import LedgerMoment
from tallystick.node.ledger.snapshot_file import SnapshotFileWriter
from tallystick.node.ledger.snapshot_metadata import (
    ADDITIONAL,
    COLLECTION_HISTORY,
    PRIVATE_HASHES,
    PUBLIC_STATE,
    SIGNABLE,
    TRANSACTION_IDS,
    SnapshotMetadata,
    data_file,
    metadata_file,
)
from tallystick.node.ledger.state import VersionedValue, state_rows
from tallystick.node.ledger.stoppable import never_stop
from tallystick.node.ledger.transaction_index import transaction_ids
from tallystick.protos.ledger.snapshot_record_pb2 import SnapshotRecord
from tallystick.wire.hashing import version_bytes

DRAFT: Final = ".draft"
"""What the name of a snapshot that is being written ends in; it begins with a dot."""

_PRIVATE_VALUES = "$$p"
_PRIVATE_HASHES = "$$h"


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    """A ledger at the height of which a snapshot is to be made.

    Attributes:
        channel_id: Its channel.
        moment: What its store has.
        config: The configuration in force.
        collection_history: Every package of collections that was ever defined, under Fabric's keys.
    """

    channel_id: str
    moment: LedgerMoment
    config: VersionedValue
    collection_history: Mapping[bytes, bytes]

    @property
    def last_block(self) -> int:
        """Number of the last block whose outcome is in the snapshot."""
        return self.moment.head.height - 1


def write_snapshot(
    source: SnapshotSource, directory: Path, check_stop: Callable[[], None] = never_stop
) -> SnapshotMetadata:
    """Write a snapshot into ``directory``, durably: all of it is there, or no such folder.

    It reads through the state once and holds no more than a part of a file in memory. It may run in
    a thread while the ledger goes on.

    Args:
        source: The ledger.
        directory: Is not there yet.
        check_stop: Called at every row; what it raises ends the work.

    Raises:
        OSError: The disk is full or failing, or ``directory`` is there already.
    """
    draft = directory.with_name(f".{directory.name}{DRAFT}")
    shutil.rmtree(draft, ignore_errors=True)
    make_directory(directory.parent)
    draft.mkdir()
    try:
        metadata = _write_files(source, draft, check_stop)
        draft.rename(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync(directory.parent)
    return metadata


def _write_files(
    source: SnapshotSource, draft: Path, check_stop: Callable[[], None]
) -> SnapshotMetadata:
    hashes = _write_state(source, draft, check_stop)
    store, head = source.moment
    ids = ([each.encode()] for each in transaction_ids(store))
    hashes |= _write_list(draft, TRANSACTION_IDS, ids, check_stop)
    history = sorted(source.collection_history.items())
    hashes |= _write_list(draft, COLLECTION_HISTORY, history, check_stop)
    metadata = SnapshotMetadata(
        channel_id=source.channel_id,
        last_block=source.last_block,
        block_hash=head.block_hash,
        previous_hash=head.previous_hash,
        commit_hash=head.commit_hash,
        file_hashes=hashes,
    )
    for name, content in ((SIGNABLE, metadata.signable()), (ADDITIONAL, metadata.additional())):
        (draft / name).write_bytes(content)
        (draft / name).chmod(0o444)
    sync_tree(draft)
    return metadata


class _StateWriter:
    """Keys, and how many there are of each namespace."""

    def __init__(self, directory: Path, kind: str) -> None:
        self._directory = directory
        self._kind = kind
        self._data: SnapshotFileWriter | None = None
        self._counts: dict[str, int] = {}

    def add(self, namespace: str, key: bytes, held: VersionedValue) -> None:
        if self._data is None:
            self._data = SnapshotFileWriter(self._directory / data_file(self._kind))
        version = held.version
        record = SnapshotRecord(
            key=key,
            value=held.value,
            metadata=held.metadata,
            version=version_bytes(version.block_number, version.transaction_index),
        )
        self._data.string(record.SerializeToString())
        self._counts[namespace] = self._counts.get(namespace, 0) + 1

    def finish(self) -> dict[str, str]:
        if self._data is None:
            return {}
        hashes = {data_file(self._kind): self._data.finish()}
        name = metadata_file(self._kind)
        with closing(SnapshotFileWriter(self._directory / name)) as counts:
            counts.number(len(self._counts))
            for namespace, count in self._counts.items():
                counts.string(namespace.encode())
                counts.number(count)
            return hashes | {name: counts.finish()}

    def close(self) -> None:
        if self._data is not None:
            self._data.close()


def _write_state(
    source: SnapshotSource, draft: Path, check_stop: Callable[[], None]
) -> dict[str, str]:
    with (
        closing(_StateWriter(draft, PUBLIC_STATE)) as public,
        closing(_StateWriter(draft, PRIVATE_HASHES)) as hashed,
    ):
        public.add(CONFIG_NAMESPACE, CONFIG_KEY.encode(), source.config)
        for namespace, key, held in state_rows(source.moment.store):
            check_stop()
            if _PRIVATE_HASHES in namespace:
                hashed.add(namespace, key, held)
            elif _PRIVATE_VALUES not in namespace:
                public.add(namespace, key, held)
        return public.finish() | hashed.finish()


def _write_list(
    directory: Path, kind: str, rows: Iterable[Iterable[bytes]], check_stop: Callable[[], None]
) -> dict[str, str]:
    """Write rows of byte strings and their count; no files if there are none."""
    data: SnapshotFileWriter | None = None
    count = 0
    try:
        for row in rows:
            check_stop()
            if data is None:
                data = SnapshotFileWriter(directory / data_file(kind))
            for value in row:
                data.string(value)
            count += 1
        if data is None:
            return {}
        hashes = {data_file(kind): data.finish()}
    finally:
        if data is not None:
            data.close()
    with closing(SnapshotFileWriter(directory / metadata_file(kind))) as counts:
        counts.number(count)
        return hashes | {metadata_file(kind): counts.finish()}
