"""Reading transactions out of blocks that validation has already judged."""

from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    Block,
    BlockMetadataIndex,
    ChannelHeader,
    Envelope,
    Metadata,
)
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.protos.ledger.rwset.rwset_pb2 import TxReadWriteSet
from tallystick.wire.envelope import chaincode_action_of, channel_header_of
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode


def channel_header_of_entry(entry: bytes) -> ChannelHeader | None:
    """Return the channel header of a block's entry, or None if it cannot be read."""
    try:
        return channel_header_of(decode(Envelope, entry))
    except MalformedMessageError:
        return None


def transaction_id_of_entry(entry: bytes) -> str:
    """Return the transaction id that a block's entry claims; empty if it claims none."""
    header = channel_header_of_entry(entry)
    return "" if header is None else header.tx_id


def is_config_block(block: Block) -> bool:
    """Tell whether the block carries a channel configuration, which then is its only entry."""
    if len(block.data.data) != 1:
        return False
    header = channel_header_of_entry(block.data.data[0])
    return header is not None and header.type == CONFIG


def is_endorser_transaction(entry: bytes) -> bool:
    """Tell whether a block's entry is a transaction that chaincode produced."""
    header = channel_header_of_entry(entry)
    return header is not None and header.type == ENDORSER_TRANSACTION


def results_of_entry(entry: bytes) -> bytes:
    """Return the ``TxReadWriteSet`` bytes of a valid endorser transaction.

    Raises:
        MalformedMessageError: The entry is not an endorser transaction.
    """
    return chaincode_action_of(decode(Envelope, entry).payload).results


def find_modification(entry: bytes, namespace: str, key: str) -> KeyModification | None:
    """Return what a valid endorser transaction wrote to a public key; None if it did not.

    Source: wire.md §13, History.
    """
    envelope = decode(Envelope, entry)
    results = decode(TxReadWriteSet, chaincode_action_of(envelope.payload).results)
    for namespace_results in results.ns_rwset:
        if namespace_results.namespace != namespace:
            continue
        for write in decode(KVRWSet, namespace_results.rwset).writes:
            if write.key == key:
                header = channel_header_of(envelope)
                return KeyModification(
                    tx_id=header.tx_id,
                    value=write.value,
                    timestamp=header.timestamp,
                    is_delete=write.is_delete or not write.value,
                )
    return None


def record_outcome(block: Block, codes: bytes, commit_hash: bytes) -> None:
    """Write the outcome of validation into the metadata slots that are the committing peer's.

    Args:
        block: Changed in place.
        codes: One byte for each transaction.
        commit_hash: Empty if the ledger has none for this block: then its slot stays as it is.

    Source: wire.md §11.
    """
    slots = block.metadata.metadata
    while len(slots) <= BlockMetadataIndex.COMMIT_HASH:
        slots.append(b"")
    slots[BlockMetadataIndex.TRANSACTIONS_FILTER] = codes
    if commit_hash:
        slots[BlockMetadataIndex.COMMIT_HASH] = Metadata(value=commit_hash).SerializeToString()


def has_verdicts(block: Block) -> bool:
    """Return whether a peer has committed this block; an orderer's copy has no verdicts."""
    slots = block.metadata.metadata
    place = BlockMetadataIndex.TRANSACTIONS_FILTER
    return len(slots) > place and bool(slots[place])


def recorded_codes(block: Block) -> bytes:
    """Return the verdicts that a committed block carries, one byte for each transaction."""
    return block.metadata.metadata[BlockMetadataIndex.TRANSACTIONS_FILTER]


def recorded_commit_hash(block: Block) -> bytes:
    """Return the commit hash that a committed block carries; empty if it has none."""
    slot = block.metadata.metadata[BlockMetadataIndex.COMMIT_HASH]
    return decode(Metadata, slot).value
