"""Making a ledger out of a snapshot: its state and transaction ids, and no blocks.

Nothing is where a ledger belongs before everything was read and every hash was right; then one
rename puts it there. Source: wire.md §13; hyperledger/fabric core/ledger/kvledger/snapshot.go.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.durable import make_directory, sync, sync_tree
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.chain_start import ChainStart, write_start
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
from tallystick.node.ledger.snapshot_metadata import (
    PRIVATE_HASHES,
    PUBLIC_STATE,
    TRANSACTION_IDS,
    SnapshotMetadata,
    read_metadata,
    verify_files,
)
from tallystick.node.ledger.snapshot_reader import SnapshotReader
from tallystick.node.ledger.state import LedgerState, PrivateSetId, VersionedValue, state_row
from tallystick.node.ledger.stoppable import never_stop
from tallystick.node.ledger.transaction_index import bare_entry

BLOCKS: Final = "blocks"
STORE: Final = "store"
JOINING: Final = ".joining"
"""What the name of a ledger that is being made ends in; it begins with a dot."""

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


def _no_problem(channel_id: str, config: bytes) -> str:  # noqa: ARG001
    return ""


@dataclass(frozen=True, slots=True)
class ImportChecks:
    """What may end an import early.

    Attributes:
        stop: Called at every row; what it raises ends the import.
        config_problem: Returns why a channel cannot go on with a configuration, ``ConfigEnvelope``
            bytes; empty if it can.
    """

    stop: Callable[[], None] = never_stop
    config_problem: Callable[[str, bytes], str] = _no_problem


NO_CHECKS: Final = ImportChecks()
"""For who imports where nothing else runs."""


def import_snapshot(
    snapshot: Path,
    target: Path,
    kind: StoreKind,
    lives: BlocksToLive,
    checks: ImportChecks = NO_CHECKS,
) -> SnapshotMetadata:
    """Make a ledger in ``target`` of the snapshot in ``snapshot``: all of it, or nothing.

    It may run in a thread. No more than a part of a file is in memory.

    Args:
        snapshot: Its folder.
        target: The ledger's folder, which is not there yet or empty.
        kind: The store to use.
        lives: Says how many blocks the values of a private data collection live.
        checks: May end it early.

    Raises:
        SnapshotDamagedError: A file is missing, altered or not what its name says, or the
            configuration in it cannot be used.
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
    draft = target.with_name(f".{target.name}{JOINING}")
    shutil.rmtree(draft, ignore_errors=True)
    make_directory(target.parent)
    draft.mkdir()
    try:
        with open_store(kind, draft / STORE) as store:
            start = fill_store(snapshot, metadata, store, lives, checks)
        write_start(draft / BLOCKS, start)
        sync_tree(draft)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync(target.parent)
    return metadata


def fill_store(
    snapshot: Path,
    metadata: SnapshotMetadata,
    store: KeyValueStore,
    lives: BlocksToLive,
    checks: ImportChecks = NO_CHECKS,
) -> ChainStart:
    """Put what a snapshot has into an empty store; return where blocks that follow it begin.

    The head is written last, so a store that was filled in part is no ledger.

    Raises:
        SnapshotDamagedError: A file is missing, altered or not what its name says.
        OSError: The disk is full or failing.
    """
    verify_files(snapshot, metadata, checks.stop)
    return _Import(SnapshotReader(snapshot, metadata), metadata, store, lives, checks).run()


class _Import:
    """Reads the files of one snapshot into one store."""

    def __init__(
        self,
        snapshot: SnapshotReader,
        metadata: SnapshotMetadata,
        store: KeyValueStore,
        lives: BlocksToLive,
        checks: ImportChecks,
    ) -> None:
        self._snapshot = snapshot
        self._metadata = metadata
        self._store = store
        self._checks = checks
        self._sets = PrivateSets(store, LedgerState(store), lives)
        self._rows: dict[bytes, bytes | None] = {}
        self._expiring: dict[bytes, bytearray] = {}

    def run(self) -> ChainStart:
        metadata, config = self._metadata, self._snapshot.config()
        problem = self._checks.config_problem(metadata.channel_id, config.value)
        if problem:
            raise self._snapshot.wrong(
                PUBLIC_STATE, f"has a configuration that this peer cannot use: {problem}"
            )
        for namespace, key, held in self._snapshot.state(PUBLIC_STATE):
            self._add_public(namespace, key, held)
        self._flush()  # the definitions in it say how long private values live
        for namespace, key_hash, held in self._snapshot.state(PRIVATE_HASHES):
            self._add_hash(namespace, key_hash, held)
        for row in self._snapshot.rows(TRANSACTION_IDS, 1):
            self._put(*bare_entry(self._snapshot.text(TRANSACTION_IDS, row[0])))
        for row_key, package in self._snapshot.collection_history():
            self._put(row_key, package)
        self._flush()
        head = Head(
            height=metadata.last_block + 1,
            last_config_block=config.version.block_number,
            block_hash=metadata.block_hash,
            previous_hash=metadata.previous_hash,
            commit_hash=metadata.commit_hash,
        )
        self._store.write(head.entries())
        return ChainStart(
            block_number=head.height,
            previous_hash=head.block_hash,
            config_block=config.version.block_number,
            config=config.value,
        )

    def _add_public(self, namespace: str, key: bytes, held: VersionedValue) -> None:
        if _PRIVATE_MARK in namespace:
            raise self._snapshot.wrong(PUBLIC_STATE, f"has the private namespace {namespace!r}")
        if (namespace, self._snapshot.text(PUBLIC_STATE, key)) != (CONFIG_NAMESPACE, CONFIG_KEY):
            self._put(*state_row(namespace, key, held))

    def _add_hash(self, namespace: str, key_hash: bytes, held: VersionedValue) -> None:
        chaincode, mark, collection = namespace.partition(_HASH_MARK)
        if not mark or len(key_hash) != _HASH_BYTES:
            raise self._snapshot.wrong(
                PRIVATE_HASHES, f"has a key of {namespace!r} that is no hash"
            )
        self._put(*state_row(namespace, key_hash, held))
        set_id = PrivateSetId(held.version, chaincode, collection)
        self._rows |= promise_entries(set_id, key_hash, held.value)
        expiry = self._sets.expiry_key(chaincode, collection, held.version.block_number)
        if expiry is not None:
            self._expiring.setdefault(expiry, bytearray()).extend(key_hash)

    def _put(self, key: bytes, value: bytes) -> None:
        self._checks.stop()
        self._rows[key] = value
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        for key, hashes in self._expiring.items():
            self._rows[key] = (self._store.get(key) or b"") + hashes
        self._store.write(self._rows)
        self._rows.clear()
        self._expiring.clear()
