"""What a signed proposal tells a contract about its transaction. Source: wire.md §9.4."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tallystick.protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from tallystick.wire.messages import decode, timestamp_to_ns


@dataclass(frozen=True, slots=True)
class ProposalFacts:
    """The part of a proposal that contracts may know; see ``ChaincodeStub`` for the fields."""

    creator: bytes
    timestamp_ns: int
    transient: Mapping[str, bytes]
    entry_chaincode: str

    @classmethod
    def of(cls, signed: SignedProposal) -> "ProposalFacts":
        """Return the facts in a proposal; the peer has verified its signature.

        Raises:
            MalformedMessageError: A part of it cannot be read.
        """
        proposal = decode(Proposal, signed.proposal_bytes)
        header = decode(Header, proposal.header)
        channel_header = decode(ChannelHeader, header.channel_header)
        extension = decode(ChaincodeHeaderExtension, channel_header.extension)
        return cls(
            creator=decode(SignatureHeader, header.signature_header).creator,
            timestamp_ns=timestamp_to_ns(channel_header.timestamp),
            transient=MappingProxyType(
                dict(decode(ChaincodeProposalPayload, proposal.payload).TransientMap)
            ),
            entry_chaincode=extension.chaincode_id.name,
        )
