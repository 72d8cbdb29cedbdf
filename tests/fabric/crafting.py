"""Transactions as endorsers and clients could make them who do not follow the rules."""

import secrets
import time
from collections.abc import Sequence

from tests.fabric.foundation import CHANNEL

from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
from tallystick.protos.common.common_pb2 import Envelope, Header
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction, Proposal
from tallystick.protos.peer.proposal_response_pb2 import (
    Endorsement,
    ProposalResponse,
    ProposalResponsePayload,
    Response,
)
from tallystick.wire.envelope import (
    ProposalArguments,
    build_proposal,
    build_transaction_payload,
    proposal_hash,
    signed_envelope,
)
from tallystick.wire.signing import Signer


def proposal_bytes(client: Signer, arguments: ProposalArguments) -> bytes:
    """Return a proposal of ``client``, as of now."""
    return build_proposal(
        arguments,
        creator=client.identity,
        nonce=secrets.token_bytes(24),
        timestamp_ns=time.time_ns(),  # noqa: TID251 - real peers have real clocks
    ).proposal_bytes


def transaction(
    rwset: ReadWriteSetBuilder,
    client: Signer,
    endorsers: Sequence[Signer],
    chaincode: str,
    proposed: bytes = b"",
) -> bytes:
    """Return the envelope of a transaction with any read/write set and any endorsers.

    ``proposed`` is a proposal that had another outcome in truth; by default one is made.
    """
    proposed = proposed or proposal_bytes(
        client, ProposalArguments(CHANNEL, chaincode, [b"crafted"])
    )
    proposal = Proposal.FromString(proposed)
    header = Header.FromString(proposal.header)
    action = ChaincodeAction(
        results=rwset.build()[0],
        response=Response(status=200),
        chaincode_id=ChaincodeID(name=chaincode, version="1.0"),
    )
    response = ProposalResponsePayload(
        proposal_hash=proposal_hash(
            header.channel_header, header.signature_header, proposal.payload
        ),
        extension=action.SerializeToString(),
    ).SerializeToString()
    endorsements = [
        Endorsement(endorser=one.identity, signature=one.sign(response + one.identity))
        for one in endorsers
    ]
    payload = build_transaction_payload(proposed, response, endorsements)
    return signed_envelope(payload, client).SerializeToString()


def endorsed(proposed: bytes, answers: Sequence[ProposalResponse], client: Signer) -> bytes:
    """Return the envelope of a transaction that peers have endorsed."""
    (payload,) = {answer.payload for answer in answers}
    endorsements = [answer.endorsement for answer in answers]
    content = build_transaction_payload(proposed, payload, endorsements)
    return signed_envelope(content, client).SerializeToString()


def badly_signed(envelope: bytes, signer: Signer) -> bytes:
    """Return the envelope with a signature over something else."""
    payload = Envelope.FromString(envelope).payload
    return Envelope(payload=payload, signature=signer.sign(b"another")).SerializeToString()
