"""The ports of nodes and clients to one another, over the simulated network."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

import grpc

from simulation.network import BrokenLinkError, SimulatedNetwork, last_of
from tallystick.client.errors import FailureDetail, RpcFailure
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.newest import stated_heights
from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.gateway.endorsers import EndorsingPeer
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.orderer import OrdererNode
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.peer import PeerNode
from tallystick.node.privacy.node import MemberPeer, PrivateDataRefusedError
from tallystick.node.transport.ports import LOCAL_CALLER, OrdererUnreachableError, StreamService
from tallystick.protos.common.common_pb2 import Block, BlockHeader, Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer import events_pb2
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.protos.tallystick.private_data_pb2 import (
    Acknowledgement,
    PrivateSets,
    SignedRequest,
)
from tallystick.wire.signing import Signer

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Member:
    """A node as the others know it: who runs it, and where it listens."""

    msp_id: str
    address: str


@dataclass(slots=True)
class Directory:
    """Which nodes there are, and which of them run.

    Attributes:
        network: Carries what they say.
        orderers: All orderers, by name.
        peers: All peers, by name.
        running_orderers: Those that serve, by name.
        running_peers: Likewise.
    """

    network: SimulatedNetwork
    orderers: dict[str, Member]
    peers: dict[str, Member]
    running_orderers: dict[str, OrdererNode]
    running_peers: dict[str, PeerNode]

    def orderer(self, name: str) -> OrdererNode:
        """Return an orderer that serves. Raises BrokenLinkError."""
        if name not in self.running_orderers:
            raise BrokenLinkError(f"{name} does not serve yet")
        return self.running_orderers[name]

    def peer(self, name: str) -> PeerNode:
        """Return a peer that serves. Raises BrokenLinkError."""
        if name not in self.running_peers:
            raise BrokenLinkError(f"{name} does not serve yet")
        return self.running_peers[name]


class OrdererLink:
    """One orderer as somebody reaches it; satisfies `OrdererConnection`."""

    def __init__(self, directory: Directory, source: str, name: str) -> None:
        self._directory = directory
        self._source = source
        self._name = name

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return self._directory.orderers[self._name].address

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to it now; calls may fail all the same."""
        serves = self._name in self._directory.running_orderers
        return serves and self._directory.network.connects(self._source, self._name)

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        """Return its answer to one envelope."""
        try:
            answer = await self._ask(lambda orderer: orderer.broadcast, envelope)
        except BrokenLinkError as error:
            raise OrdererUnreachableError(self.endpoint, str(error)) from error
        if answer is None:
            raise OrdererUnreachableError(self.endpoint, "the stream ended without a response")
        return BroadcastResponse.FromString(answer)

    async def forward(self, envelope: bytes) -> BroadcastResponse:
        """Return its answer to an envelope that another orderer hands on."""
        try:
            answer = await self._ask(lambda orderer: orderer.forwarded, envelope)
        except BrokenLinkError as error:
            raise UnreachableFellowError(str(error)) from error
        if answer is None:
            raise UnreachableFellowError("the stream ended without a response")
        return BroadcastResponse.FromString(answer)

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        """Yield blocks, then the status that ends the range."""

        def messages() -> AsyncIterator[bytes]:
            return self._directory.orderer(self._name).deliver(_only(seek_envelope), LOCAL_CALLER)

        stream = self._directory.network.stream(self._source, self._name, messages)
        try:
            async with aclosing(stream):
                async for message in stream:
                    response = DeliverResponse.FromString(message)
                    if response.HasField("block"):
                        self._directory.network.forge(response.block)
                    yield response
        except BrokenLinkError as error:
            raise OrdererUnreachableError(self.endpoint, str(error)) from error

    async def _ask(
        self, service: Callable[[OrdererNode], StreamService], envelope: bytes
    ) -> bytes | None:
        async def work() -> bytes | None:
            orderer = self._directory.orderer(self._name)
            return await last_of(service(orderer)(_only(envelope), LOCAL_CALLER))

        return await self._directory.network.call(self._source, self._name, work, in_order=True)


