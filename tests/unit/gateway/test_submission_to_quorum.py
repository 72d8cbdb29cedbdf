"""Under BFT a transaction is offered to all orderers, and a quorum must take it: wire.md §5.4."""

from dataclasses import replace

import grpc
import pytest
from tests.unit.gateway.conftest import Setting

from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.submission import bft_quorum
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse

TAKEN = BroadcastResponse(status=Status.SUCCESS)
KNOWN = BroadcastResponse(
    status=Status.SERVICE_UNAVAILABLE, info="failed to submit request: request already exists"
)
BUSY = BroadcastResponse(status=Status.SERVICE_UNAVAILABLE, info="busy")
REFUSED = BroadcastResponse(status=Status.FORBIDDEN, info="permission denied")
GONE = OrdererUnreachableError("orderer", "gone")


@pytest.fixture
def bft(setting: Setting) -> Setting:
    setting.config = replace(setting.config, consensus_type="BFT")
    return setting


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((TAKEN, TAKEN, TAKEN, TAKEN), id="all take it"),
        pytest.param((REFUSED, TAKEN, TAKEN, TAKEN), id="one refuses"),
        pytest.param((TAKEN, GONE, TAKEN, TAKEN), id="one is gone"),
        pytest.param((TAKEN, TAKEN, None, TAKEN), id="one says nothing"),
        pytest.param((KNOWN, TAKEN, TAKEN, BUSY), id="one has it already"),
    ],
)
async def test_three_of_four_orderers_are_enough(
    bft: Setting, answers: tuple[BroadcastResponse | Exception | None, ...]
) -> None:
    orderers = [bft.add_orderer(said, f"orderer{place}") for place, said in enumerate(answers)]
    await bft.submit()
    assert [len(orderer.envelopes) for orderer in orderers] == [1, 1, 1, 1]


async def test_two_of_four_orderers_are_too_few(bft: Setting) -> None:
    for said in (TAKEN, TAKEN, REFUSED, GONE):
        bft.add_orderer(said)
    with pytest.raises(GatewayError, match="satisfy quorum requirement") as caught:
        await bft.submit()
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    refused, gone = sorted(detail.message for detail in caught.value.details)[::-1]
    assert "status=FORBIDDEN, info=permission denied" in refused
    assert "gone" in gone


async def test_what_too_many_refuse_waits_for_no_other(bft: Setting) -> None:
    for said in (None, None, REFUSED, REFUSED):
        bft.add_orderer(said)
    with pytest.raises(GatewayError, match="satisfy quorum requirement"):
        await bft.submit()


async def test_orderers_that_say_nothing_do_not_keep_a_client_waiting(bft: Setting) -> None:
    bft.hurry()
    for said in (TAKEN, TAKEN, None, None):
        bft.add_orderer(said)
    with pytest.raises(GatewayError, match="satisfy quorum requirement") as caught:
        await bft.submit()
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert {detail.message for detail in caught.value.details} == {
        "rpc error: code = DeadlineExceeded desc = no answer within 0.01 s"
    }


async def test_without_orderers_nothing_is_submitted(bft: Setting) -> None:
    with pytest.raises(GatewayError, match="no orderer nodes available"):
        await bft.submit()


@pytest.mark.parametrize("orderers", range(1, 20))
def test_any_two_quorums_have_an_honest_orderer_in_common(orderers: int) -> None:
    traitors = (orderers - 1) // 3
    quorum = bft_quorum(orderers)
    assert 2 * quorum - orderers >= traitors + 1
    assert quorum <= orderers - traitors, "the honest alone must be enough"
