"""One transaction is one trace: through client, gateway, endorsing peers and orderer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from tests.scenarios.crash_network import CHAINCODE, NOTES, running_network
from tests.traces import collecting

from tallystick.client.gateway import Gateway
from tallystick.client.grpc_transport import GrpcTransport
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.ports import is_free
from tallystick.node.cluster.topology import Topology, default_topology
from tallystick.node.gateway.grpc_adapter import GatewayServicer
from tallystick.node.testing import LocalNetwork
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.gateway.gateway_pb2_grpc import add_GatewayServicer_to_server

SECRET: Final = "nobody but the ledger reads this"
PATIENCE_S: Final = 30.0
TRACE_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"

Causes: TypeAlias = dict[str, str]
"""Whose work of what name, and likewise by what it was caused."""

CLIENT: Final = "client"
ENDORSERS: Final = {"ClearingMSP", "TransferAgentMSP"}
"""One of them endorses beside the gateway's own peer."""
CAUSES: Final[Causes] = {
    "ATSMSP: gateway.Gateway/Endorse": CLIENT,
    "ATSMSP: protos.Endorser/ProcessProposal": "ATSMSP: gateway.Gateway/Endorse",
    "ATSMSP: chaincode execution": "ATSMSP: protos.Endorser/ProcessProposal",
    "endorser: protos.Endorser/ProcessProposal": "ATSMSP: gateway.Gateway/Endorse",
    "endorser: chaincode execution": "endorser: protos.Endorser/ProcessProposal",
    "ATSMSP: gateway.Gateway/Submit": CLIENT,
    "OrdererMSP: orderer.AtomicBroadcast/Broadcast": "ATSMSP: gateway.Gateway/Submit",
    "OrdererMSP: batch": "OrdererMSP: orderer.AtomicBroadcast/Broadcast",
    "OrdererMSP: block write": "OrdererMSP: orderer.AtomicBroadcast/Broadcast",
    "ATSMSP: validation": "ATSMSP: gateway.Gateway/Submit",
    "ATSMSP: turn": "ATSMSP: gateway.Gateway/Submit",
    "ATSMSP: commit": "ATSMSP: gateway.Gateway/Submit",
    "endorser: validation": "endorser: protos.Endorser/ProcessProposal",
    "endorser: turn": "endorser: protos.Endorser/ProcessProposal",
    "endorser: commit": "endorser: protos.Endorser/ProcessProposal",
    "ATSMSP: gateway.Gateway/CommitStatus": CLIENT,
}


@pytest.fixture(scope="session")
def tally_topology() -> Topology:
    return default_topology().model_copy(update={"chaincodes": (NOTES,)})


async def test_a_transaction_is_a_tree_of_what_gateway_peers_and_orderer_did_for_it(
    tally_network: LocalNetwork,
) -> None:
    with collecting(ALWAYS_ON) as collected:
        async with client_over_grpc(tally_network, "ATSMSP") as gateway:
            contract = gateway.network(tally_network.channel_id).contract(CHAINCODE)
            with collected.tracer.start_as_current_span("buy"):
                await contract.submit("write", "key", SECRET)
        await all_peers_have_what_one_has(tally_network)
    assert collected.tree() == [
        "buy",
        "  gateway.Gateway/CommitStatus",
        "  gateway.Gateway/Endorse",
        "    chaincode execution",
        "    protos.Endorser/ProcessProposal",
        "      chaincode execution",
        "  gateway.Gateway/Submit",
        *["    commit"] * 3,
        "    orderer.AtomicBroadcast/Broadcast",
        "      batch",
        "      block write",
        *["    turn"] * 3,
        *["    validation"] * 3,
    ]
    assert not [span for span in collected.spans if SECRET in span.to_json()]


async def all_peers_have_what_one_has(network: LocalNetwork) -> None:
    """Wait: a client is told of its transaction when its own peer has committed it."""
    channels = [peer.channels[network.channel_id] for peer in network.peers.values()]
    height = max(channel.ledger.height for channel in channels)
    for channel in channels:
        await channel.watch.wait_for(height)


@asynccontextmanager
async def client_over_grpc(network: LocalNetwork, msp_id: str) -> AsyncIterator[Gateway]:
    """A client of a peer in this process, through a socket all the same."""
    server = new_server()
    add_GatewayServicer_to_server(GatewayServicer(network.peers[msp_id].gateway), server)
    session = network.gateway(msp_id)._session
    async with serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        async with Gateway(replace(session, transport=GrpcTransport(channel))) as gateway:
            yield gateway


