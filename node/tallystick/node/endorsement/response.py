"""The bytes that endorsers sign, and the answers around them. Source: wire.md §3.3, §4."""

from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.endorsement.proposal import UnpackedProposal
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import (
    ChaincodeInterest,
    Endorsement,
    ProposalResponse,
    ProposalResponsePayload,
    Response,
)
from tallystick.wire.signing import Signer

PEER_FAILURE: Final = 500
REFUSED: Final = 400
"""From this status on, a chaincode's answer is not endorsed."""
FAILED: Final = 500
"""From this status on, the answer carries the payload all the same."""

SYSTEM_NAMESPACES: Final = frozenset({LIFECYCLE_NAMESPACE, "lscc", "qscc", "cscc"})

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of running a proposal's call.

    Attributes:
        chaincode: The chaincode that was called.
        version: Of its definition; ``syscc`` for one that is part of the peer.
        response: What it answered.
        results: ``TxReadWriteSet`` bytes.
        event: Its event, if it set one.
    """

    chaincode: str
    version: str
    response: Response
    results: bytes
    event: ChaincodeEvent | None


def response_payload(proposal_hash: bytes, transaction_id: str, outcome: Outcome) -> bytes:
    """Return ``ProposalResponsePayload`` bytes, the same on every endorser that agrees.

    The event is said to come from the called chaincode, whatever it says itself.
    """
    event = outcome.event
    event_bytes = b""
    if event is not None:
        event.chaincode_id = outcome.chaincode
        event.tx_id = transaction_id
        event_bytes = event.SerializeToString()
    action = ChaincodeAction(
        results=outcome.results,
        events=event_bytes,
        response=outcome.response,
        chaincode_id=ChaincodeID(name=outcome.chaincode, version=outcome.version),
    )
    return ProposalResponsePayload(
        proposal_hash=proposal_hash, extension=action.SerializeToString()
    ).SerializeToString()


def endorsed(
    payload: bytes,
    response: Response,
    interest: ChaincodeInterest | None,
    signer: Signer,
    checker: SignatureChecker,
) -> ProposalResponse:
    """Return the answer that endorses ``payload``, or that the peer's key did not sign.

    The signature is remembered: this peer meets it again in the block.
    """
    endorser = signer.identity
    message = payload + endorser
    try:
        signature = signer.sign(message)
    except SigningFailedError as error:
        return peer_failure(str(error))
    checker.remember(endorser, message, signature)
    return ProposalResponse(
        version=_VERSION,
        response=response,
        payload=payload,
        endorsement=Endorsement(endorser=endorser, signature=signature),
        interest=interest,
    )


def not_endorsed(response: Response, payload: bytes = b"") -> ProposalResponse:
    """Return the answer that passes on what the chaincode said, and no more."""
    return ProposalResponse(response=response, payload=payload)


def peer_failure(message: str) -> ProposalResponse:
    """Return the answer that this peer could not run the call; another one might."""
    return ProposalResponse(response=Response(status=PEER_FAILURE, message=message))


def undefined(proposal: UnpackedProposal, reason: str) -> ProposalResponse:
    """Return the answer to a call of a chaincode that this peer cannot run."""
    return peer_failure(
        f"make sure the chaincode {proposal.chaincode} has been successfully defined on channel "
        f"{proposal.channel_id} and try again: {reason}"
    )


def not_approved(definition: ResolvedChaincode, channel_id: str) -> str:
    """Return why a chaincode cannot run that this organisation did not approve."""
    return (
        f"chaincode definition for '{definition.name}' at sequence {definition.sequence} on "
        f"channel '{channel_id}' has not yet been approved by this org, or was "
        "approved without a package"
    )
