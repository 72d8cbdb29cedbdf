"""What clients get from Evaluate, Endorse and Submit when all is well (wire.md §5.1 to §5.4)."""

import asyncio
from dataclasses import replace
from random import Random

import grpc
import pytest
from tests.unit.gateway.conftest import (
    DOWN,
    SECRET,
    SOON_S,
    ScriptedEndorser,
    Setting,
    endorsement,
    signed_proposal,
)

from tallystick.node.gateway.errors import FailureDetail, GatewayError
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Envelope, Payload, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.protos.peer.proposal_pb2 import Proposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction
from tallystick.wire.envelope import chaincode_action_of

TAKEN = BroadcastResponse(status=Status.SUCCESS)


async def test_evaluate_asks_the_own_peer_first_and_the_next_if_it_fails(
    setting: Setting,
) -> None:  # §5.2
    other = setting.add_peer("B", endorsement(b"theirs"))
    own = setting.add_peer("A", endorsement(b"ours"), local=True)
    assert (await setting.evaluate()).payload == b"ours"
    own.said = DOWN
    assert (await setting.evaluate()).payload == b"theirs"
    assert (own.calls, other.calls) == (2, 1)


async def test_only_evaluate_is_content_with_an_answer_that_is_not_endorsed(
    setting: Setting,
) -> None:
    setting.definitions.define("OR('A.peer')")
    setting.add_peer("A", endorsement(b"endorsed"), local=True)
    answers = ScriptedEndorser(ProposalResponse(response=Response(status=200, payload=b"said")))
    setting.peers[0] = replace(setting.peers[0], queries=answers)
    assert (await setting.evaluate()).payload == b"said"
    payload = (await setting.endorse()).payload
    assert chaincode_action_of(payload).response.payload == b"endorsed"
    assert answers.calls == 1


async def test_evaluate_keeps_to_the_organisations_that_the_client_names(
    setting: Setting,
) -> None:
    own = setting.add_peer("A", endorsement(b"ours"), local=True)
    setting.add_peer("B", endorsement(b"theirs"))
    assert (await setting.evaluate(organizations=["B"])).payload == b"theirs"
    assert own.calls == 0


async def test_transient_data_may_go_where_the_client_says(setting: Setting) -> None:
    setting.add_peer("B", endorsement(b"theirs"))
    proposal = signed_proposal(transient=SECRET)
    assert (await setting.evaluate(proposal, ["B"])).payload == b"theirs"
    assert (await setting.endorse(proposal, ["B"])).payload


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(
            endorsement(b"endorsed"),
            Response(status=200, payload=b"endorsed"),
            id="the endorsed payload counts",
        ),
        pytest.param(
            ProposalResponse(response=Response(status=200, payload=b"beside")),
            Response(status=200, payload=b"beside"),
            id="without one, what the peer says beside it",
        ),
        pytest.param(
            ProposalResponse(response=Response(status=200, payload=b"beside"), payload=b"\xff"),
            Response(status=200, payload=b"beside"),
            id="likewise if it cannot be read",
        ),
    ],
)
async def test_the_result_of_evaluate(
    setting: Setting, said: ProposalResponse, expected: Response
) -> None:  # §5.1
    setting.add_peer("A", said, local=True)
    assert await setting.evaluate() == expected


async def test_system_chaincodes_need_no_definition(setting: Setting) -> None:
    setting.add_peer("A", endorsement(b"height"), local=True)
    assert (await setting.evaluate(signed_proposal("qscc"))).payload == b"height"


