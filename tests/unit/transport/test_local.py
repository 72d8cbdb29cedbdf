"""Connections inside one process."""

from collections.abc import AsyncIterator

import pytest

from tallystick.node.transport.local import LocalEndorser, LocalOrderer
from tallystick.node.transport.ports import LOCAL_CALLER, Caller, OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse


async def echo(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
    assert caller is LOCAL_CALLER
    async for request in requests:
        yield BroadcastResponse(info=request.decode()).SerializeToString()


async def silent(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:  # noqa: ARG001
    async for _ in requests:
        return
    yield b""


async def two_statuses(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:  # noqa: ARG001
    async for _ in requests:
        for status in (Status.SUCCESS, Status.NOT_FOUND):
            yield DeliverResponse(status=status).SerializeToString()


async def test_an_envelope_is_answered_by_the_service_itself() -> None:
    assert (await LocalOrderer(echo, silent).broadcast(b"hello")).info == "hello"


async def test_a_service_that_does_not_answer_is_unreachable() -> None:
    orderer = LocalOrderer(silent, silent, endpoint="orderer0")
    with pytest.raises(OrdererUnreachableError, match="orderer0"):
        await orderer.broadcast(b"hello")


async def test_delivered_responses_arrive_in_order() -> None:
    responses = LocalOrderer(silent, two_statuses).deliver(b"seek")
    assert [response.status async for response in responses] == [200, 404]


async def test_what_an_endorser_raises_passes_through() -> None:
    async def refuse(proposal: SignedProposal) -> ProposalResponse:
        raise PermissionError(proposal.signature)

    with pytest.raises(PermissionError):
        await LocalEndorser(refuse).process_proposal(SignedProposal())
