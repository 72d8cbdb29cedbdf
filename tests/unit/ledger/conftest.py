"""A builder of chains whose blocks hold real transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tallystick.node.ledger.ledger import CommittableBlock, Ledger
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.ledger.state import UpdateBatch
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    HashedRWSet,
    KVMetadataEntry,
    KVMetadataWrite,
    KVMetadataWriteHash,
    KVRWSet,
    KVWrite,
    KVWriteHash,
)
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionHashedReadWriteSet,
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    NsReadWriteSet,
    TxPvtReadWriteSet,
    TxReadWriteSet,
)
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
)
from tallystick.wire.hashing import block_data_hash, sha256
from tallystick.wire.messages import timestamp_from_ns

CHAINCODE = "basic"
COLLECTION = "coll"
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction to build: what it writes to keys of one chaincode; None deletes.

    Attributes:
        policy: Value of the metadata entry that it sets on each key in ``guards``.
        private: What it writes to keys of one collection.
        purges: Which of these keys it deletes with their past.
        private_guards: Keys of that collection whose metadata it sets.
    """

    transaction_id: str
    writes: Mapping[str, bytes | None] = field(default_factory=dict)
    guards: Sequence[str] = ()
    private: Mapping[str, bytes | None] = field(default_factory=dict)
    purges: Sequence[str] = ()
    private_guards: Sequence[str] = ()
    code: int = 0

    def results(self) -> bytes:
        public = KVRWSet(
            writes=_writes(self.writes),
            metadata_writes=[
                KVMetadataWrite(key=key, entries=[KVMetadataEntry(name="rule", value=b"r")])
                for key in self.guards
            ],
        )
        hashed = HashedRWSet(
            hashed_writes=[
                KVWriteHash(
                    key_hash=sha256(key.encode()),
                    is_delete=value is None,
                    value_hash=b"" if value is None else sha256(value),
                    is_purge=key in self.purges,
                )
                for key, value in self.private.items()
            ],
            metadata_writes=[
                KVMetadataWriteHash(
                    key_hash=sha256(key.encode()),
                    entries=[KVMetadataEntry(name="rule", value=self.transaction_id.encode())],
                )
                for key in self.private_guards
            ],
        )
        collections = [
            CollectionHashedReadWriteSet(
                collection_name=COLLECTION,
                hashed_rwset=hashed.SerializeToString(),
                pvt_rwset_hash=sha256(self.private_set()),
            )
        ]
        namespace = NsReadWriteSet(
            namespace=CHAINCODE,
            rwset=public.SerializeToString(),
            collection_hashed_rwset=collections if self.has_private_set else [],
        )
        return TxReadWriteSet(ns_rwset=[namespace]).SerializeToString()

    @property
    def has_private_set(self) -> bool:
        return bool(self.private or self.private_guards)

    def private_set(self) -> bytes:
        return KVRWSet(
            writes=_writes(self.private),
            metadata_writes=[KVMetadataWrite(key=key) for key in self.private_guards],
        ).SerializeToString()

    def private_results(self) -> bytes:
        collection = CollectionPvtReadWriteSet(collection_name=COLLECTION, rwset=self.private_set())
        namespace = NsPvtReadWriteSet(namespace=CHAINCODE, collection_pvt_rwset=[collection])
        return TxPvtReadWriteSet(ns_pvt_rwset=[namespace]).SerializeToString()

    def entry(self, block_number: int) -> bytes:
        action = ChaincodeAction(results=self.results()).SerializeToString()
        response = ProposalResponsePayload(extension=action).SerializeToString()
        payload = ChaincodeActionPayload(
            action=ChaincodeEndorsedAction(proposal_response_payload=response)
        ).SerializeToString()
        transaction = Transaction(actions=[TransactionAction(payload=payload)])
        header = ChannelHeader(
            type=ENDORSER_TRANSACTION,
            tx_id=self.transaction_id,
            timestamp=timestamp_from_ns(block_number * SECOND_NS),
        )
        return _envelope(header, transaction.SerializeToString())


class Chain:
    """Builds the next block of a ledger, together with the outcome of its validation."""

    def config(self, ledger: Ledger) -> CommittableBlock:
        entry = _envelope(ChannelHeader(type=CONFIG), b"configuration")
        return CommittableBlock(
            block=_next_block(ledger, [entry]),
            codes=b"\x00",
            updates=UpdateBatch(),
            transaction_ids=[""],
        )

    def committable(self, ledger: Ledger, *transactions: Tx) -> CommittableBlock:
        number, updates = ledger.height, UpdateBatch()
        for index, transaction in enumerate(transactions):
            if transaction.code == 0:
                rwset = parse_results(transaction.results())
                rwset.apply_to(updates, Version(number, index), ledger.state)
        return CommittableBlock(
            block=_next_block(ledger, [transaction.entry(number) for transaction in transactions]),
            codes=bytes(transaction.code for transaction in transactions),
            updates=updates,
            transaction_ids=[transaction.transaction_id for transaction in transactions],
            private={
                index: transaction.private_results()
                for index, transaction in enumerate(transactions)
                if transaction.has_private_set
            },
        )

    def transaction(
        self,
        transaction_id: str,
        writes: Mapping[str, bytes | None] | None = None,
        *,
        guards: Sequence[str] = (),
        private: Mapping[str, bytes | None] | None = None,
        code: int = 0,
    ) -> Tx:
        return Tx(transaction_id, writes or {}, guards, private or {}, code=code)


def _next_block(ledger: Ledger, entries: list[bytes]) -> Block:
    header = BlockHeader(
        number=ledger.height,
        previous_hash=ledger.info().currentBlockHash,
        data_hash=block_data_hash(entries),
    )
    return Block(
        header=header,
        data=BlockData(data=entries),
        metadata=BlockMetadata(metadata=[b"", b"", b"", b"", b""]),
    )


def _writes(writes: Mapping[str, bytes | None]) -> list[KVWrite]:
    return [
        KVWrite(key=key, is_delete=value is None, value=value or b"")
        for key, value in sorted(writes.items())
    ]


def _envelope(header: ChannelHeader, data: bytes) -> bytes:
    payload = Payload(header=Header(channel_header=header.SerializeToString()), data=data)
    return Envelope(payload=payload.SerializeToString()).SerializeToString()


@pytest.fixture
def chain() -> Chain:
    return Chain()
