"""What stopped nodes have on disk, read without them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from tallystick.client.commit_status import CommitStatus
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.committed import (
    recorded_codes,
    recorded_commit_hash,
)
from tallystick.node.ledger.key_value_store import KeyValueStore, open_store
from tallystick.node.ledger.ledger import Ledger
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_data_hash, block_header_hash

# Private values differ by design: each organisation has its own, and the hashes of all.
_PRIVATE_NAMESPACE = b"$$p"


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """All of a committed block that must be the same on every peer.

    Attributes:
        header_hash: Covers the transactions and all blocks before.
        codes: The verdicts.
        commit_hash: Covers the verdicts and updates of this block and all before.
    """

    header_hash: bytes
    codes: bytes
    commit_hash: bytes


@dataclass(frozen=True, slots=True)
class Books:
    """A stopped peer's blocks and all that follows from them.

    Attributes:
        ledger: For single questions.
        blocks: One record for each block.
        state: Every public and hashed key of every namespace, with value and version.
    """

    ledger: Ledger
    blocks: Sequence[BlockRecord]
    state: dict[bytes, bytes]

    def status(self, transaction_id: str) -> CommitStatus | None:
        """Return what this peer would tell a client about a transaction."""
        location = self.ledger.location(transaction_id)
        if location is None:
            return None
        return CommitStatus(transaction_id, location.code, location.block_number)

    def value(self, namespace: str, key: str) -> bytes | None:
        """Return what a key holds."""
        found = self.ledger.state.get(namespace, key)
        return None if found is None else found.value


@contextmanager
def opened_books(network: Network, peer: Node) -> Iterator[Books]:
    """Yield what a stopped peer has on disk."""
    directory = network.data_directory(peer) / "channels" / network.channel_id
    with ExitStack() as stack:
        store = stack.enter_context(open_store(network.topology.store, directory / "store"))
        ledger = stack.enter_context(closing(Ledger.open(directory / "blocks", store)))
        blocks = [ledger.block(number) for number in range(ledger.height)]
        check_chain(blocks)
        yield Books(ledger, [_record(block) for block in blocks], _shared_state(store))


def ordered_blocks(network: Network, orderer: Node) -> list[Block]:
    """Return the blocks of a stopped orderer."""
    directory = network.data_directory(orderer) / "channels" / network.channel_id
    with (
        open_store(network.topology.store, directory / "index") as index,
        closing(BlockStore(directory / "blocks", index)) as blocks,
    ):
        return [blocks.read(number) for number in range(blocks.height)]


def check_chain(blocks: Sequence[Block]) -> None:
    """Fail unless each block has its number, its predecessor's hash and that of its data."""
    previous_hash = b""
    for number, block in enumerate(blocks):
        assert block.header.number == number
        assert block.header.previous_hash == previous_hash, f"block {number} breaks the chain"
        assert block.header.data_hash == block_data_hash(block.data.data)
        previous_hash = block_header_hash(block.header)


def _record(block: Block) -> BlockRecord:
    return BlockRecord(
        header_hash=block_header_hash(block.header),
        codes=recorded_codes(block),
        commit_hash=recorded_commit_hash(block),
    )


def _shared_state(store: KeyValueStore) -> dict[bytes, bytes]:
    state = store.range(keyspace.STATE, keyspace.end_of_prefix(keyspace.STATE))
    return {
        key: value
        for key, value in state
        if _PRIVATE_NAMESPACE not in key.partition(keyspace.SEPARATOR)[0]
    }