@dataclass
class Collector:
    """Keeps what nodes send to it.

    Attributes:
        spans: With the node that each is from.
        received: All bytes.
    """

    spans: list[tuple[str, Span]] = field(default_factory=list)
    received: bytes = b""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def listening(self, port: int, network: Network) -> AsyncIterator[None]:
        """Take what is sent to a port of this machine, with the certificate of the orderer."""
        (orderer,) = (node for node in network.nodes if node.kind == "orderer")
        tls = network.node_material(orderer) / "tls"
        pair = ((tls / "server.key").read_bytes(), (tls / "server.crt").read_bytes())
        export = grpc.unary_unary_rpc_method_handler(
            self._export,
            ExportTraceServiceRequest.FromString,
            ExportTraceServiceResponse.SerializeToString,
        )
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(TRACE_SERVICE, {"Export": export}),)
        )
        server.add_secure_port(f"localhost:{port}", grpc.ssl_server_credentials([pair]))
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)

    async def _export(
        self, request: ExportTraceServiceRequest, _: object
    ) -> ExportTraceServiceResponse:
        self.received += request.SerializeToString()
        for resource in request.resource_spans:
            source = fact(resource.resource, "service.instance.id").partition("/")[0]
            for scope in resource.scope_spans:
                self.spans.extend((source, span) for span in scope.spans)
        self.news.set()
        return ExportTraceServiceResponse()

    async def trace(self, belongs: Callable[[Span], bool]) -> Causes:
        """Return what caused what in the trace with such a span, as soon as all of it is there."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.news.clear()
                ids = {span.trace_id for _, span in self.spans if belongs(span)}
                assert len(ids) <= 1, "several traces of one transaction"
                causes = self._causes(ids)
                if CAUSES.keys() <= causes.keys():
                    return causes
                await self.news.wait()

    def _causes(self, trace_ids: set[bytes]) -> Causes:
        spans = [(node, span) for node, span in self.spans if span.trace_id in trace_ids]
        names = {
            span.span_id: f"{'endorser' if node in ENDORSERS else node}: {span.name}"
            for node, span in spans
        }
        names[b""] = ""  # caused by nothing
        return {names[span.span_id]: names.get(span.parent_span_id, CLIENT) for _, span in spans}


def fact(of: Span | Resource, name: str) -> str:
    """Return what a span, or its source, says of itself; empty if it says nothing."""
    return next((each.value.string_value for each in of.attributes if each.key == name), "")


def settings(port: int) -> str:
    return f"""
[telemetry]
address = "localhost:{port}"
root_certificates = "../crypto/OrdererMSP/orderers/orderer0/tls/ca.crt"
"""


@pytest.mark.slow
@pytest.mark.cluster
async def test_a_collector_gets_one_trace_from_all_processes(tmp_path: Path) -> None:
    # None of those from which the network's are drawn before anybody listens at this one.
    port = next(each for each in range(16_000, 17_000) if is_free("localhost", each))
    topology = default_topology().model_copy(update={"chaincodes": (NOTES,)})
    more, collector = settings(port), Collector()
    async with (
        running_network(
            tmp_path / "network", topology, peer_settings=more, orderer_settings=more
        ) as network,
        # Chaincodes were deployed while nobody collected: that costs spans, and nothing else.
        collector.listening(port, network.network),
    ):
        contract = network.gateways[network.peers[0].name].network().contract(CHAINCODE)
        with (
            collecting(ALWAYS_ON) as collected,
            collected.tracer.start_as_current_span("buy") as root,
        ):
            await contract.submit("write", "key", SECRET)
        trace_id = root.get_span_context().trace_id.to_bytes(16, "big")
        assert await collector.trace(lambda span: span.trace_id == trace_id) == CAUSES

        # A client that knows nothing of traces, such as Fabric's: its calls are joined.
        transaction = await contract.new_proposal("write", "key", SECRET).endorse()
        await (await transaction.submit()).status()
        named = transaction.transaction_id
        assert await collector.trace(
            lambda span: fact(span, "tallystick.transaction_id") == named
        ) == {
            **CAUSES,
            "ATSMSP: gateway.Gateway/Endorse": "",
            "ATSMSP: gateway.Gateway/Submit": "ATSMSP: gateway.Gateway/Endorse",
            "ATSMSP: gateway.Gateway/CommitStatus": "ATSMSP: gateway.Gateway/Submit",
        }
    assert SECRET.encode() not in collector.received
