"""Proposals, transactions and deliver requests: building them, and taking them apart.

A client builds a proposal, peers endorse the result, and the client wraps both in a transaction
envelope. Wherever bytes are hashed or signed, the functions here pass on the very bytes they were
given. Source: wire.md §3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    ENDORSER_TRANSACTION,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    SignatureHeader,
)
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekPosition
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeSpec,
)
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
)
from tallystick.protos.peer.proposal_response_pb2 import Endorsement, ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode, timestamp_from_ns
from tallystick.wire.signing import Signer
from tallystick.wire.txid import transaction_id

FOREVER_BLOCK_NUMBER: Final = 2**64 - 1
"""Stop position of a deliver request that never ends."""


@dataclass(frozen=True, slots=True)
class ProposalArguments:
    """What a client wants a chaincode to do.

    Attributes:
        channel_id: Empty for system chaincodes that belong to the peer rather than to a channel.
        chaincode: Name of the chaincode.
        args: The function's name, then its arguments.
        transient: Data for the chaincode that must not reach the ledger.
        is_init: Whether this is the call that initialises the chaincode.
    """

    channel_id: str
    chaincode: str
    args: Sequence[bytes]
    transient: Mapping[str, bytes] = field(default_factory=dict)
    is_init: bool = False


@dataclass(frozen=True, slots=True)
class BuiltProposal:
    """A proposal ready to be signed.

    Attributes:
        transaction_id: The id under which the transaction will be known.
        proposal_bytes: ``Proposal`` bytes: the message that the signature covers.
    """

    transaction_id: str
    proposal_bytes: bytes


def build_proposal(
    arguments: ProposalArguments, *, creator: bytes, nonce: bytes, timestamp_ns: int
) -> BuiltProposal:
    """Return the proposal and the transaction id that follows from its nonce and creator.

    Args:
        arguments: What to call.
        creator: Serialized identity of the client.
        nonce: ``NONCE_SIZE`` random bytes, drawn for this proposal alone.
        timestamp_ns: Now, in nanoseconds since the epoch. Peers refuse a time that is far off.
    """
    identifier = transaction_id(nonce, creator)
    chaincode_id = ChaincodeID(name=arguments.chaincode)
    channel_header = ChannelHeader(
        type=ENDORSER_TRANSACTION,
        timestamp=timestamp_from_ns(timestamp_ns),
        channel_id=arguments.channel_id,
        tx_id=identifier,
        extension=ChaincodeHeaderExtension(chaincode_id=chaincode_id).SerializeToString(),
    )
    invocation = ChaincodeInvocationSpec(
        chaincode_spec=ChaincodeSpec(
            type=ChaincodeSpec.GOLANG,  # what Fabric's own command line says of any chaincode
            chaincode_id=chaincode_id,
            input=ChaincodeInput(args=arguments.args, is_init=arguments.is_init),
        )
    )
    payload = ChaincodeProposalPayload(
        input=invocation.SerializeToString(), TransientMap=arguments.transient
    )
    proposal = Proposal(
        header=_header(channel_header, creator, nonce).SerializeToString(),
        payload=payload.SerializeToString(deterministic=True),
    )
    return BuiltProposal(identifier, proposal.SerializeToString())


def strip_transient(proposal_payload: bytes) -> bytes:
    """Return ``ChaincodeProposalPayload`` bytes that hold nothing but the input.

    This is the form that is hashed and that enters the transaction: transient data must not.

    Raises:
        MalformedMessageError: The argument is no such message.
    """
    payload = decode(ChaincodeProposalPayload, proposal_payload)
    return ChaincodeProposalPayload(input=payload.input).SerializeToString()


def proposal_hash(channel_header: bytes, signature_header: bytes, proposal_payload: bytes) -> bytes:
    """Return the hash that ties an endorsed result to its proposal.

    Args:
        channel_header: The bytes inside the proposal's ``Header``, as they arrived.
        signature_header: Likewise.
        proposal_payload: ``ChaincodeProposalPayload`` bytes, with transient data or without.

    Source: wire.md §3.2.
    """
    return sha256(channel_header + signature_header + strip_transient(proposal_payload))


def build_transaction_payload(
    proposal_bytes: bytes, proposal_response_payload: bytes, endorsements: Iterable[Endorsement]
) -> bytes:
    """Return the ``Payload`` bytes of a transaction, for the creator of the proposal to sign.

    Args:
        proposal_bytes: The proposal that was endorsed.
        proposal_response_payload: The result, byte for byte as every endorser signed it.
        endorsements: In the order in which they will appear; of several by one endorser the first
            is kept.

    Raises:
        MalformedMessageError: The proposal cannot be read.

    Source: wire.md §3.4.
    """
    proposal = decode(Proposal, proposal_bytes)
    header = decode(Header, proposal.header)
    by_endorser: dict[bytes, Endorsement] = {}
    for endorsement in endorsements:
        by_endorser.setdefault(endorsement.endorser, endorsement)
    action_payload = ChaincodeActionPayload(
        chaincode_proposal_payload=strip_transient(proposal.payload),
        action=ChaincodeEndorsedAction(
            proposal_response_payload=proposal_response_payload,
            endorsements=by_endorser.values(),
        ),
    )
    action = TransactionAction(
        header=header.signature_header, payload=action_payload.SerializeToString()
    )
    return Payload(
        header=header, data=Transaction(actions=[action]).SerializeToString()
    ).SerializeToString()


def build_payload(
    channel_header: ChannelHeader, data: bytes, *, creator: bytes, nonce: bytes = b""
) -> bytes:
    """Return the ``Payload`` bytes of any envelope that is not a transaction.

    A nonce is needed wherever the payload becomes part of a block; deliver requests go without.
    """
    return Payload(header=_header(channel_header, creator, nonce), data=data).SerializeToString()


def signed_envelope(payload: bytes, signer: Signer) -> Envelope:
    """Return ``payload`` with its creator's signature."""
    return Envelope(payload=payload, signature=signer.sign(payload))


