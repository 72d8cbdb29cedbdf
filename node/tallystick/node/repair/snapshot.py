"""Whether a snapshot is of the ledger that it is to stand in for."""

from pathlib import Path

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.node.ledger.snapshot_metadata import SnapshotMetadata, read_metadata
from tallystick.node.repair.folder import LedgerFolder
from tallystick.wire.hashing import block_header_hash


class ForeignSnapshotError(LedgerError):
    """A snapshot is of another ledger, or of a block that the ledger does not have.

    Attributes:
        directory: The snapshot.
    """

    def __init__(self, directory: Path, problem: str) -> None:
        super().__init__(f"the snapshot in {directory} cannot be used for this ledger: {problem}")
        self.directory = directory


class NoSnapshotError(LedgerError):
    """A ledger without its first blocks is to be made anew, and nothing stands in for them.

    Attributes:
        first_block: The first block that is here.
    """

    def __init__(self, first_block: int) -> None:
        super().__init__(
            f"the blocks of this ledger begin with block {first_block}: name with --snapshot the"
            f" snapshot after block {first_block - 1}, or after a later one that is here"
        )
        self.first_block = first_block


def fitting_snapshot(folder: LedgerFolder, snapshot: Path) -> SnapshotMetadata:
    """Return what a snapshot says it is, if it is of a block that the ledger knows.

    Its other files are not looked at.

    Raises:
        SnapshotDamagedError: Its metadata cannot be used.
        ForeignSnapshotError: The ledger has another such block, or none, or another outcome of it.
        LedgerError: A block cannot be read.
    """
    metadata = read_metadata(snapshot)
    start, last = folder.start, metadata.last_block
    if last + 1 == start.block_number:
        block_hash, commit_hash = start.previous_hash, metadata.commit_hash
    else:
        block = next((each for each in folder.read() if each.header.number == last), None)
        if block is None:
            raise ForeignSnapshotError(snapshot, f"block {last}, which it ends with, is not here")
        block_hash, commit_hash = block_header_hash(block.header), recorded_commit_hash(block)
    for name, here, there in (
        ("header", block_hash, metadata.block_hash),
        ("commit", commit_hash, metadata.commit_hash),
    ):
        if here != there:
            raise ForeignSnapshotError(
                snapshot, f"its {name} hash of block {last} is {there.hex()}, and {here.hex()} here"
            )
    return metadata
