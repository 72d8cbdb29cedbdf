"""Makes the views of a ledger anew from its blocks; sets wrong blocks aside before, if told to.

The new store grows beside the old one, and takes its place once it is whole. After a crash at any
moment, the same command does the rest.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.key_value_store import (
    KeyValueStore,
    OpenStore,
    StoreDamagedError,
    StoreKind,
    StoreUnavailableError,
    open_store,
)
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.private_sets import PrivateSets, forever
from tallystick.node.ledger.segments import TornRecordError, cut_records
from tallystick.node.ledger.snapshot_import import fill_store
from tallystick.node.ledger.snapshot_metadata import SnapshotMetadata
from tallystick.node.ledger.state import LedgerState
from tallystick.node.ledger.views import kind_of
from tallystick.node.process import holding
from tallystick.node.repair.folder import OLD, LedgerFolder, WrongBlockError
from tallystick.node.repair.snapshot import (
    ForeignSnapshotError,
    NoSnapshotError,
    fitting_snapshot,
)
from tallystick.node.runtime.collections import blocks_to_live

_NEW: Final = "store.new"


class OnlyCopyError(LedgerError):
    """An orderer's blocks are not to be set aside."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is an orderer's: no block of it is set aside, for what it acknowledged"
            " may be nowhere else; restore the folder from a backup; an orderer that shares its"
            " order through etcd may also start without the folder, and copies the chain again"
        )


class BlockNotHereError(LedgerError):
    """Blocks are to be set aside from one on that the ledger does not have.

    Attributes:
        number: The block.
    """

    def __init__(self, number: int, height: int) -> None:
        end = f"ends with block {height - 1}" if height else "has no block"
        super().__init__(f"block {number} is not here: the ledger {end}")
        self.number = number


@dataclass(slots=True)
class Rebuilt:
    """What was done.

    Attributes:
        blocks: How many blocks the views show now.
        set_aside: Files that hold what was cut off.
        kept_private_sets: How many private sets of the old store were kept.
        missing_private_sets: How many are to come from other members.
        notes: What could not be used, and why.
    """

    blocks: int = 0
    set_aside: list[Path] = field(default_factory=list)
    kept_private_sets: int = 0
    missing_private_sets: int = 0
    notes: list[str] = field(default_factory=list)


def rebuild(
    folder: LedgerFolder, cut_from: int | None = None, snapshot: Path | None = None
) -> Rebuilt:
    """Make the store of a ledger anew; first set block ``cut_from`` and all after it aside.

    Args:
        folder: The ledger.
        cut_from: The first block to set aside; None for no block.
        snapshot: What to begin with in place of the first blocks, which may not be here.

    Raises:
        DataInUseError: The node runs.
        StoreUnavailableError: Another process has the store.
        OnlyCopyError: It is an orderer's, and blocks are to be set aside.
        NoSnapshotError: The first blocks are not here, and nothing stands in for them.
        ForeignSnapshotError: The snapshot is of something else.
        SnapshotDamagedError: It is not whole.
        BlockNotHereError: There is no such block to set aside.
        EmptyLedgerError: There is no block at all.
        WrongBlockError: The old store knows of more blocks than can be read.
        LostStartError: It began with a snapshot, and nothing else says so any more.
        LedgerError: A block that stays cannot be read; the message says what to do.
    """
    result = Rebuilt()
    with holding(folder.directory.parent.parent):
        base = _base(folder, snapshot, cut_from)
        if cut_from is not None and not folder.is_peer:
            raise OnlyCopyError(folder.directory)
        _check_blocks(folder, cut_from)
        if cut_from is not None:
            start = folder.start
            index = cut_from - start.block_number
            result.set_aside = cut_records(folder.blocks, index, start.location)
        new, old = folder.directory / _NEW, folder.directory / OLD
        shutil.rmtree(new, ignore_errors=True)
        with ExitStack() as lifetime:
            sources = list(_old_stores([folder.store, old], lifetime, result))
            store = lifetime.enter_context(open_store(folder.kind, new))
            if folder.is_peer:
                if base is not None:
                    fill_store(*base, store, blocks_to_live)
                _fill(folder, store, sources, result)
            else:
                blocks = BlockStore(folder.blocks, store)
                result.blocks = blocks.height
                blocks.close()
        _swap(folder, new, old)
    return result


