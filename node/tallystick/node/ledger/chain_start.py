"""Where the blocks of a ledger begin, in files beside them.

A ledger that began with a snapshot has no earlier blocks; one that was pruned has given them up and
keeps their headers, so that the chain can still be followed from its first block on. A ledger
without these files begins with block 0.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.node.durable import make_directory, replace_file
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.segments import BEGINNING, Location
from tallystick.node.ledger.varint import read_uvarint, uvarint
from tallystick.protos.common.common_pb2 import BlockHeader

START: Final = "start.json"
HEADERS: Final = "pruned.headers"


class DamagedStartError(LedgerError):
    """A file that says what was before the blocks cannot be read.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, problem: str = "") -> None:
        """``problem`` is what the operating system said, if it could not read the file."""
        found = f"cannot be read ({problem})" if problem else "is damaged"
        super().__init__(
            f"{path} {found}: restore it from a backup, or delete this ledger and join the "
            "channel again"
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class ChainStart:
    """The first block that is kept, and what must be known of those before it.

    Attributes:
        block_number: Its number.
        previous_hash: Header hash of the block before; empty for block 0.
        location: Where its record begins.
        config_block: Number of the block that brought the configuration in force before it.
        config: That configuration, ``ConfigEnvelope`` bytes; empty for block 0.
    """

    block_number: int = 0
    previous_hash: bytes = b""
    location: Location = BEGINNING
    config_block: int = 0
    config: bytes = b""


def read_start(directory: Path, disk: Disk = MACHINE_DISK) -> ChainStart:
    """Return where the blocks in ``directory`` begin.

    Raises:
        DamagedStartError: The file that says so cannot be read.
    """
    path = directory / START
    try:
        content = disk.read(path)
    except FileNotFoundError:
        return ChainStart()
    except OSError as error:
        raise DamagedStartError(path, error.strerror or str(error)) from error
    try:
        start = json.loads(content)
        return ChainStart(
            int(start["first_block"]),
            bytes.fromhex(start["previous_hash"]),
            Location(int(start["segment"]), int(start["offset"]), 0),
            int(start["config_block"]),
            base64.b64decode(start["config"], validate=True),
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
        "config_block": start.config_block,
        "config": base64.b64encode(start.config).decode(),
    }
    make_directory(directory)
    replace_file(directory / START, [json.dumps(content).encode()])


def pruned_headers(directory: Path) -> Iterator[BlockHeader]:
    """Yield the headers of the blocks that were pruned, in order.

    Raises:
        DamagedStartError: The file that has them cannot be read.
    """
    path = directory / HEADERS
    first_block = read_start(directory).block_number
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise DamagedStartError(path, error.strerror or str(error)) from error
    at = 0
    while at < len(content):
        try:
            size, at = read_uvarint(content, at)
            header = BlockHeader.FromString(content[at : at + size])
        except (IndexError, DecodeError) as error:
            raise DamagedStartError(path) from error
        at += size
        if header.number >= first_block:  # a crash came between these headers and the new start
            return
        yield header


def write_pruned_headers(directory: Path, headers: Iterable[BlockHeader]) -> None:
    """Keep the headers of all pruned blocks, durably, in place of those kept before."""
    encoded = (header.SerializeToString() for header in headers)
    replace_file(directory / HEADERS, (uvarint(len(header)) + header for header in encoded))