class PeerLink:
    """One peer as another reaches it: its endorser and its private data."""

    def __init__(self, directory: Directory, source: str, name: str) -> None:
        self._directory = directory
        self._source = source
        self._name = name

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        """Return its answer to a proposal; a refusal comes as it does over gRPC."""

        async def work() -> ProposalResponse:
            return await self._directory.peer(self._name).endorser.process(proposal)

        try:
            return await self._call(work)
        except BrokenLinkError as error:
            raise _rpc_error(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except ProposalRefusedError as error:
            raise _rpc_error(grpc.StatusCode.UNKNOWN, str(error)) from error

    async def push(self, request: SignedRequest) -> Acknowledgement:
        """Hand over private results."""

        async def work() -> Acknowledgement:
            return await self._directory.peer(self._name).privacy.service.push(request)

        return await self._private(work)

    async def fetch(self, request: SignedRequest) -> PrivateSets:
        """Ask for private sets."""

        async def work() -> PrivateSets:
            return await self._directory.peer(self._name).privacy.service.fetch(request)

        return await self._private(work)

    async def _private(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        try:
            return await self._call(work)
        except BrokenLinkError as error:
            raise PrivateDataRefusedError(str(error)) from error

    async def _call(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        return await self._directory.network.call(self._source, self._name, work)


class Connector:
    """Reaches the other nodes; satisfies `NodeConnector`."""

    tls_certificate_hash = b""

    def __init__(self, directory: Directory, own_name: str) -> None:
        self._orderers = [OrdererLink(directory, own_name, name) for name in directory.orderers]
        self._others = {
            name: (member, PeerLink(directory, own_name, name))
            for name, member in directory.peers.items()
            if name != own_name
        }

    def orderers(self, config: ChannelConfig) -> Sequence[OrdererLink]:  # noqa: ARG002
        """Return a connection to each orderer."""
        return self._orderers

    def peers(self, config: ChannelConfig) -> Sequence[EndorsingPeer]:
        """Return the other peers."""
        return [EndorsingPeer(*each) for each in self._known(config)]

    def member_peers(self, config: ChannelConfig) -> Sequence[MemberPeer]:
        """Return the other peers, for private data."""
        return [MemberPeer(*each) for each in self._known(config)]

    def _known(self, config: ChannelConfig) -> list[tuple[str, str, PeerLink]]:
        members = set(config.application_msp_ids)
        return [
            (member.msp_id, member.address, link)
            for member, link in self._others.values()
            if member.msp_id in members
        ]


class FellowLinks:
    """The other orderers, for one of them; satisfies `Fellows`."""

    def __init__(
        self,
        directory: Directory,
        own_name: str,
        signer: Signer,
        config: Callable[[], ChannelConfig],
        environment: PullerEnvironment,
    ) -> None:
        links = {name: OrdererLink(directory, own_name, name) for name in directory.orderers}
        self._others = [link for name, link in links.items() if name != own_name]
        self._by_address: Mapping[str, OrdererLink] = {
            member.address: links[name] for name, member in directory.orderers.items()
        }
        self._signer = signer
        self._config = config
        self._environment = environment

    async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:
        """Return the answer of the orderer at ``address``."""
        if address not in self._by_address:
            raise UnreachableFellowError(f"there is no orderer {address!r}")
        return await self._by_address[address].forward(envelope)

    async def reaches(self, address: str) -> bool:
        """Return whether there is such an orderer, which serves, and a connection to it."""
        return address in self._by_address and self._by_address[address].is_connected

    def let_go(self, address: str) -> None:
        """Do nothing: whoever waits learns of a broken link soon enough."""

    async def heights(self) -> Mapping[str, int | None]:
        """Return how many blocks each of them says it has; None if it says nothing."""
        requests = SeekRequests(self._config().channel_id, self._signer, self._environment.clock)
        return await stated_heights(self._others, requests)

    def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last``, each verified."""
        puller = BlockPuller(
            lambda: self._others,
            signer=self._signer,
            config=self._config,
            environment=self._environment,
        )
        return puller.blocks(last)


class ClientLink:
    """A client's way to one peer; satisfies `GatewayTransport`."""

    def __init__(self, directory: Directory, source: str, name: str) -> None:
        self._directory = directory
        self._source = source
        self._name = name

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        """Call ``Evaluate``."""
        return await self._call(lambda peer: peer.gateway.evaluate(request))

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        """Call ``Endorse``."""
        return await self._call(lambda peer: peer.gateway.endorse(request))

    async def submit(self, request: gateway_pb2.SubmitRequest) -> gateway_pb2.SubmitResponse:
        """Call ``Submit``."""
        return await self._call(lambda peer: peer.gateway.submit(request))

    async def commit_status(
        self, request: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        """Call ``CommitStatus``."""
        return await self._call(lambda peer: peer.gateway.commit_status(request))

    async def chaincode_events(
        self, request: gateway_pb2.SignedChaincodeEventsRequest
    ) -> AsyncGenerator[gateway_pb2.ChaincodeEventsResponse, None]:
        """Stream chaincode events."""

        async def messages() -> AsyncIterator[bytes]:
            events = self._directory.peer(self._name).gateway.chaincode_events(request)
            async for event in events:
                yield event.SerializeToString()

        async for message in self._stream(messages):
            yield gateway_pb2.ChaincodeEventsResponse.FromString(message)

    def deliver(self, request: Envelope) -> AsyncGenerator[events_pb2.DeliverResponse, None]:
        """Stream whole blocks."""
        return self._deliver(request, lambda peer: peer.deliver.deliver)

    def deliver_filtered(
        self, request: Envelope
    ) -> AsyncGenerator[events_pb2.DeliverResponse, None]:
        """Stream filtered blocks."""
        return self._deliver(request, lambda peer: peer.deliver.deliver_filtered)

    def deliver_with_private_data(
        self, request: Envelope
    ) -> AsyncGenerator[events_pb2.DeliverResponse, None]:
        """Stream whole blocks with private data."""
        return self._deliver(request, lambda peer: peer.deliver.deliver_with_private_data)

    async def close(self) -> None:
        """Do nothing: a connection is only a name."""

    async def _deliver(
        self, request: Envelope, service: Callable[[PeerNode], StreamService]
    ) -> AsyncGenerator[events_pb2.DeliverResponse, None]:
        def messages() -> AsyncIterator[bytes]:
            peer = self._directory.peer(self._name)
            return service(peer)(_only(request.SerializeToString()), LOCAL_CALLER)

        async for message in self._stream(messages):
            yield events_pb2.DeliverResponse.FromString(message)

    async def _stream(
        self, messages: Callable[[], AsyncIterator[bytes]]
    ) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(
                self._directory.network.stream(self._source, self._name, messages)
            ) as stream:
                async for message in stream:
                    yield message
        except BrokenLinkError as error:
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error

    async def _call(self, ask: Callable[[PeerNode], Awaitable[ResultT]]) -> ResultT:
        async def work() -> ResultT:
            return await ask(self._directory.peer(self._name))

        try:
            return await self._directory.network.call(self._source, self._name, work)
        except BrokenLinkError as error:
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except GatewayError as error:
            details = [
                FailureDetail(each.address, each.msp_id, each.message) for each in error.details
            ]
            raise RpcFailure(error.code, error.message, details) from error


async def _only(message: bytes) -> AsyncIterator[bytes]:
    yield message


def _rpc_error(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)