def _check_blocks(folder: LedgerFolder, cut_from: int | None) -> None:
    """Return if the blocks that are to stay, or to be set aside, are here.

    Damage before the end is left to whoever reads the blocks next: what is set aside may have it.
    A block that was cut short before the store knew of it is no loss.
    """
    height, known = folder.start.block_number, folder.known_height()
    problem = f"{folder.blocks} ends before it"
    try:
        for block in folder.read():
            if block.header.number != height:
                return
            height += 1
    except WrongBlockError:
        return
    except TornRecordError as error:
        if cut_from is not None:
            return
        problem = f"{error.path} ends at byte {error.offset}, in the middle of it"
    if cut_from is None:
        folder.check_end(height, problem)
        folder.check_has_blocks(height)
    # Where no store is in place, a crash may have come after the cut: the same command goes on.
    elif cut_from > height or (cut_from == height >= known and (known or not height)):
        raise BlockNotHereError(cut_from, height)


def _base(
    folder: LedgerFolder, snapshot: Path | None, cut_from: int | None
) -> tuple[Path, SnapshotMetadata] | None:
    """Return what the new store begins with; None for block 0."""
    first = folder.start.block_number
    if snapshot is None:
        if first:
            raise NoSnapshotError(first)
        return None
    metadata = fitting_snapshot(folder, snapshot)
    if cut_from is not None and cut_from <= metadata.last_block:
        raise ForeignSnapshotError(
            snapshot, f"it includes block {cut_from}, which is to be fetched again"
        )
    return snapshot, metadata


def _old_stores(paths: Sequence[Path], lifetime: ExitStack, result: Rebuilt) -> Iterator[OpenStore]:
    """Yield what can be opened of the old stores; a crash may have left a second one."""
    for path in paths:
        if (kind := kind_of(path)) is None:
            continue
        try:
            yield _opened(path, kind, lifetime, result)
        except StoreUnavailableError as error:
            result.notes.append(f"nothing was taken from the old store: {error}")


def _opened(path: Path, kind: StoreKind, lifetime: ExitStack, result: Rebuilt) -> OpenStore:
    try:
        return lifetime.enter_context(open_store(kind, path))
    except StoreDamagedError:
        rest = lifetime.enter_context(_rest_of(path, kind))
        _note_damage(result)
        return rest


@contextmanager
def _rest_of(store: Path, kind: StoreKind) -> Iterator[OpenStore]:
    """Open a copy of a damaged store: once LevelDB has opened what is left, it passes for whole."""
    copy = store.with_name(f"{store.name}.rest")
    shutil.rmtree(copy, ignore_errors=True)
    try:
        shutil.copytree(store, copy, copy_function=_link_table)
        with open_store(kind, copy, salvage=True) as rest:
            yield rest
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _link_table(source: str, target: str) -> None:
    """Copy a file of LevelDB, which never changes a table."""
    try:
        (os.link if source.endswith(".ldb") else shutil.copy2)(source, target)
    except OSError:  # there are file systems without links
        shutil.copy2(source, target)


def _fill(
    folder: LedgerFolder, store: KeyValueStore, sources: list[OpenStore], result: Rebuilt
) -> None:
    ledger = Ledger.open(folder.blocks, store, blocks_to_live)
    try:
        result.blocks = ledger.height
        for source in sources:
            _keep_private_values(ledger, store, source, result)
        result.missing_private_sets = sum(
            1
            for namespace, collection in ledger.private_sets.missing_places()
            for _ in ledger.private_sets.missing(namespace, collection)
        )
    finally:
        ledger.close()


def _keep_private_values(
    ledger: Ledger, store: KeyValueStore, source: OpenStore, result: Rebuilt
) -> None:
    """Take over what blocks cannot give, as if another member had sent it."""
    kept = PrivateSets(source, LedgerState(source), forever)
    places = list(ledger.private_sets.missing_places())
    for namespace, collection in places:
        for set_id in list(ledger.private_sets.missing(namespace, collection)):
            try:
                rwset = kept.get(set_id)
            except OSError:
                _note_damage(result)
                continue
            if rwset is not None and ledger.commit_missing(set_id, rwset):
                result.kept_private_sets += 1
    first = keyspace.TRANSIENT
    for key, value in _up_to_damage(source.range(first, keyspace.end_of_prefix(first)), result):
        store.write({key: value})


def _note_damage(result: Rebuilt) -> None:
    note = (
        "not all of the old store could be read: private values that it had there come from other"
        " members"
    )
    if note not in result.notes:
        result.notes.append(note)


def _up_to_damage(
    rows: Iterator[tuple[bytes, bytes]], result: Rebuilt
) -> Iterator[tuple[bytes, bytes]]:
    try:
        yield from rows
    except OSError:
        _note_damage(result)


def _swap(folder: LedgerFolder, new: Path, old: Path) -> None:
    os.sync()  # what the new store holds must be on the disk before the old one goes
    if folder.store.is_dir():
        shutil.rmtree(old, ignore_errors=True)
        folder.store.rename(old)
    new.rename(folder.store)
    os.sync()
    shutil.rmtree(old, ignore_errors=True)
