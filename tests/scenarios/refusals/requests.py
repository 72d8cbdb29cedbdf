"""Requests that can be spoiled at any layer before they are signed, or after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from tests.scenarios.refusals.network import CHAINCODE, CHANNEL_ID, RefusalNetwork
from tests.scenarios.refusals.people import BANK, CLEARING, NOW_NS

from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    ENDORSER_TRANSACTION,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    SignatureHeader,
)
from tallystick.protos.orderer.ab_pb2 import SeekInfo
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeSpec,
)
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from tallystick.protos.peer.proposal_response_pb2 import (
    Endorsement,
    ProposalResponse,
    ProposalResponsePayload,
)
from tallystick.wire.envelope import build_transaction_payload, proposal_hash
from tallystick.wire.messages import timestamp_from_ns
from tallystick.wire.signing import Signer
from tallystick.wire.txid import transaction_id

# The order of the group on the curve P-256: FIPS 186-4, D.1.2.3.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_NS_PER_S: Final = 1_000_000_000


def high_s(signature: bytes) -> bytes:
    """Return the other signature that ECDSA accepts for the same message. Source: wire.md §2."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, _ORDER - s)


@dataclass
class ProposalDraft:
    """A proposal that is not encoded yet; what is None is computed from the rest.

    Attributes:
        creator: Who it says proposes.
        signer: Whose key signs it; the creator's own unless set.
        nonce: Drawn for this proposal.
        header: The channel header; its id and extension are filled in.
        chaincode: What it calls.
        args: The function and its arguments.
    """

    creator: Signer
    nonce: bytes
    header: ChannelHeader
    signer: Signer | None = None
    chaincode: str = CHAINCODE
    args: Sequence[bytes] = (b"write", b"key", b"text")
    creator_bytes: bytes | None = None
    header_bytes: bytes | None = None
    payload: bytes | None = None
    transaction_id: str | None = None

    def encoded(self) -> bytes:
        """Return ``Proposal`` bytes."""
        creator = self.creator.identity if self.creator_bytes is None else self.creator_bytes
        identifier = self.transaction_id
        self.header.tx_id = (
            transaction_id(self.nonce, creator) if identifier is None else identifier
        )
        chaincode_id = ChaincodeID(name=self.chaincode)
        extension = ChaincodeHeaderExtension(chaincode_id=chaincode_id)
        self.header.extension = extension.SerializeToString()
        signature_header = SignatureHeader(creator=creator, nonce=self.nonce)
        header = Header(
            channel_header=self.header.SerializeToString(),
            signature_header=signature_header.SerializeToString(),
        )
        return Proposal(
            header=header.SerializeToString() if self.header_bytes is None else self.header_bytes,
            payload=self._payload() if self.payload is None else self.payload,
        ).SerializeToString()

    def signed(self) -> SignedProposal:
        """Return the proposal with its signature."""
        encoded = self.encoded()
        signer = self.signer or self.creator
        return SignedProposal(proposal_bytes=encoded, signature=signer.sign(encoded))

    def _payload(self) -> bytes:
        spec = ChaincodeSpec(
            chaincode_id=ChaincodeID(name=self.chaincode), input=ChaincodeInput(args=self.args)
        )
        invocation = ChaincodeInvocationSpec(chaincode_spec=spec).SerializeToString()
        return ChaincodeProposalPayload(input=invocation).SerializeToString()


def draft(
    network: RefusalNetwork,
    creator: Signer | None = None,
    *,
    offset_s: float = 0.0,
    channel_id: str = CHANNEL_ID,
) -> ProposalDraft:
    """Return a proposal that is in order, made ``offset_s`` seconds from the nodes' time."""
    return ProposalDraft(
        creator=creator or network.people.client,
        nonce=network.nonce(),
        header=ChannelHeader(
            type=ENDORSER_TRANSACTION,
            channel_id=channel_id,
            timestamp=timestamp_from_ns(NOW_NS + int(offset_s * _NS_PER_S)),
        ),
    )


