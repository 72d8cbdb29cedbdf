"""``python -m bench.store_memory``: what kind of memory a peer's store takes as it grows.

The rows that a peer writes for a million transactions, each of one new key, go into LevelDB block
by block, with the look-ups of validation before them. Nothing else is here. Resident memory
is read by kind: what the process allocated, and pages of LevelDB's tables, which it maps as
files. The kernel gives those pages back when memory is short, for they are on disk.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from bench.report import add_output, save
from tallystick.node.ledger.history import history_entries
from tallystick.node.ledger.key_value_store import MAPPED_BYTES, KeyValueStore
from tallystick.node.ledger.leveldb import LevelDbStore
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.transaction_index import TransactionIndex
from tallystick.node.ledger.version import Version
from tallystick.node.memory import give_back_memory, settle_memory

NAMESPACE: Final = "keyvalue"
VALUE: Final = b"x" * 100
IN_A_BLOCK: Final = 64
_MAPPING: Final = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (?:\S+ ){3}\S+ *(?P<path>.*)$")


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process held at one moment, in MiB.

    Attributes:
        transactions: Written so far.
        tables: How many tables LevelDB has.
        allocated_mib: Resident memory that is not of a file.
        mapped_tables_mib: Resident pages of LevelDB's tables.
        resident_mib: All resident memory, programs and libraries included.
    """

    transactions: int
    tables: int
    allocated_mib: float
    mapped_tables_mib: float
    resident_mib: float


def resident_by_path() -> Mapping[str, int]:
    """Return the resident bytes of this process by mapped file; ``""`` is what is of none."""
    resident: dict[str, int] = {}
    path = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if mapping := _MAPPING.match(line):
            path = mapping["path"]
            path = "" if path.startswith("[") else path
        elif line.startswith("Rss:"):
            resident[path] = resident.get(path, 0) + int(line.split()[1]) * 1024
    return resident


def write(store: KeyValueStore, block: int) -> None:
    """Write the rows of one block, as a peer does."""
    state, index, batch = LedgerState(store), TransactionIndex(store), UpdateBatch()
    keys = [f"{block * IN_A_BLOCK + place:012}" for place in range(IN_A_BLOCK)]
    identifiers = [sha256(key.encode()).hexdigest() for key in keys]
    for place, key in enumerate(keys):
        assert state.get(NAMESPACE, key) is None
        batch.put(NAMESPACE, key, VALUE, Version(block, place), b"")
    history = [(NAMESPACE, key, Version(block, place)) for place, key in enumerate(keys)]
    store.write(
        {
            **state_entries(batch),
            **history_entries(history),
            **index.entries(block, identifiers, bytes(IN_A_BLOCK)),
        }
    )


def run(directory: Path, transactions: int, samples: int, mapped_bytes: int) -> list[Sample]:
    """Return the samples of one run, the first of them taken before anything is written."""
    store = LevelDbStore(directory, mapped_bytes)
    settle_memory()
    blocks = transactions // IN_A_BLOCK
    taken = [sample(directory, 0)]
    for block in range(blocks):
        write(store, block)
        if (block + 1) % (blocks // samples) == 0:
            give_back_memory()  # as a node does each minute
            taken.append(sample(directory, (block + 1) * IN_A_BLOCK))
            sys.stderr.write(f"{taken[-1]}\n")
    store.close()
    return taken


def sample(directory: Path, transactions: int) -> Sample:
    """Return what this process holds now."""
    resident = resident_by_path()
    tables = sum(size for path, size in resident.items() if path.startswith(str(directory)))
    return Sample(
        transactions=transactions,
        tables=sum(1 for _ in directory.glob("*.ldb")),
        allocated_mib=round(resident.get("", 0) / 2**20, 1),
        mapped_tables_mib=round(tables / 2**20, 1),
        resident_mib=round(sum(resident.values()) / 2**20, 1),
    )


def main() -> None:
    """Measure and write the samples as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.store_memory", description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument(
        "--mapped-mib", type=int, default=MAPPED_BYTES // 2**20, help="store_mapped_bytes, in MiB"
    )
    add_output(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        mapped_bytes = arguments.mapped_mib * 2**20
        taken = run(Path(directory), arguments.transactions, arguments.samples, mapped_bytes)
    output = save({"samples": list(map(asdict, taken))}, arguments.output, "store-memory")
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
