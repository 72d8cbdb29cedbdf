"""Where the blocks of a ledger begin, in one file beside them.

A ledger that began with a snapshot has no earlier blocks. A ledger without the file begins with
block 0.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.segments import BEGINNING, Location

START: Final = "start.json"


class DamagedStartError(LedgerError):
    """A file that says where the blocks begin cannot be read.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged: restore it from a backup, or delete this ledger and join the "
            "channel again"
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class ChainStart:
    """The first block that is kept.

    Attributes:
        block_number: Its number.
        previous_hash: Header hash of the block before; empty for block 0.
        location: Where its record begins.
    """

    block_number: int = 0
    previous_hash: bytes = b""
    location: Location = BEGINNING


def read_start(directory: Path) -> ChainStart:
    """Return where the blocks in ``directory`` begin.

    Raises:
        DamagedStartError: The file that says so cannot be read.
    """
    path = directory / START
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ChainStart()
    try:
        start = json.loads(content)
        return ChainStart(
            int(start["first_block"]),
            bytes.fromhex(start["previous_hash"]),
            Location(int(start["segment"]), int(start["offset"]), 0),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedStartError(path) from error


def write_start(directory: Path, start: ChainStart) -> None:
    """Record durably that the blocks begin at ``start``: after a crash they do, or as before."""
    content = {
        "first_block": start.block_number,
        "previous_hash": start.previous_hash.hex(),
        "segment": start.location.segment,
        "offset": start.location.offset,
    }
    directory.mkdir(parents=True, exist_ok=True)
    replace_durably(directory / START, [json.dumps(content).encode()])


def replace_durably(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file: after a crash it has its old content or all of the new."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Make everything below a directory durable."""
    for folder, _, names in os.walk(directory):
        for name in names:
            descriptor = os.open(Path(folder) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(folder))
