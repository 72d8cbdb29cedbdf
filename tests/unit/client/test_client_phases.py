"""Evaluate and submit, whole and in single steps (wire.md §5.1, §5.3, §5.5)."""

import hashlib

import grpc
import pytest
from tests.unit.client.conftest import CHANNEL_ID, NOW_NS, Client, FakePeer

from tallystick.client import Deadlines
from tallystick.client.contract import Argument, encode_argument
from tallystick.client.errors import (
    ClientError,
    CommitError,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    FailureDetail,
    GatewayError,
    Refusal,
    RpcFailure,
    SubmitError,
)
from tallystick.protos.common.common_pb2 import Header, SignatureHeader
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from tallystick.protos.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal, SignedProposal
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.envelope import channel_header_of
from tallystick.wire.messages import timestamp_to_ns
from tallystick.wire.signing import verify

UNAVAILABLE = RpcFailure(grpc.StatusCode.UNAVAILABLE, "connection refused")


def payload_of(proposal: SignedProposal) -> ChaincodeProposalPayload:
    return ChaincodeProposalPayload.FromString(Proposal.FromString(proposal.proposal_bytes).payload)


def arguments_of(proposal: SignedProposal) -> list[bytes]:
    invocation = ChaincodeInvocationSpec.FromString(payload_of(proposal).input)
    return list(invocation.chaincode_spec.input.args)


@pytest.mark.parametrize(
    ("argument", "encoded"),
    [
        pytest.param("Zoë", "Zoë".encode(), id="text as it is"),
        pytest.param(b"\x00\xff", b"\x00\xff", id="bytes as they are"),
        pytest.param(bytearray(b"\x00\xff"), b"\x00\xff", id="and from a buffer"),
        pytest.param(5, b"5", id="a number as JSON"),
        pytest.param(True, b"true", id="a truth value as JSON"),
        pytest.param(["a", 1], b'["a",1]', id="a list as JSON"),
        pytest.param({"a": None}, b'{"a":null}', id="an object as JSON"),
        pytest.param(None, b"", id="nothing as nothing"),
    ],
)
def test_an_argument_travels(argument: Argument, encoded: bytes) -> None:
    assert encode_argument(argument) == encoded


def test_an_argument_that_cannot_travel_is_named(peer: FakePeer, client: Client) -> None:
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")

    with pytest.raises(TypeError, match=r"^argument 2 of transfer cannot be JSON: .*object"):
        contract.new_proposal("transfer", "ACME", object())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^transient 'why' is to be bytes, and is str"):
        contract.new_proposal("transfer", transient={"why": "audit"})  # type: ignore[dict-item]


async def test_evaluate_asks_one_peer_and_orders_nothing(peer: FakePeer, client: Client) -> None:
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")

    answer = await contract.evaluate(
        "balance_of", "ACME", 1, transient={"why": b"audit"}, endorsing_organizations=["ATSMSP"]
    )

    [request] = peer.requests
    assert answer == b"answer"
    assert isinstance(request, gateway_pb2.EvaluateRequest)
    assert request.channel_id == CHANNEL_ID
    assert request.target_organizations == ["ATSMSP"]
    assert arguments_of(request.proposed_transaction) == [b"balance_of", b"ACME", b"1"]
    assert payload_of(request.proposed_transaction).TransientMap == {"why": b"audit"}


async def test_submit_signs_what_was_endorsed_and_waits_for_the_commit(
    peer: FakePeer, client: Client
) -> None:
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")

    result = await contract.submit("transfer", "ACME", 5, endorsing_organizations=["ATSMSP"])

    endorse, submit, commit_status = peer.requests
    assert result == b"result"
    assert isinstance(endorse, gateway_pb2.EndorseRequest)
    assert isinstance(submit, gateway_pb2.SubmitRequest)
    assert isinstance(commit_status, gateway_pb2.SignedCommitStatusRequest)
    assert endorse.endorsing_organizations == ["ATSMSP"]
    status_request = gateway_pb2.CommitStatusRequest.FromString(commit_status.request)
    assert status_request.identity == client.identity.serialized
    ids = {endorse.transaction_id, submit.transaction_id, status_request.transaction_id}
    assert ids == {channel_header_of(submit.prepared_transaction).tx_id}
    for signed, signature in (
        (endorse.proposed_transaction.proposal_bytes, endorse.proposed_transaction.signature),
        (submit.prepared_transaction.payload, submit.prepared_transaction.signature),
        (commit_status.request, commit_status.signature),
    ):
        verify(client.identity.public_key, signature, signed)


async def test_time_and_nonce_come_from_the_environment(peer: FakePeer, client: Client) -> None:
    """§2: the transaction id is the SHA-256 of nonce and creator."""
    transaction = (
        await client.gateway(peer)
        .network(CHANNEL_ID)
        .contract("token")
        .new_proposal("transfer")
        .endorse()
    )
    [request] = peer.requests
    assert isinstance(request, gateway_pb2.EndorseRequest)
    proposal = Proposal.FromString(request.proposed_transaction.proposal_bytes)
    header = Header.FromString(proposal.header)
    nonce = SignatureHeader.FromString(header.signature_header).nonce
    await transaction.submit()
    submit = peer.requests[-1]
    assert isinstance(submit, gateway_pb2.SubmitRequest)
    timestamp = channel_header_of(submit.prepared_transaction).timestamp

    assert timestamp_to_ns(timestamp) == NOW_NS
    assert len(nonce) == 24
    expected = hashlib.sha256(nonce + client.identity.serialized).hexdigest()
    assert transaction.transaction_id == expected