@dataclass
class TransactionDraft:
    """An endorsed transaction that is not encoded yet.

    Attributes:
        proposal: What was proposed.
        payload: What was endorsed, ``ProposalResponsePayload`` bytes.
        endorsements: By the peers of both organisations.
        signer: Who submits it.
    """

    proposal: SignedProposal
    payload: bytes
    endorsements: list[Endorsement]
    signer: Signer
    change: Callable[[Payload], object] = field(default=lambda _: None)

    def envelope(self) -> Envelope:
        """Return the signed transaction, after ``change`` has had its way with the payload."""
        built = build_transaction_payload(
            self.proposal.proposal_bytes, self.payload, self.endorsements
        )
        payload = Payload.FromString(built)
        self.change(payload)
        encoded = payload.SerializeToString()
        return Envelope(payload=encoded, signature=self.signer.sign(encoded))

    @property
    def transaction_id(self) -> str:
        """The id under which it is known."""
        header = Header.FromString(Proposal.FromString(self.proposal.proposal_bytes).header)
        return ChannelHeader.FromString(header.channel_header).tx_id

    def encoded(self) -> bytes:
        """Return ``Envelope`` bytes."""
        return self.envelope().SerializeToString()

    def answer(self, proposal_bytes: bytes) -> None:
        """Let the endorsed payload answer another proposal than the one that was endorsed."""
        proposal = Proposal.FromString(proposal_bytes)
        header = Header.FromString(proposal.header)
        payload = ProposalResponsePayload.FromString(self.payload)
        payload.proposal_hash = proposal_hash(
            header.channel_header, header.signature_header, proposal.payload
        )
        self.payload = payload.SerializeToString()
        self.proposal = SignedProposal(proposal_bytes=proposal_bytes)

    def endorsed_by(self, *signers: Signer) -> "TransactionDraft":
        """Return the same with endorsements by these, whoever they are."""
        endorsements = [
            Endorsement(endorser=one.identity, signature=one.sign(self.payload + one.identity))
            for one in signers
        ]
        return replace(self, endorsements=endorsements)


async def endorsed(
    network: RefusalNetwork, proposal: ProposalDraft | None = None
) -> TransactionDraft:
    """Return a transaction that both peers endorsed."""
    proposal = proposal or draft(network)
    signed = proposal.signed()
    responses = [
        await network.peers[msp_id].endorser.process(signed) for msp_id in (CLEARING, BANK)
    ]
    return TransactionDraft(
        proposal=signed,
        payload=responses[0].payload,
        endorsements=[_endorsement(response) for response in responses],
        signer=proposal.creator,
    )


def _endorsement(response: ProposalResponse) -> Endorsement:
    assert response.response.status == 200, response.response.message
    return response.endorsement


def message(
    network: RefusalNetwork,
    creator: Signer | None = None,
    *,
    header_type: int = ENDORSER_TRANSACTION,
    channel_id: str = CHANNEL_ID,
    data: bytes = b"data",
) -> Envelope:
    """Return an envelope as orderers see it: they do not look at what is in it."""
    header = ChannelHeader(type=header_type, channel_id=channel_id)
    return _signed(network, header, data, creator or network.people.client)


def seek(
    network: RefusalNetwork,
    range_: SeekInfo,
    creator: Signer | None = None,
    *,
    offset_s: float | None = 0.0,
    channel_id: str = CHANNEL_ID,
) -> Envelope:
    """Return a request for blocks, made ``offset_s`` seconds from the nodes' time, or timeless."""
    header = ChannelHeader(type=DELIVER_SEEK_INFO, channel_id=channel_id)
    if offset_s is not None:
        moment = timestamp_from_ns(NOW_NS + int(offset_s * _NS_PER_S))
        header.timestamp.CopyFrom(moment)
    return _signed(network, header, range_.SerializeToString(), creator or network.people.client)


def _signed(
    network: RefusalNetwork, header: ChannelHeader, data: bytes, creator: Signer
) -> Envelope:
    signature_header = SignatureHeader(creator=creator.identity, nonce=network.nonce())
    payload = Payload(
        header=Header(
            channel_header=header.SerializeToString(),
            signature_header=signature_header.SerializeToString(),
        ),
        data=data,
    ).SerializeToString()
    return Envelope(payload=payload, signature=creator.sign(payload))


def resigned(envelope: Envelope, signature: bytes) -> Envelope:
    """Return the same envelope with another signature."""
    return Envelope(payload=envelope.payload, signature=signature)