async def test_endorse_returns_what_the_client_signs(setting: Setting) -> None:  # §3.4
    setting.definitions.define("AND('A.peer','B.peer')")
    answers = {msp_id: endorsement(b"7", by=msp_id) for msp_id in "AB"}
    for msp_id, said in answers.items():
        setting.add_peer(msp_id, said, local=msp_id == "A")
    proposal = signed_proposal(transient=SECRET)
    envelope = await setting.endorse(proposal)
    assert envelope.signature == b""
    assert chaincode_action_of(envelope.payload).response.payload == b"7"

    payload = Payload.FromString(envelope.payload)
    sent = Proposal.FromString(proposal.proposal_bytes)
    assert payload.header.SerializeToString() == sent.header
    (action,) = Transaction.FromString(payload.data).actions
    endorsed = ChaincodeActionPayload.FromString(action.payload)
    assert b"price" not in endorsed.chaincode_proposal_payload
    assert endorsed.action.proposal_response_payload == answers["A"].payload
    assert [one.endorser for one in endorsed.action.endorsements] == [b"A", b"B"]


async def test_submit_hands_over_the_envelope_as_it_is(setting: Setting) -> None:  # §5.4
    orderer = setting.add_orderer(TAKEN)
    envelope = Envelope(payload=b"payload", signature=b"signature")
    await setting.submit(envelope)
    assert orderer.envelopes == [envelope.SerializeToString()]


async def test_orderers_share_the_load(setting: Setting) -> None:  # §5.4
    setting.random = Random(1)
    orderers = [setting.add_orderer(TAKEN, f"orderer{number}") for number in range(3)]
    for _ in range(30):
        await setting.submit()
    assert sum(len(orderer.envelopes) for orderer in orderers) == 30
    assert all(orderer.envelopes for orderer in orderers)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(OrdererUnreachableError("orderer0", "gone"), id="cannot be reached"),
        pytest.param(BroadcastResponse(status=Status.SERVICE_UNAVAILABLE), id="cannot order now"),
        pytest.param(None, id="says nothing"),
    ],
)
async def test_the_next_orderer_is_tried_if_one(
    setting: Setting, said: BroadcastResponse | Exception | None
) -> None:  # §5.4
    setting.hurry()
    setting.add_orderer(said, "orderer0")
    second = setting.add_orderer(TAKEN, "orderer1")
    third = setting.add_orderer(TAKEN, "orderer2")
    await setting.submit()
    assert (len(second.envelopes), len(third.envelopes)) == (1, 0)


async def test_a_silent_orderer_delays_a_client_no_longer_than_silence_lasts(
    setting: Setting,
) -> None:
    """It may hang for ever, and its connection stand all the while."""
    setting.limits = replace(setting.limits, orderer_silence_s=SOON_S)
    silent = setting.add_orderer(None, "orderer0")
    second = setting.add_orderer(TAKEN, "orderer1")
    async with asyncio.timeout(5):
        await setting.submit()
    assert (len(silent.envelopes), len(second.envelopes)) == (1, 1)


async def test_no_other_orderer_is_asked_about_an_envelope_that_one_refuses(
    setting: Setting,
) -> None:  # §5.4
    setting.add_orderer(BroadcastResponse(status=Status.BAD_REQUEST, info="too large"))
    second = setting.add_orderer(TAKEN, "orderer1")
    with pytest.raises(GatewayError, match="too large") as caught:
        await setting.submit()
    assert caught.value.code is grpc.StatusCode.ABORTED
    assert second.envelopes == []


async def test_the_client_learns_of_each_orderer_whose_it_is_and_what_it_said(
    setting: Setting,
) -> None:  # §5.3
    """An orderer that only this peer's settings name has no organisation that could be told."""
    unavailable = BroadcastResponse(status=Status.SERVICE_UNAVAILABLE, info="no leader")
    setting.add_orderer(unavailable, "localhost:7050")
    setting.add_orderer(OrdererUnreachableError("elsewhere:7050", "gone"), "elsewhere:7050")
    with pytest.raises(GatewayError) as caught:
        await setting.submit()
    assert caught.value.details == (
        FailureDetail(
            "localhost:7050",
            "OrdererMSP",
            "received unsuccessful response from orderer: "
            "status=SERVICE_UNAVAILABLE, info=no leader",
        ),
        FailureDetail("elsewhere:7050", "", "gone"),
    )
