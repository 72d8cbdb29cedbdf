"""Files of a snapshot that are as their hashes say, and that no peer would have written."""

from hashlib import sha256
from pathlib import Path

import pytest

from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.private_sets import forever
from tallystick.node.ledger.snapshot_file import (
    SnapshotDamagedError,
    SnapshotFileReader,
    SnapshotFileWriter,
)
from tallystick.node.ledger.snapshot_import import fill_store
from tallystick.node.ledger.snapshot_metadata import (
    PRIVATE_HASHES,
    PUBLIC_STATE,
    SnapshotMetadata,
    data_file,
    metadata_file,
)
from tallystick.protos.ledger.snapshot_record_pb2 import SnapshotRecord

FIRST = b"\x01\x01\x00"
"""The version of a value that the first transaction of block 1 wrote."""


def written(folder: Path, kind: str, namespace: str, record: SnapshotRecord) -> dict[str, str]:
    """Write one record of a kind of state; return the hashes of the two files."""
    data = SnapshotFileWriter(folder / data_file(kind))
    data.string(record.SerializeToString())
    count = SnapshotFileWriter(folder / metadata_file(kind))
    count.number(1)
    count.string(namespace.encode())
    count.number(1)
    return {data_file(kind): data.finish(), metadata_file(kind): count.finish()}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"\x80" * 10 + b"\x00", "has a number that is too long", id="too long"),
        pytest.param(b"\x80" * 9, "ends too early", id="cut short"),
    ],
)
def test_a_number_that_cannot_be_one_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(b"\x01" + content)
    reader = SnapshotFileReader(path, sha256(path.read_bytes()).hexdigest())
    with pytest.raises(SnapshotDamagedError, match=problem):
        reader.number()
    reader.close()


def test_a_value_of_a_transaction_that_no_block_can_hold_is_refused(tmp_path: Path) -> None:
    config = SnapshotRecord(key=b"CHANNEL_CONFIG_ENV_BYTES", value=b"config", version=FIRST)
    late = SnapshotRecord(key=bytes(32), value=bytes(32), version=b"\x01\x01\x05" + b"\x01" * 5)
    hashes = written(tmp_path, PUBLIC_STATE, "", config)
    hashes |= written(tmp_path, PRIVATE_HASHES, "token$$hprices", late)
    metadata = SnapshotMetadata(
        channel_id="trades",
        last_block=7,
        block_hash=bytes(32),
        previous_hash=bytes(32),
        commit_hash=bytes(32),
        file_hashes=hashes,
    )
    with pytest.raises(SnapshotDamagedError, match="has a record that cannot be read"):
        fill_store(tmp_path, metadata, MemoryStore(), forever)
