"""Gives up the blocks that a snapshot stands in for, and keeps their headers.

What is needed of them goes first into files beside the blocks, durably; then the ledger begins
later; then files are deleted. After a crash at any moment, the same command does the rest.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tallystick.node.durable import sync_tree
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.chain_start import (
    ChainStart,
    pruned_headers,
    write_pruned_headers,
    write_start,
)
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.segments import Location, files_before, place_of
from tallystick.node.ledger.snapshot_metadata import SnapshotMetadata, verify_files
from tallystick.node.ledger.snapshot_reader import SnapshotReader
from tallystick.node.process import holding
from tallystick.node.repair.folder import LedgerFolder
from tallystick.node.repair.snapshot import ForeignSnapshotError, fitting_snapshot
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.protos.common.common_pb2 import BlockHeader


class OrdererKeepsBlocksError(LedgerError):
    """An orderer's blocks are not to be given up."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is an orderer's, which keeps every block: peers get there what they lack"
        )


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done.

    Attributes:
        first_block: The first block that is still here.
        headers: How many headers of earlier blocks are here.
        freed_bytes: The size of the files that were deleted.
    """

    first_block: int
    headers: int
    freed_bytes: int


def prune(folder: LedgerFolder, snapshot: Path) -> Pruned:
    """Give up the blocks of a peer up to the last one of a snapshot.

    Whole files are deleted; what comes first in a file that is still needed waits for the next
    time.

    Raises:
        DataInUseError: The node runs.
        OrdererKeepsBlocksError: It is an orderer's.
        ForeignSnapshotError: The snapshot is of something else, or of the last block.
        SnapshotDamagedError: It is not whole.
        LedgerError: A block that is to go cannot be read.
    """
    if not folder.is_peer:
        raise OrdererKeepsBlocksError(folder.directory)
    with holding(folder.directory.parent.parent):
        metadata = fitting_snapshot(folder, snapshot)
        verify_files(snapshot, metadata)
        if metadata.last_block >= folder.start.block_number:
            _begin_later(folder, SnapshotReader(snapshot, metadata), metadata)
        start = folder.start
        freed = sum(_delete(path) for path in files_before(folder.blocks, start.location))
        headers = sum(1 for _ in pruned_headers(folder.blocks))
    return Pruned(start.block_number, headers, freed)


def _begin_later(
    folder: LedgerFolder, snapshot: SnapshotReader, metadata: SnapshotMetadata
) -> None:
    first = metadata.last_block + 1
    with (
        folder.opened() as store,
        closing(Ledger.open(folder.blocks, store, blocks_to_live)) as ledger,
    ):
        if first >= ledger.height:
            raise ForeignSnapshotError(
                snapshot.directory,
                f"no block follows its last one, {metadata.last_block}, yet; start the node, let"
                " one more block come, stop it, and prune again",
            )
        store.write(dict(snapshot.collection_history()))
        headers = chain(pruned_headers(folder.blocks), _headers(ledger, first))
        write_pruned_headers(folder.blocks, headers)
    # A machine that stops may lose the newest batches of a store, which blocks give back: from here
    # on, the blocks that go cannot.
    sync_tree(folder.store)
    config = snapshot.config()
    start = ChainStart(
        block_number=first,
        previous_hash=metadata.block_hash,
        location=_location(folder, first),
        config_block=config.version.block_number,
        config=config.value,
    )
    write_start(folder.blocks, start)


def _headers(ledger: Ledger, end: int) -> Iterator[BlockHeader]:
    return (ledger.block(number).header for number in range(ledger.first_block, end))


def _location(folder: LedgerFolder, first: int) -> Location:
    start = folder.start
    return place_of(folder.blocks, first - start.block_number, start.location)


def _delete(path: Path) -> int:
    size = path.stat().st_size
    path.unlink()
    return size
