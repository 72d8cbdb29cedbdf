"""The peers a gateway may ask, and what their answers mean to it."""

import asyncio
import enum
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import grpc

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.response import FAILED, REFUSED
from tallystick.node.gateway.errors import FailureDetail
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.transport.failures import in_words, too_late
from tallystick.node.transport.ports import EndorserConnection
from tallystick.protos.peer import proposal_pb2, proposal_response_pb2

OK = 200  # the chaincode agrees

NOT_DEFINED = "make sure the chaincode "
"""How a peer begins to say that it cannot run a chaincode. Source: wire.md §4, row 8."""

_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
"""With any other code the peer itself has spoken, to a client that may well be at fault."""


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
        queries: How to reach it for an answer that need not be endorsed, if there is such a way.
    """

    msp_id: str
    address: str
    connection: EndorserConnection
    local: bool = False
    queries: EndorserConnection | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one peer said to one proposal, and what follows from it.

    Attributes:
        response: What the chaincode answered there; None when it did not come to that.
        unreachable: Whether the peer did not answer at all, which says nothing about the proposal.
    """

    peer: EndorsingPeer
    step: NextStep
    code: grpc.StatusCode
    message: str = ""
    response: proposal_response_pb2.ProposalResponse | None = None
    unreachable: bool = False

    @property
    def lacks_chaincode(self) -> bool:
        """Whether the peer cannot run the chaincode: it is not installed or approved there."""
        return self.response is None and self.message.startswith(NOT_DEFINED)

    @property
    def detail(self) -> FailureDetail:
        """The answer as the client sees it in an error."""
        return FailureDetail(self.peer.address, self.peer.msp_id, self.message)


async def ask(
    peer: EndorsingPeer,
    proposal: proposal_pb2.SignedProposal,
    *,
    timeout_s: float,
    is_query: bool = False,
) -> Answer:
    """Return what ``peer`` answers to ``proposal``; every failure of the peer is an answer too.

    A peer that says nothing for ``timeout_s`` has failed like one that cannot be reached. The
    answer to a query may come without an endorsement.

    Source: wire.md §5.3, the mapping from an endorser's answer.
    """
    connection = (peer.queries if is_query else None) or peer.connection
    try:
        async with asyncio.timeout(timeout_s):
            response = await connection.process_proposal(proposal)
    except TimeoutError:
        return _unavailable(peer, too_late(timeout_s), unreachable=True)
    except ProposalRefusedError as error:
        if peer.local:
            return Answer(peer, NextStep.STOP, grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return _unavailable(peer, str(error))
    except TooBusyError as error:
        return _busy(peer, str(error))
    except grpc.aio.AioRpcError as error:
        return _failed(peer, error)
    return judge(peer, response)


def _unavailable(peer: EndorsingPeer, message: str, *, unreachable: bool = False) -> Answer:
    code = grpc.StatusCode.UNAVAILABLE
    return Answer(peer, NextStep.TRY_NEXT, code, message, unreachable=unreachable)


def _failed(peer: EndorsingPeer, error: grpc.aio.AioRpcError) -> Answer:
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _busy(peer, in_words(error))
    return _unavailable(peer, in_words(error), unreachable=error.code() in _SILENT)


def _busy(peer: EndorsingPeer, message: str) -> Answer:
    step = NextStep.STOP if peer.local else NextStep.TRY_NEXT
    return Answer(peer, step, grpc.StatusCode.RESOURCE_EXHAUSTED, message)


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


@dataclass(frozen=True, slots=True)
class Standing:
    """What was last heard of one peer.

    Attributes:
        height: How many blocks it had; 0 until it was asked.
        is_down: Whether it did not answer the last time.
    """

    height: int = 0
    is_down: bool = False


class PeerDirectory:
    """The peers of one channel, best first, and what was last heard of each.

    Those that answer come before those that did not, the gateway's own organisation before others,
    and within that whoever has more blocks; among equals, the gateway's own peer. Source: wire.md
    §5.2. What is known of a peer changes this order alone: nobody is left out because of it.

    Every call asks for the order, and few things change it: it is worked out when one has.
    """

    def __init__(
        self,
        peers: Sequence[EndorsingPeer],
        *,
        local_msp_id: str,
        local_height: Callable[[], int] = lambda: 0,
    ) -> None:
        """List ``peers``; ``local_height`` tells how many blocks the gateway's own peer has."""
        self.local_msp_id = local_msp_id
        self._local_height = local_height
        self._standings: dict[tuple[str, str], Standing] = {}
        self._order: tuple[EndorsingPeer, ...] | None = None
        self._height_at_order = 0
        self.replace(peers)

    def replace(self, peers: Sequence[EndorsingPeer]) -> None:
        """Let ``peers`` be all peers from now on; those that stay keep their standing."""
        self._peers = list(peers)
        self._standings = {
            (peer.msp_id, peer.address): self._standings.get(
                (peer.msp_id, peer.address), Standing()
            )
            for peer in peers
        }
        self._order = None

    def __iter__(self) -> Iterator[EndorsingPeer]:
        height = self._local_height()
        if self._order is None or height != self._height_at_order:
            self._order = tuple(sorted(self._peers, key=self._rank))
            self._height_at_order = height
        return iter(self._order)

    def of(self, msp_id: str) -> list[EndorsingPeer]:
        """Return the peers that ``msp_id`` runs."""
        return [peer for peer in self if peer.msp_id == msp_id]

    def counts(self) -> Counter[str]:
        """Return how many peers each organisation has."""
        return Counter(peer.msp_id for peer in self._peers)

    def standing(self, peer: EndorsingPeer) -> Standing:
        """Return what was last heard of ``peer``; of one that has left, nothing."""
        return self._standings.get((peer.msp_id, peer.address), Standing())

    def note(self, answer: Answer) -> None:
        """Remember whether a peer answered."""
        if answer.peer.local:
            return
        standing = self.standing(answer.peer)
        if standing.is_down != answer.unreachable:
            self._learn(answer.peer, replace(standing, is_down=answer.unreachable))

    def note_height(self, peer: EndorsingPeer, height: int) -> None:
        """Remember how many blocks a peer has."""
        self._learn(peer, replace(self.standing(peer), height=height))

    def _learn(self, peer: EndorsingPeer, standing: Standing) -> None:
        key = (peer.msp_id, peer.address)
        if key in self._standings:  # else it has left
            self._standings[key] = standing
            self._order = None

    def _rank(self, peer: EndorsingPeer) -> tuple[bool, bool, int, bool]:
        standing = self.standing(peer)
        height = self._local_height() if peer.local else standing.height
        return (standing.is_down, peer.msp_id != self.local_msp_id, -height, not peer.local)
