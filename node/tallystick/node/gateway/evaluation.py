"""Asks one peer after another to evaluate, until one has the chaincode's own word."""

from collections.abc import AsyncGenerator, Sequence

import grpc

from tallystick.node.gateway.collector import NO_LOCAL_ENDORSER
from tallystick.node.gateway.endorsers import Answer, EndorsingPeer, NextStep, PeerDirectory, ask
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.requests import ProposedCall
from tallystick.protos.peer import proposal_pb2


def candidates_of(
    peers: PeerDirectory, call: ProposedCall, organisations: Sequence[str]
) -> list[EndorsingPeer]:
    """Return whom to ask, in order: the own peer, the own organisation, then everybody else."""
    allowed = set(organisations)
    if call.transient and not allowed:
        allowed = {peers.local_msp_id}
    candidates = [peer for peer in peers if not allowed or peer.msp_id in allowed]
    if not candidates:
        raise no_candidates(call, organisations)
    return candidates


def no_candidates(call: ProposedCall, organisations: Sequence[str]) -> GatewayError:
    """Return the refusal when no peer that may be asked has the chaincode."""
    reason = (
        f"no peers available to evaluate chaincode {call.chaincode} in channel {call.channel_id}"
    )
    if call.transient and not organisations:
        reason = f"{NO_LOCAL_ENDORSER.format(kind='target')}: {reason}"
    return GatewayError(grpc.StatusCode.FAILED_PRECONDITION, reason)


async def tried(
    peers: PeerDirectory,
    candidates: Sequence[EndorsingPeer],
    proposal: proposal_pb2.SignedProposal,
    *,
    timeout_s: float,
) -> AsyncGenerator[Answer, None]:
    """Yield what one candidate after another says, until it is the chaincode's own word."""
    for peer in candidates:
        answer = await ask(peer, proposal, timeout_s=timeout_s)
        peers.note(answer)
        yield answer
        if answer.step is not NextStep.TRY_NEXT:
            return


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
    elif last.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        text = "evaluate timeout expired"
    raise GatewayError(last.code, text, tuple(answer.detail for answer in answers))
