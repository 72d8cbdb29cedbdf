"""A peer's ledger built again from its blocks, height by height."""

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

from tallystick.node.ledger.committed import (
    recorded_codes,
    recorded_commit_hash,
    transaction_id_of_entry,
)
from tallystick.node.ledger.ledger import CommittableBlock, Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.replay import recorded_updates
from tallystick.node.ledger.state import PrivateSetId, StateView
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
    TxReadWriteSet,
)


async def each_height(source: Ledger, directory: Path) -> AsyncIterator[StateView]:
    """Yield the state after each block of a ledger, as a new one makes it of blocks 0, 1, 2, …

    Private values are those that the source keeps beside its blocks. The new ledger comes to the
    same commit hash after every block, or this fails.
    """
    ledger = Ledger.open(directory, MemoryStore())
    try:
        for number in range(source.height):
            block = source.block(number)
            recorded = recorded_commit_hash(block)
            updates = recorded_updates(block, ledger.state)
            await ledger.commit(
                CommittableBlock(
                    block=block,
                    codes=recorded_codes(block),
                    updates=updates,
                    transaction_ids=[transaction_id_of_entry(each) for each in block.data.data],
                    private=_private_results(source, updates.private_sets),
                )
            )
            assert ledger.last_commit_hash() == recorded
            yield ledger.state
    finally:
        ledger.close()


def _private_results(source: Ledger, sets: Iterable[PrivateSetId]) -> Mapping[int, bytes]:
    """Return the private sets that a peer has of a block, by index of the transaction."""
    found: dict[int, TxPvtReadWriteSet] = {}
    for set_id in sets:
        rwset = source.private_sets.get(set_id)
        if rwset is not None:
            results = found.setdefault(
                set_id.version.transaction_index,
                TxPvtReadWriteSet(data_model=TxReadWriteSet.KV),
            )
            collection = CollectionPvtReadWriteSet(collection_name=set_id.collection, rwset=rwset)
            results.ns_pvt_rwset.append(
                NsPvtReadWriteSet(namespace=set_id.namespace, collection_pvt_rwset=[collection])
            )
    return {index: results.SerializeToString() for index, results in found.items()}
