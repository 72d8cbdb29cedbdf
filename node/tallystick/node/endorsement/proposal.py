"""Reading a signed proposal: each layer once. Source: wire.md §3.1, §3.2, §4."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    ChannelHeader,
    Header,
    SignatureHeader,
)
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import timestamp_to_ns
from tallystick.wire.txid import transaction_id

_TYPES: Final = (ENDORSER_TRANSACTION, CONFIG)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MessageT = TypeVar("_MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class UnpackedProposal:
    """A proposal that can be read. Whether it may be endorsed is still open.

    Attributes:
        signed: The proposal as it arrived.
        channel_id: Empty for calls that concern the peer rather than a channel.
        transaction_id: As its header claims.
        timestamp_ns: The client's time, nanoseconds since the epoch, UTC.
        chaincode: The chaincode that its header names.
        creator: ``SerializedIdentity`` bytes of the client.
        args: The function name, then its arguments.
        is_init: Whether it asks to initialise the chaincode.
        transient: What must not reach the ledger.
        is_query: Whether only the answer is wanted: nobody will make a transaction of it.
    """

    signed: SignedProposal
    header: Header
    channel_header: ChannelHeader
    signature_header: SignatureHeader
    channel_id: str
    transaction_id: str
    timestamp_ns: int
    chaincode: str
    creator: bytes
    args: Sequence[bytes]
    is_init: bool
    transient: Mapping[str, bytes]
    input: bytes
    is_query: bool

    @property
    def hash(self) -> bytes:
        """What ties the result to the proposal."""
        # Transient data takes no part in it, so the payload is encoded anew without it.
        visible = ChaincodeProposalPayload(input=self.input).SerializeToString()
        return sha256(self.header.channel_header + self.header.signature_header + visible)


def unpack(signed: SignedProposal, *, is_query: bool = False) -> UnpackedProposal:
    """Return what is in a proposal; ``is_query`` if nobody will make a transaction of it.

    Raises:
        ProposalRefusedError: A layer of it cannot be read, or it names no chaincode.
    """
    proposal = _read(Proposal, signed.proposal_bytes)
    header = _read(Header, proposal.header)
    channel_header = _read(ChannelHeader, header.channel_header)
    signature_header = _read(SignatureHeader, header.signature_header)
    extension = _read(ChaincodeHeaderExtension, channel_header.extension)
    if not extension.chaincode_id.name:
        raise ProposalRefusedError("ChaincodeHeaderExtension.ChaincodeId.Name is empty")
    payload = _read(ChaincodeProposalPayload, proposal.payload)
    invocation = _read(ChaincodeInvocationSpec, payload.input)
    if not invocation.chaincode_spec.HasField("input"):
        raise ProposalRefusedError("chaincode input did not contain any input")
    call = invocation.chaincode_spec.input
    return UnpackedProposal(
        signed=signed,
        header=header,
        channel_header=channel_header,
        signature_header=signature_header,
        channel_id=channel_header.channel_id,
        transaction_id=channel_header.tx_id,
        timestamp_ns=timestamp_to_ns(channel_header.timestamp),
        chaincode=extension.chaincode_id.name,
        creator=signature_header.creator,
        args=call.args,
        is_init=call.is_init,
        transient=MappingProxyType(dict(payload.TransientMap)),  # a protobuf map invents values
        input=payload.input,
        is_query=is_query,
    )


def check_form(proposal: UnpackedProposal) -> None:
    """Check what can be checked without knowing the client. Source: wire.md §4, row 3.

    Raises:
        ProposalRefusedError: The header breaks a rule.
    """
    header, nonce = proposal.channel_header, proposal.signature_header.nonce
    if header.type not in _TYPES:
        raise _invalid(f"invalid header type {header.type}")
    if header.epoch:
        raise _invalid("epoch is non-zero")
    if not nonce:
        raise _invalid("nonce is empty")
    if not proposal.creator:
        raise _invalid("creator is empty")
    expected = transaction_id(nonce, proposal.creator)
    if proposal.transaction_id != expected:
        raise _invalid(
            f"incorrectly computed txid '{proposal.transaction_id}' -- expected '{expected}'"
        )
    if not proposal.signed.signature:
        raise _invalid("empty signature bytes")


def access_denied(proposal: UnpackedProposal, msp_id: str) -> ProposalRefusedError:
    """Return the refusal of a client that is not who it says, which tells it no more than needed.

    Args:
        proposal: What it sent.
        msp_id: The organisation, if it is one of the channel's and has issued the certificate.
    """
    creator = f"[{msp_id}]" if msp_id else "unknown, creator is malformed"
    return _invalid(f"access denied: channel [{proposal.channel_id}] creator org {creator}")


def _invalid(problem: str) -> ProposalRefusedError:
    return ProposalRefusedError(f"error validating proposal: {problem}")


def _read(message_type: type[_MessageT], data: bytes) -> _MessageT:
    try:
        return message_type.FromString(data)
    except DecodeError as error:
        raise ProposalRefusedError(
            f"error unmarshalling {message_type.DESCRIPTOR.name}: {error}"
        ) from error


def time_text(time_ns: int) -> str:
    """Return a moment, nanoseconds since the epoch, for people to read."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_ns // 1_000)
    except OverflowError:  # a client may send any number
        return f"{time_ns} ns"
    return moment.isoformat(timespec="milliseconds")
