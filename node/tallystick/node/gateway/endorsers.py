"""The peers a gateway may ask, and what their answers mean to it."""

import asyncio
import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grpc

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.response import FAILED, REFUSED
from tallystick.node.gateway.errors import FailureDetail
from tallystick.node.transport.ports import EndorserConnection
from tallystick.protos.peer import proposal_pb2, proposal_response_pb2

OK = 200  # the chaincode agrees


class NextStep(enum.Enum):
    """What a gateway does after one endorser's answer."""

    USE = enum.auto()
    TRY_NEXT = enum.auto()
    STOP = enum.auto()


@dataclass(frozen=True, slots=True, eq=False)
class EndorsingPeer:
    """One peer that can be asked to endorse.

    Attributes:
        msp_id: The organisation that runs it.
        address: Where it listens; shown to the client in error details.
        connection: How to reach it.
        local: Whether it is the gateway's own peer.
    """

    msp_id: str
    address: str
    connection: EndorserConnection
    local: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one peer said to one proposal, and what follows from it.

    Attributes:
        response: What the chaincode answered there; None when it did not come to that.
    """

    peer: EndorsingPeer
    step: NextStep
    code: grpc.StatusCode
    message: str = ""
    response: proposal_response_pb2.ProposalResponse | None = None

    @property
    def detail(self) -> FailureDetail:
        """The answer as the client sees it in an error."""
        return FailureDetail(self.peer.address, self.peer.msp_id, self.message)


async def ask(
    peer: EndorsingPeer, proposal: proposal_pb2.SignedProposal, *, timeout_s: float
) -> Answer:
    """Return what ``peer`` answers to ``proposal``; every failure of the peer is an answer too.

    A peer that says nothing for ``timeout_s`` has failed like one that cannot be reached.

    Source: wire.md §5.3, the mapping from an endorser's answer.
    """
    try:
        async with asyncio.timeout(timeout_s):
            response = await peer.connection.process_proposal(proposal)
    except TimeoutError:
        text = f"no answer within {timeout_s:g} s"
        return Answer(peer, NextStep.TRY_NEXT, grpc.StatusCode.DEADLINE_EXCEEDED, text)
    except ProposalRefusedError as error:
        if peer.local:
            return Answer(peer, NextStep.STOP, grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return Answer(peer, NextStep.TRY_NEXT, grpc.StatusCode.UNAVAILABLE, str(error))
    except grpc.aio.AioRpcError as error:
        text = f"rpc error: code = {error.code().name} desc = {error.details()}"
        return Answer(peer, NextStep.TRY_NEXT, grpc.StatusCode.UNAVAILABLE, text)
    return judge(peer, response)


def judge(peer: EndorsingPeer, response: proposal_response_pb2.ProposalResponse) -> Answer:
    """Return what an answer that arrived means: use it, ask another peer, or give up."""
    status = response.response.status
    if OK <= status < REFUSED:
        return Answer(peer, NextStep.USE, grpc.StatusCode.OK, response=response)
    message = response.response.message
    # Without a payload it is the peer that failed, not the chaincode.
    if status == FAILED and not response.payload:
        return Answer(peer, NextStep.TRY_NEXT, grpc.StatusCode.ABORTED, message)
    text = f"chaincode response {status}, {message}"
    return Answer(peer, NextStep.STOP, grpc.StatusCode.UNKNOWN, text, response)


class PeerDirectory:
    """The peers of one channel, the gateway's own organisation first."""

    def __init__(self, peers: Sequence[EndorsingPeer], *, local_msp_id: str) -> None:
        self.local_msp_id = local_msp_id
        self.replace(peers)

    def replace(self, peers: Sequence[EndorsingPeer]) -> None:
        """Let ``peers`` be all peers from now on."""
        self._peers = sorted(
            peers, key=lambda peer: (not peer.local, peer.msp_id != self.local_msp_id)
        )

    def __iter__(self) -> Iterator[EndorsingPeer]:
        return iter(self._peers)

    def of(self, msp_id: str) -> list[EndorsingPeer]:
        """Return the peers that ``msp_id`` runs."""
        return [peer for peer in self._peers if peer.msp_id == msp_id]

    def counts(self) -> Counter[str]:
        """Return how many peers each organisation has."""
        return Counter(peer.msp_id for peer in self._peers)
