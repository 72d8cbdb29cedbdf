"""Connections to nodes in the same process: no port, no socket, no encryption."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from tallystick.node.telemetry import spans
from tallystick.node.transport.ports import LOCAL_CALLER, OrdererUnreachableError, StreamService
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse


class LocalOrderer:
    """An ``OrdererConnection`` to an orderer in this process."""

    def __init__(
        self, broadcast: StreamService, deliver: StreamService, *, endpoint: str = "in-process"
    ) -> None:
        self._broadcast = broadcast
        self._deliver = deliver
        self._endpoint = endpoint

    @property
    def endpoint(self) -> str:
        """A name for messages to people."""
        return self._endpoint

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        """Return the orderer's answer to one envelope."""
        answer: bytes | None = None
        async for response in self._broadcast(_only(envelope), LOCAL_CALLER):
            answer = response
        if answer is None:
            raise OrdererUnreachableError(self._endpoint, "the stream ended without a response")
        return BroadcastResponse.FromString(answer)

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        """Yield blocks, then the status that ends the range."""
        async for response in self._deliver(_only(seek_envelope), LOCAL_CALLER):
            yield DeliverResponse.FromString(response)


class LocalEndorser:
    """An ``EndorserConnection`` to a peer in this process."""

    def __init__(self, process: Callable[[SignedProposal], Awaitable[ProposalResponse]]) -> None:
        self._process = process

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        """Return the peer's answer; what the endorser raises passes through."""
        with spans.span("protos.Endorser/ProcessProposal"):
            return await self._process(proposal)


async def _only(message: bytes) -> AsyncIterator[bytes]:
    yield message
