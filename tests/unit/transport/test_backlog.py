"""Many calls that arrive before the server has begun with the first."""

import asyncio
import time

import grpc
import pytest

from tallystick.node.endorsement.grpc_adapter import EndorserServicer
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.peer import peer_pb2_grpc
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

CALLS = 3_200
"""More than gRPC lets wait by itself."""


async def answer(_proposal: SignedProposal) -> ProposalResponse:
    return ProposalResponse()


@pytest.mark.slow
async def test_calls_that_arrive_all_at_once_are_all_answered() -> None:
    server = new_server(max_concurrent_streams=CALLS, calls=OpenCalls(2 * CALLS))
    peer_pb2_grpc.add_EndorserServicer_to_server(EndorserServicer(answer), server)
    async with (
        serving(server, "127.0.0.1:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        await channel.channel_ready()
        stub = peer_pb2_grpc.EndorserStub(channel)
        calls = [stub.ProcessProposal(SignedProposal()) for _ in range(CALLS)]
        await asyncio.sleep(0)  # all are sent
        time.sleep(0.3)  # noqa: ASYNC251 - the server is busy with something else while they arrive
        codes = {await call.code() for call in calls}
    assert codes == {grpc.StatusCode.OK}
