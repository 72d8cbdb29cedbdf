"""Reads what clients send to the gateway, and says what is missing from it."""

from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from tallystick.node.gateway.errors import GatewayError
from tallystick.protos.common import common_pb2
from tallystick.protos.peer import proposal_pb2

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """What a signed proposal asks for, as far as the gateway needs to know.

    Attributes:
        channel_id: The channel in the signed header.
        transaction_id: The id in the signed header.
        chaincode: Name of the chaincode to call.
        transient: Whether the proposal carries data that must stay off the ledger.
        creator: Who it says it is from; whether that is so, the endorsers judge.
        size_bytes: Of the proposal.
    """

    channel_id: str
    chaincode: str
    transient: bool
    creator: bytes = b""
    size_bytes: int = 0
    transaction_id: str = ""


def proposed_call(signed: proposal_pb2.SignedProposal) -> ProposedCall:
    """Return what ``signed`` asks for.

    Raises:
        GatewayError: INVALID_ARGUMENT; the proposal is absent or cannot be read.

    Source: wire.md §5.3.
    """
    if not signed.proposal_bytes:
        raise unpack_error("a signed proposal is required")
    try:
        proposal = proposal_pb2.Proposal.FromString(signed.proposal_bytes)
        header = common_pb2.Header.FromString(proposal.header)
        channel_header = common_pb2.ChannelHeader.FromString(header.channel_header)
        signature_header = common_pb2.SignatureHeader.FromString(header.signature_header)
        extension = proposal_pb2.ChaincodeHeaderExtension.FromString(channel_header.extension)
        payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
    except DecodeError as error:
        raise unpack_error(f"it is malformed ({error})") from error
    if not channel_header.channel_id:
        raise unpack_error("no channel id provided")
    if not extension.chaincode_id.name:
        raise unpack_error(
            f"no chaincode name is provided, channel id [{channel_header.channel_id}]"
        )
    return ProposedCall(
        channel_header.channel_id,
        extension.chaincode_id.name,
        bool(payload.TransientMap),
        signature_header.creator,
        len(signed.proposal_bytes),
        channel_header.tx_id,
    )


def read(message_type: type[MessageT], signed: bytes, name: str) -> MessageT:
    """Return the message that a client signed; ``name`` is what to call it.

    Raises:
        GatewayError: INVALID_ARGUMENT; it cannot be read.
    """
    try:
        return message_type.FromString(signed)
    except DecodeError as error:
        raise invalid_argument(f"invalid {name}: {error}") from error


def require_origin(identity: bytes, channel_id: str) -> None:
    """Check that a client says who it is and which channel it means.

    Raises:
        GatewayError: INVALID_ARGUMENT; it does not.
    """
    if not identity:
        raise invalid_argument("no identity provided")
    if not channel_id:
        raise invalid_argument("no channel ID provided")


def unpack_error(reason: str) -> GatewayError:
    """Return the refusal of a proposal that cannot be used."""
    return invalid_argument(f"failed to unpack transaction proposal: {reason}")


def invalid_argument(message: str) -> GatewayError:
    """Return a refusal that tells the client to mend its request."""
    return GatewayError(grpc.StatusCode.INVALID_ARGUMENT, message)
