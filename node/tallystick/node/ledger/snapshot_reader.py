"""What the files of a snapshot hold, record by record, each file checked as it is read.

Source: wire.md §13; hyperledger/fabric core/ledger/kvledger/txmgmt/privacyenabledstate/snapshot.go.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from google.protobuf.message import DecodeError

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.config_record import CONFIG_KEY, CONFIG_NAMESPACE
from tallystick.node.ledger.place_keys import INDEX_SIZE
from tallystick.node.ledger.snapshot_file import SnapshotDamagedError, SnapshotFileReader
from tallystick.node.ledger.snapshot_metadata import (
    COLLECTION_HISTORY,
    PUBLIC_STATE,
    SnapshotMetadata,
    data_file,
    metadata_file,
)
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.snapshot_record_pb2 import SnapshotRecord


class SnapshotReader:
    """Reads one snapshot, never more than a part of a file at once.

    Every iterator raises SnapshotDamagedError where a file is not what its name says, and at its
    end if the file has another hash than the metadata says.

    Attributes:
        directory: Where the files are.
    """

    def __init__(self, directory: Path, metadata: SnapshotMetadata) -> None:
        """Read the files in ``directory``, which ``metadata`` is of."""
        self.directory = directory
        self._metadata = metadata

    def config(self) -> VersionedValue:
        """Return the configuration in force, ``ConfigEnvelope`` bytes: the first key of the state.

        Raises:
            SnapshotDamagedError: The snapshot begins with another key.
        """
        with closing(self.state(PUBLIC_STATE)) as state:
            for namespace, key, held in state:
                if (namespace, key) == (CONFIG_NAMESPACE, CONFIG_KEY.encode()):
                    return held
                break
        raise self.wrong(PUBLIC_STATE, "does not begin with the channel's configuration")

    def collection_history(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the store's rows of all definitions of collections."""
        for fabric_key, package in self.rows(COLLECTION_HISTORY, 2):
            yield keyspace.COLLECTION_HISTORY + fabric_key, package

    def state(self, kind: str) -> Generator[tuple[str, bytes, VersionedValue]]:
        """Yield namespace, key and value of every record of one kind of state."""
        if data_file(kind) not in self._metadata.file_hashes:
            return
        with closing(self._open(data_file(kind))) as data:
            for namespace, count in self._counts(kind):
                for _ in range(count):
                    yield namespace, *self._record(kind, data.string())
            data.finish()

    def _counts(self, kind: str) -> list[tuple[str, int]]:
        with closing(self._open(metadata_file(kind))) as file:
            counts = [(self.text(kind, file.string()), file.number()) for _ in range(file.number())]
            file.finish()
        if any("\0" in namespace for namespace, _ in counts):
            raise self.wrong(kind, "has a namespace that cannot be one")
        return counts

    def rows(self, kind: str, width: int) -> Iterator[list[bytes]]:
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
            raise self.wrong(kind, "has a record that cannot be read") from error
        if version.block_number > self._metadata.last_block:
            raise self.wrong(kind, "has a value from after the snapshot")
        return record.key, VersionedValue(record.value, version, record.metadata)

    def _open(self, name: str) -> SnapshotFileReader:
        return SnapshotFileReader(self.directory / name, self._metadata.file_hashes[name])

    def text(self, kind: str, content: bytes) -> str:
        """Return a name in the data of one kind."""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise self.wrong(kind, "has a name that is no UTF-8") from error

    def wrong(self, kind: str, problem: str) -> SnapshotDamagedError:
        """Return what to raise for the data of one kind."""
        return SnapshotDamagedError(self.directory / data_file(kind), problem)


def _read_version(encoded: bytes) -> Version:
    """Return the version in a record: two ordered varints. Raises IndexError."""
    split = 1 + encoded[0]
    end = split + 1 + encoded[split]
    if end != len(encoded) or encoded[split] > INDEX_SIZE:
        raise IndexError
    return Version(
        int.from_bytes(encoded[1:split], "big"), int.from_bytes(encoded[split + 1 :], "big")
    )
