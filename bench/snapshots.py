"""How long a snapshot of a large state takes, to write and to begin with.

``python -m bench.snapshots --keys 1000000`` fills a store, writes a snapshot of it and makes a
ledger of that, in a temporary folder; it prints seconds by the clock and of CPU time, bytes, and
the memory at its highest.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tallystick.node.ledger.head import Head, LedgerMoment
from tallystick.node.ledger.key_value_store import OpenStore, open_store
from tallystick.node.ledger.snapshot_export import SnapshotSource, write_snapshot
from tallystick.node.ledger.snapshot_import import import_snapshot
from tallystick.node.ledger.state import UpdateBatch, VersionedValue, state_entries
from tallystick.node.ledger.transaction_index import bare_entry
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.wire.hashing import sha256

KEYS_TO_A_BATCH = 10_000
LAST_BLOCK = 1000


def main() -> None:
    """Measure once and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    keys = parser.parse_args().keys
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), keys), indent=2))


def measure(folder: Path, keys: int) -> dict[str, float]:
    """Return seconds to write and to begin with a snapshot of ``keys`` keys, and its size."""
    with open_store("leveldb", folder / "store") as store:
        fill(store, keys)
        head = Head(LAST_BLOCK + 1, 0, sha256(b"last"), sha256(b"before"), sha256(b"commit"))
        source = SnapshotSource(
            "bench", LedgerMoment(store.snapshot(), head), VersionedValue(b"", Version(0, 0)), {}
        )
        began = _now()
        write_snapshot(source, folder / "snapshot")
        wrote = _now()
    closed = _now()
    import_snapshot(folder / "snapshot", folder / "ledger", "leveldb", blocks_to_live)
    imported = _now()
    return {
        "keys": keys,
        "write_s": round(wrote.wall_s - began.wall_s, 2),
        "write_cpu_s": round(wrote.cpu_s - began.cpu_s, 2),
        "join_s": round(imported.wall_s - closed.wall_s, 2),
        "join_cpu_s": round(imported.cpu_s - closed.cpu_s, 2),
        "snapshot_mb": round(
            sum(file.stat().st_size for file in (folder / "snapshot").iterdir()) / 1e6, 1
        ),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
    }


class _Moment(NamedTuple):
    """By the clock, and by what all threads of this process had of processors."""

    wall_s: float
    cpu_s: float


def _now() -> _Moment:
    return _Moment(time.perf_counter(), time.process_time())


def fill(store: OpenStore, keys: int) -> None:
    """Put so many keys, and a transaction for each, where a ledger has them."""
    for first in range(0, keys, KEYS_TO_A_BATCH):
        batch = UpdateBatch()
        rows: dict[bytes, bytes | None] = {}
        for number in range(first, min(keys, first + KEYS_TO_A_BATCH)):
            version = Version(1 + number % LAST_BLOCK, number % 500)
            batch.put("token", f"holding/{number:09}", b"%0100d" % number, version)
            key, value = bare_entry(sha256(number.to_bytes(8, "big")).hex())
            rows[key] = value
        store.write(state_entries(batch) | rows)


if __name__ == "__main__":
    main()
