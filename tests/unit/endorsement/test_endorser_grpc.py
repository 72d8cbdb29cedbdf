"""The endorser as ``protos.Endorser`` over gRPC (wire.md §4)."""

import grpc
import pytest
from tests.unit.endorsement.conftest import World

from tallystick.node.endorsement.grpc_adapter import EndorserServicer
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.peer.proposal_pb2 import SignedProposal


async def test_answers_and_refusals_travel(world: World) -> None:
    await world.define()
    server = new_server()
    servicer = EndorserServicer(world.one.endorser.process)
    peer_pb2_grpc.add_EndorserServicer_to_server(servicer, server)
    async with (
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = peer_pb2_grpc.EndorserStub(channel)
        response = await stub.ProcessProposal(world.call(b"put"))
        assert response.response.status == 200
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ProcessProposal(SignedProposal())
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert caught.value.details() == "ChaincodeHeaderExtension.ChaincodeId.Name is empty"
