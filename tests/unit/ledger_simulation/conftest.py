"""A committed state to simulate on."""

from collections.abc import Iterator

import pytest

from tallystick.node.ledger.history import HistoryView
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.rwset import Metadata, encode_metadata
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import (
    LedgerState,
    UpdateBatch,
    VersionedValue,
    private_entries,
    state_entries,
)
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVMetadataEntry
from tallystick.wire.hashing import sha256

NAMESPACE = "basic"
COLLECTION = "coll"


class OneModification(HistoryView):
    """Every key was written once."""

    def modifications(self, namespace: str, key: str) -> Iterator[KeyModification]:
        yield KeyModification(tx_id=f"{namespace}/{key}")


class Committed:
    """A state that grows by one block with each call; block numbers start at 1."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.view = LedgerState(self.store)
        self.block_number = 0

    def put(self, *keys: str, value: bytes = b"value", metadata: Metadata | None = None) -> None:
        """Write the keys, one transaction each."""
        batch = UpdateBatch()
        self.block_number += 1
        entries = [
            KVMetadataEntry(name=name, value=value)
            for name, value in sorted((metadata or {}).items())
        ]
        for index, key in enumerate(keys):
            version = Version(self.block_number, index)
            batch.put(NAMESPACE, key, value, version, encode_metadata(entries))
        self.store.write(state_entries(batch))

    def put_private(self, key: str, value: bytes = b"secret", *, known: bool = True) -> None:
        """Write a private key; this node has the value only if it is ``known``."""
        batch = UpdateBatch()
        self.block_number += 1
        version = Version(self.block_number, 0)
        batch.put_hash(NAMESPACE, COLLECTION, sha256(key.encode()), sha256(value), version)
        self.store.write(state_entries(batch))
        if known:
            change = {key: VersionedValue(value, version)}
            self.store.write(private_entries(NAMESPACE, COLLECTION, change))

    def simulator(self) -> Simulator:
        return Simulator(self.view, OneModification(), "tx1")


@pytest.fixture
def committed() -> Committed:
    return Committed()