def build_deliver_seek(
    channel_id: str, start: SeekPosition, stop: SeekPosition, *, signer: Signer, timestamp_ns: int
) -> Envelope:
    """Return the signed request for the blocks from ``start`` to ``stop``, both included.

    The server waits for blocks that do not exist yet; a ``stop`` at ``FOREVER_BLOCK_NUMBER`` lasts
    until the stream ends.

    Source: wire.md §6.
    """
    channel_header = ChannelHeader(
        type=DELIVER_SEEK_INFO,
        timestamp=timestamp_from_ns(timestamp_ns),
        channel_id=channel_id,
    )
    seek = SeekInfo(start=start, stop=stop, behavior=SeekInfo.BLOCK_UNTIL_READY)
    payload = build_payload(channel_header, seek.SerializeToString(), creator=signer.identity)
    return signed_envelope(payload, signer)


def channel_header_of(envelope: Envelope) -> ChannelHeader:
    """Return the channel header inside an envelope.

    Raises:
        MalformedMessageError: The payload or the header cannot be read.
    """
    payload = decode(Payload, envelope.payload)
    return decode(ChannelHeader, payload.header.channel_header)


def chaincode_action_of(envelope_payload: bytes) -> ChaincodeAction:
    """Return what the execution of a transaction did, from its envelope's ``Payload`` bytes.

    ``response.payload`` of the action is the transaction's result for the client.

    Raises:
        MalformedMessageError: A layer cannot be read, or there is not exactly one action.
    """
    transaction = decode(Transaction, decode(Payload, envelope_payload).data)
    if len(transaction.actions) != 1:
        raise MalformedMessageError(
            Transaction.DESCRIPTOR.full_name,
            f"it has {len(transaction.actions)} actions where one is allowed",
        )
    action_payload = decode(ChaincodeActionPayload, transaction.actions[0].payload)
    response_payload = decode(
        ProposalResponsePayload, action_payload.action.proposal_response_payload
    )
    return decode(ChaincodeAction, response_payload.extension)


def _header(channel_header: ChannelHeader, creator: bytes, nonce: bytes) -> Header:
    return Header(
        channel_header=channel_header.SerializeToString(),
        signature_header=SignatureHeader(creator=creator, nonce=nonce).SerializeToString(),
    )


def is_well_formed(entry: bytes) -> bool:
    """Return whether bytes are a signed envelope in its one encoding.

    The hash of a block covers its entries without the boundaries between them. If entries that
    decode to the same envelope could differ, two blocks with one hash could as well.
    """
    try:
        envelope = decode(Envelope, entry)
    except MalformedMessageError:
        return False
    signed = bool(envelope.payload) and bool(envelope.signature)
    return signed and envelope.SerializeToString() == entry
