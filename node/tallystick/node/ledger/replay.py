"""What a committed block changed, read from the block itself, and why replaying it can fail."""

from collections.abc import Sequence

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import committed
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.ledger.state import PrivateSetId, StateView, UpdateBatch
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVWriteHash
from tallystick.protos.peer.transaction_pb2 import TxValidationCode


class ReplayMismatchError(LedgerError):
    """A block, applied again after a crash, has another outcome than the one it records.

    Attributes:
        number: The block's number.
        recorded: The commit hash in the block.
        replayed: The commit hash that replaying it gives.
    """

    def __init__(self, *, number: int, recorded: bytes, replayed: bytes) -> None:
        super().__init__(
            f"block {number} records commit hash {recorded.hex()}, but replaying it gives "
            f"{replayed.hex()}: the store does not belong to these blocks; `tally ledger rebuild` "
            "makes it anew from them"
        )
        self.number = number
        self.recorded = recorded
        self.replayed = replayed


class StateLostError(LedgerError):
    """The views are gone, and the blocks that are left do not begin with block 0.

    Attributes:
        first_block: The first block that is left.
    """

    def __init__(self, first_block: int) -> None:
        super().__init__(
            f"the store is lost, and it cannot be rebuilt from blocks that begin with block "
            f"{first_block}: `tally ledger rebuild --snapshot` makes it from a snapshot and the "
            "blocks after that"
        )
        self.first_block = first_block


def recorded_updates(block: Block, state: StateView) -> UpdateBatch:
    """Return what the transactions that a committed block calls valid change on top of ``state``.

    Raises:
        MalformedMessageError: One of them cannot be read.
    """
    codes = committed.recorded_codes(block)
    updates = UpdateBatch()
    for index, entry in enumerate(block.data.data):
        if codes[index] == TxValidationCode.VALID and committed.is_endorser_transaction(entry):
            rwset = parse_results(committed.results_of_entry(entry))
            rwset.apply_to(updates, Version(block.header.number, index), state)
    return updates


def hashed_writes(block: Block, set_id: PrivateSetId) -> Sequence[KVWriteHash]:
    """Return what the transaction of a private set wrote in its collection; it is in ``block``."""
    entry = block.data.data[set_id.version.transaction_index]
    return [
        write
        for namespace in parse_results(committed.results_of_entry(entry)).namespaces
        if namespace.namespace == set_id.namespace
        for collection in namespace.collections
        if collection.name == set_id.collection
        for write in collection.writes
    ]
