"""Making a ledger out of a snapshot: its state and transaction ids, and no blocks.

Nothing is where a ledger belongs before everything was read and every hash was right; then one
rename puts it there. Source: wire.md §13; hyperledger/fabric core/ledger/kvledger/snapshot.go.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.chain_start import (
    ChainStart,
    sync_directory,
    sync_tree,
    write_start,
)
from tallystick.node.ledger.config_record import CONFIG_KEY, CONFIG_NAMESPACE
from tallystick.node.ledger.head import Head
from tallystick.node.ledger.key_value_store import (
    KeyValueStore,
    StoreKind,
    StoreUnavailableError,
    open_store,
)
from tallystick.node.ledger.private_sets import BlocksToLive, PrivateSets
from tallystick.node.ledger.promised_hashes import promise_entries
from tallystick.node.ledger.snapshot_file import SnapshotDamagedError, SnapshotFileReader
from tallystick.node.ledger.snapshot_metadata import (
    COLLECTION_HISTORY,
    PRIVATE_HASHES,
    PUBLIC_STATE,
    TRANSACTION_IDS,
    SnapshotMetadata,
    data_file,
    metadata_file,
    read_metadata,
    verify_files,
)
from tallystick.node.ledger.state import LedgerState, PrivateSetId, VersionedValue, state_row
from tallystick.node.ledger.transaction_index import bare_entry
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.snapshot_record_pb2 import SnapshotRecord

BLOCKS: Final = "blocks"
STORE: Final = "store"

_BATCH_ROWS: Final = 20_000
_PRIVATE_MARK: Final = "$$"
_HASH_MARK: Final = "$$h"
_HASH_BYTES: Final = 32


class LedgerPresentError(LedgerError):
    """A ledger is to be made where something is already.

    Attributes:
        directory: The folder.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is there already: a ledger begins with a snapshot, it does not go on "
            "with one; move the folder away if this peer is to begin anew"
        )
        self.directory = directory


def import_snapshot(
    snapshot: Path, target: Path, kind: StoreKind, lives: BlocksToLive
) -> SnapshotMetadata:
    """Make a ledger in ``target`` of the snapshot in ``snapshot``: all of it, or nothing.

    It may run in a thread. No more than a part of a file is in memory.

    Args:
        snapshot: Its folder.
        target: The ledger's folder, which is not there yet or empty.
        kind: The store to use.
        lives: Says how many blocks the values of a private data collection live.

    Raises:
        SnapshotDamagedError: A file is missing, altered or not what its name says.
        LedgerPresentError: There is something in ``target``.
        StoreUnavailableError: The store keeps nothing, or is not installed.
        OSError: The disk is full or failing.
    """
    metadata = read_metadata(snapshot)
    if target.exists() and any(target.iterdir()):
        raise LedgerPresentError(target)
    if kind == "memory":
        raise StoreUnavailableError(
            kind=kind, directory=target, remedy="a snapshot needs a store that lasts, on disk"
        )
    verify_files(snapshot, metadata)
    draft = target.with_name(f".{target.name}.joining")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        with open_store(kind, draft / STORE) as store:
            _Import(snapshot, metadata, store, lives).run()
        write_start(draft / BLOCKS, ChainStart(metadata.last_block + 1, metadata.block_hash))
        sync_tree(draft)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_directory(target.parent)
    return metadata


