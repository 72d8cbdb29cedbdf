"""What one peer after another says to a query, and what of it the client gets."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from tallystick.node.gateway.endorsers import Answer, EndorsingPeer, NextStep, PeerDirectory, ask
from tallystick.node.gateway.errors import GatewayError
from tallystick.protos.peer import proposal_pb2, proposal_response_pb2


async def tried(
    peers: PeerDirectory,
    candidates: Sequence[EndorsingPeer],
    proposal: proposal_pb2.SignedProposal,
    *,
    timeout_s: float,
) -> list[Answer]:
    """Return what one candidate after another says, until it is the chaincode's own word."""
    answers: list[Answer] = []
    for peer in candidates:
        answer = await ask(peer, proposal, timeout_s=timeout_s, is_query=True)
        peers.note(answer)
        answers.append(answer)
        if answer.step is not NextStep.TRY_NEXT:
            break
    return answers


def useful(answers: Sequence[Answer]) -> Answer:
    """Return the last answer if it is a result.

    Raises:
        GatewayError: It is not; what every peer said is in the details.
    """
    last = answers[-1]
    if last.step is NextStep.USE:
        return last
    text = "failed to evaluate transaction, see attached details for more info"
    if last.step is NextStep.STOP:
        text = f"evaluate call to endorser returned error: {last.message}"
    raise GatewayError(last.code, text, tuple(answer.detail for answer in answers))


def result(answer: proposal_response_pb2.ProposalResponse) -> proposal_response_pb2.Response:
    """Return the chaincode's answer, with the payload that was endorsed if any was.

    Beside an endorsed payload a peer need not repeat it. Source: wire.md §5.1.
    """
    if not answer.payload:
        return answer.response
    try:
        endorsed = proposal_response_pb2.ProposalResponsePayload.FromString(answer.payload)
        action = proposal_pb2.ChaincodeAction.FromString(endorsed.extension)
    except DecodeError:  # the result is meant for people too: show what the peer said beside it
        return answer.response
    answer.response.payload = action.response.payload
    return answer.response