@pytest.mark.parametrize(
    ("method", "error_type"),
    [("endorse", EndorseError), ("submit", SubmitError), ("commit_status", CommitStatusError)],
)
async def test_a_failure_is_named_after_its_phase(
    peer: FakePeer, client: Client, method: str, error_type: type[GatewayError]
) -> None:
    peer.fail(method, UNAVAILABLE)

    with pytest.raises(error_type, match="UNAVAILABLE: connection refused") as caught:
        await client.gateway(peer).network(CHANNEL_ID).contract("token").submit("transfer")

    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert caught.value.transaction_id in str(caught.value)
    assert isinstance(peer.requests[0], gateway_pb2.EndorseRequest)
    assert caught.value.transaction_id == peer.requests[0].transaction_id


async def test_the_message_says_what_each_endorser_said(peer: FakePeer, client: Client) -> None:
    details = (
        FailureDetail("localhost:7051", "ATSMSP", "chaincode response 400, FROZEN: bob is frozen"),
        FailureDetail("localhost:7050", "", "timed out"),
    )
    peer.fail("evaluate", RpcFailure(grpc.StatusCode.UNKNOWN, "see details", details))

    with pytest.raises(EvaluateError) as caught:
        await client.gateway(peer).network(CHANNEL_ID).contract("token").evaluate("balance_of")

    assert str(caught.value).splitlines() == [
        f"transaction {caught.value.transaction_id} was not evaluated: UNKNOWN: see details",
        "  ATSMSP at localhost:7051: chaincode response 400, FROZEN: bob is frozen",
        "  localhost:7050: timed out",
    ]
    assert caught.value.refusals == (Refusal(400, "FROZEN: bob is frozen"),)


@pytest.mark.parametrize(
    ("code", "name"),
    [(TxValidationCode.ENDORSEMENT_POLICY_FAILURE, "ENDORSEMENT_POLICY_FAILURE"), (200, "200")],
)
async def test_an_invalid_transaction_is_an_error_with_its_code(
    peer: FakePeer, client: Client, code: int, name: str
) -> None:
    peer.codes.append(code)

    with pytest.raises(CommitError, match=rf"block 7 as invalid: {name} \({code}\)") as caught:
        await client.gateway(peer).network(CHANNEL_ID).contract("token").submit("transfer")

    assert (caught.value.code, caught.value.code_name) == (code, name)
    assert caught.value.block_number == 7


async def test_a_commit_tells_the_verdict_without_raising(peer: FakePeer, client: Client) -> None:
    peer.codes.append(TxValidationCode.BAD_PAYLOAD)

    status = await client.gateway(peer).network(CHANNEL_ID).commit("f00d").status()

    assert not status.is_valid
    assert (status.transaction_id, status.code_name) == ("f00d", "BAD_PAYLOAD")


@pytest.mark.parametrize(
    ("method", "deadlines", "error_type"),
    [
        ("endorse", Deadlines(endorse_s=0.01), EndorseError),
        ("submit", Deadlines(submit_s=0.01), SubmitError),
        ("commit_status", Deadlines(commit_status_s=0.01), CommitStatusError),
    ],
)
async def test_a_phase_ends_at_its_deadline(
    peer: FakePeer,
    client: Client,
    method: str,
    deadlines: Deadlines,
    error_type: type[GatewayError],
) -> None:
    peer.hangs.add(method)
    contract = client.gateway(peer, deadlines).network(CHANNEL_ID).contract("token")

    with pytest.raises(error_type, match=r"no answer within 0\.01 s") as caught:
        await contract.submit("transfer")

    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_evaluate_ends_at_its_deadline(peer: FakePeer, client: Client) -> None:
    peer.hangs.add("evaluate")
    contract = client.gateway(peer, Deadlines(evaluate_s=0.01)).network(CHANNEL_ID).contract("t")

    with pytest.raises(EvaluateError, match="no answer"):
        await contract.evaluate("balance_of")


async def test_leaving_the_gateway_closes_the_transport(peer: FakePeer, client: Client) -> None:
    async with client.gateway(peer):
        assert not peer.is_closed

    assert peer.is_closed


def test_a_gateway_without_profile_has_no_default_channel(peer: FakePeer, client: Client) -> None:
    with pytest.raises(ClientError, match="name a channel"):
        client.gateway(peer).network()


@pytest.mark.parametrize(
    ("code", "is_outage"),
    [
        pytest.param(grpc.StatusCode.UNAVAILABLE, True, id="nobody answers"),
        pytest.param(grpc.StatusCode.CANCELLED, True, id="a node stops in the middle"),
        pytest.param(grpc.StatusCode.ABORTED, False, id="peers refuse"),
        pytest.param(grpc.StatusCode.DEADLINE_EXCEEDED, False, id="somebody is slow"),
    ],
)
def test_an_outage_is_told_from_a_refusal(code: grpc.StatusCode, is_outage: bool) -> None:  # noqa: FBT001
    assert EndorseError("t1", RpcFailure(code, "")).is_outage == is_outage