class _Import:
    """Reads the files of one snapshot into one store."""

    def __init__(
        self,
        snapshot: Path,
        metadata: SnapshotMetadata,
        store: KeyValueStore,
        lives: BlocksToLive,
    ) -> None:
        self._snapshot = snapshot
        self._metadata = metadata
        self._store = store
        self._sets = PrivateSets(store, LedgerState(store), lives)
        self._rows: dict[bytes, bytes | None] = {}
        self._expiring: dict[bytes, bytearray] = {}
        self._config_block: int | None = None

    def run(self) -> None:
        """Write everything; the head comes last, so that a store without one is no ledger."""
        for namespace, key, held in self._state(PUBLIC_STATE):
            self._add_public(namespace, key, held)
        self._flush()  # the definitions in it say how long private values live
        for namespace, key_hash, held in self._state(PRIVATE_HASHES):
            self._add_hash(namespace, key_hash, held)
        for row in self._list(TRANSACTION_IDS, 1):
            self._put(*bare_entry(self._text(TRANSACTION_IDS, row[0])))
        for fabric_key, package in self._list(COLLECTION_HISTORY, 2):
            self._put(keyspace.COLLECTION_HISTORY + fabric_key, package)
        self._flush()
        if self._config_block is None:
            raise SnapshotDamagedError(self._snapshot, "it has no channel configuration")
        metadata = self._metadata
        head = Head(
            height=metadata.last_block + 1,
            last_config_block=self._config_block,
            block_hash=metadata.block_hash,
            previous_hash=metadata.previous_hash,
            commit_hash=metadata.commit_hash,
        )
        self._store.write(head.entries())

    def _add_public(self, namespace: str, key: bytes, held: VersionedValue) -> None:
        if _PRIVATE_MARK in namespace:
            raise self._wrong(PUBLIC_STATE, f"has the private namespace {namespace!r}")
        text = self._text(PUBLIC_STATE, key)
        if (namespace, text) == (CONFIG_NAMESPACE, CONFIG_KEY):
            self._config_block = held.version.block_number
        self._put(*state_row(namespace, key, held))

    def _add_hash(self, namespace: str, key_hash: bytes, held: VersionedValue) -> None:
        chaincode, mark, collection = namespace.partition(_HASH_MARK)
        if not mark or len(key_hash) != _HASH_BYTES:
            raise self._wrong(PRIVATE_HASHES, f"has a key of {namespace!r} that is no hash")
        self._put(*state_row(namespace, key_hash, held))
        set_id = PrivateSetId(held.version, chaincode, collection)
        self._rows |= promise_entries(set_id, key_hash)
        expiry = self._sets.expiry_key(chaincode, collection, held.version.block_number)
        if expiry is not None:
            self._expiring.setdefault(expiry, bytearray()).extend(key_hash)

    def _put(self, key: bytes, value: bytes) -> None:
        self._rows[key] = value
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        for key, hashes in self._expiring.items():
            self._rows[key] = (self._store.get(key) or b"") + hashes
        self._store.write(self._rows)
        self._rows.clear()
        self._expiring.clear()

    def _state(self, kind: str) -> Iterator[tuple[str, bytes, VersionedValue]]:
        """Yield namespace, key and value of every record."""
        if data_file(kind) not in self._metadata.file_hashes:
            return
        with closing(self._open(data_file(kind))) as data:
            for namespace, count in self._counts(kind):
                for _ in range(count):
                    yield namespace, *self._record(kind, data.string())
            data.finish()

    def _counts(self, kind: str) -> list[tuple[str, int]]:
        with closing(self._open(metadata_file(kind))) as file:
            counts = [
                (self._text(kind, file.string()), file.number()) for _ in range(file.number())
            ]
            file.finish()
        if any("\0" in namespace for namespace, _ in counts):
            raise self._wrong(kind, "has a namespace that cannot be one")
        return counts

    def _list(self, kind: str, width: int) -> Iterator[list[bytes]]:
        """Yield the rows of a file of byte strings, so many to a row."""
        if data_file(kind) not in self._metadata.file_hashes:
            return
        with closing(self._open(metadata_file(kind))) as file:
            count = file.number()
            file.finish()
        with closing(self._open(data_file(kind))) as data:
            for _ in range(count):
                yield [data.string() for _ in range(width)]
            data.finish()

    def _record(self, kind: str, encoded: bytes) -> tuple[bytes, VersionedValue]:
        try:
            record = SnapshotRecord.FromString(encoded)
            version = _read_version(record.version)
        except (DecodeError, IndexError) as error:
            raise self._wrong(kind, "has a record that cannot be read") from error
        if version.block_number > self._metadata.last_block:
            raise self._wrong(kind, "has a value from after the snapshot")
        return record.key, VersionedValue(record.value, version, record.metadata)

    def _open(self, name: str) -> SnapshotFileReader:
        return SnapshotFileReader(self._snapshot / name, self._metadata.file_hashes[name])

    def _text(self, kind: str, content: bytes) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise self._wrong(kind, "has a name that is no UTF-8") from error

    def _wrong(self, kind: str, problem: str) -> SnapshotDamagedError:
        return SnapshotDamagedError(self._snapshot / data_file(kind), problem)


def _read_version(encoded: bytes) -> Version:
    """Return the version in a record: two ordered varints. Raises IndexError."""
    split = 1 + encoded[0]
    end = split + 1 + encoded[split]
    if end != len(encoded):
        raise IndexError
    return Version(
        int.from_bytes(encoded[1:split], "big"), int.from_bytes(encoded[split + 1 :], "big")
    )
