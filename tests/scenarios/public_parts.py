"""What a block tells everybody of a transaction, taken apart."""

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.protos.common.common_pb2 import Block, ChannelHeader, Envelope, HeaderType, Payload
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import HashedRWSet, KVRWSet
from tallystick.protos.ledger.rwset.rwset_pb2 import TxReadWriteSet
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction, ChaincodeProposalPayload
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction

Place = tuple[str, str, bytes]
"""Chaincode, collection or nothing, and a key: of a collection's key, its SHA-256."""


@dataclass(frozen=True, slots=True)
class PublicParts:
    """One transaction as a peer stores it.

    Attributes:
        transaction_id: Its id.
        envelope: All of it: who signed and endorsed it, arguments, sets, events, result.
        arguments: What was called, and with what.
        places: All that was read or written.
    """

    transaction_id: str
    envelope: bytes
    arguments: tuple[bytes, ...]
    places: frozenset[Place]


def public_parts(block: bytes) -> Iterator[PublicParts]:
    """Yield the transactions of a stored block; configurations are none."""
    for envelope in Block.FromString(block).data.data:
        payload = Payload.FromString(Envelope.FromString(envelope).payload)
        header = ChannelHeader.FromString(payload.header.channel_header)
        if header.type == HeaderType.ENDORSER_TRANSACTION:
            (action,) = Transaction.FromString(payload.data).actions
            endorsed = ChaincodeActionPayload.FromString(action.payload)
            yield PublicParts(
                transaction_id=header.tx_id,
                envelope=envelope,
                arguments=_arguments_of(endorsed),
                places=frozenset(_places_of(endorsed)),
            )


def _arguments_of(endorsed: ChaincodeActionPayload) -> tuple[bytes, ...]:
    proposal = ChaincodeProposalPayload.FromString(endorsed.chaincode_proposal_payload)
    invocation = ChaincodeInvocationSpec.FromString(proposal.input)
    return tuple(invocation.chaincode_spec.input.args)


def _places_of(endorsed: ChaincodeActionPayload) -> Iterator[Place]:
    response = ProposalResponsePayload.FromString(endorsed.action.proposal_response_payload)
    results = ChaincodeAction.FromString(response.extension).results
    for namespace in TxReadWriteSet.FromString(results).ns_rwset:
        public = KVRWSet.FromString(namespace.rwset)
        keys = [each.key for each in public.reads]
        keys += [each.key for each in public.writes]
        keys += [each.key for each in public.metadata_writes]
        yield from ((namespace.namespace, "", key.encode()) for key in keys)
        for query in public.range_queries_info:
            yield namespace.namespace, "", f"{query.start_key} to {query.end_key}".encode()
        for collection in namespace.collection_hashed_rwset:
            hashed = HashedRWSet.FromString(collection.hashed_rwset)
            hashes = [each.key_hash for each in hashed.hashed_reads]
            hashes += [each.key_hash for each in hashed.hashed_writes]
            hashes += [each.key_hash for each in hashed.metadata_writes]
            name = collection.collection_name
            yield from ((namespace.namespace, name, told) for told in hashes)
