"""What clients of Evaluate, Endorse and Submit are told (wire.md §5.3, the second table)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.conftest import CHANNEL_ID
from tests.unit.gateway.conftest import (
    BROKEN,
    CHAINCODE,
    DOWN,
    ONE_AT_A_TIME,
    SECRET,
    Setting,
    endorsement,
    messages_of,
    refusal,
    signed_proposal,
)

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.service import GatewayLimits
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Envelope, Status
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.protos.peer.proposal_pb2 import Proposal, SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

ABORTED = grpc.StatusCode.ABORTED
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
UNKNOWN = grpc.StatusCode.UNKNOWN

FORGED = ProposalRefusedError("access denied: creator org [A]")
DUPLICATE = ProposalRefusedError("duplicate transaction found [t1]. Creator [00]")
FAILED_TO_ENDORSE = "failed to endorse transaction, see attached details for more info"
NOT_ENOUGH = "failed to collect enough transaction endorsements, see attached details for more info"
FAILED_TO_EVALUATE = "failed to evaluate transaction, see attached details for more info"
TAKEN = BroadcastResponse(status=Status.SUCCESS)

Call = Callable[[Setting], Awaitable[object]]


@dataclass(frozen=True)
class Refusal:
    """What a client is told."""

    code: grpc.StatusCode
    text: str
    details: list[str] = field(default_factory=list)


async def evaluate(setting: Setting) -> object:
    return await setting.evaluate()


async def endorse(setting: Setting) -> object:
    return await setting.endorse()


async def submit(setting: Setting) -> object:
    return await setting.submit()


async def failure(call: Awaitable[object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await call
    return caught.value


def peers_that(*said: ProposalResponse | Exception | None) -> Callable[[Setting], object]:
    """Return what lets peers of organisations A, B, C … join, A's being the gateway's own."""

    def join(setting: Setting) -> None:
        for msp_id, answer in zip("ABCD", said, strict=False):
            setting.add_peer(msp_id, answer, local=msp_id == "A")

    return join


def orderers_that(*said: BroadcastResponse | Exception | None) -> Callable[[Setting], object]:
    def join(setting: Setting) -> None:
        for index, answer in enumerate(said):
            setting.add_orderer(answer, f"orderer{index}")

    return join


def asks_for(
    chaincode: str = CHAINCODE,
    *,
    channel_id: str = CHANNEL_ID,
    transient: dict[str, bytes] | None = None,
    organizations: tuple[str, ...] = (),
) -> tuple[Call, Call]:
    """Return Evaluate and Endorse of such a proposal."""
    proposal = signed_proposal(chaincode, channel_id=channel_id, transient=transient)
    return (
        lambda setting: setting.evaluate(proposal, organizations),
        lambda setting: setting.endorse(proposal, organizations),
    )


def nobody(_: Setting) -> None:
    """Let nobody join."""


def others_only(setting: Setting) -> None:
    setting.add_peer("B", endorsement())


UNKNOWN_CHAINCODE = asks_for("nowhere")
UNKNOWN_CHANNEL = asks_for(channel_id="nowhere")
UNKNOWN_ORGANISATION = asks_for(organizations=("X",))
TRANSIENT = asks_for(transient=SECRET)


@pytest.mark.parametrize(
    ("join", "call", "expected"),
    [
        pytest.param(
            peers_that(refusal(500, "boom", b"payload")),
            evaluate,
            Refusal(
                UNKNOWN,
                "evaluate call to endorser returned error: chaincode response 500, boom",
                ["chaincode response 500, boom"],
            ),
            id="chaincode returned 400 or more: Evaluate",
        ),
        pytest.param(
            peers_that(refusal(500, "boom", b"payload")),
            endorse,
            Refusal(
                ABORTED,
                FAILED_TO_ENDORSE,
                ["chaincode response 500, boom"],
            ),
            id="chaincode returned 400 or more: Endorse",
        ),
        pytest.param(
            peers_that(DOWN, refusal(500, "out of disk")),
            evaluate,
            Refusal(
                ABORTED,
                FAILED_TO_EVALUATE,
                ["rpc error: code = Unavailable desc = connection refused", "out of disk"],
            ),
            id="all candidates failed on the peer side: the code is that of the last",
        ),
        pytest.param(
            peers_that(refusal(500, "out of disk"), refusal(404, "gone")),
            evaluate,
            Refusal(
                UNKNOWN,
                "evaluate call to endorser returned error: chaincode response 404, gone",
                ["out of disk", "chaincode response 404, gone"],
            ),
            id="a refusal after a failure: both are told",
        ),
        pytest.param(
            peers_that(endorsement()),
            UNKNOWN_CHAINCODE[0],
            Refusal(
                FAILED_PRECONDITION,
                f"no peers available to evaluate chaincode nowhere in channel {CHANNEL_ID}",
            ),
            id="chaincode unknown: Evaluate",
        ),
        pytest.param(
            peers_that(endorsement()),
            UNKNOWN_CHAINCODE[1],
            Refusal(
                FAILED_PRECONDITION,
                "no combination of peers can be derived which satisfy the endorsement policy: "
                f"No metadata was found for chaincode nowhere in channel {CHANNEL_ID}",
            ),
            id="chaincode unknown: Endorse",
        ),
        pytest.param(
            peers_that(endorsement()),
            UNKNOWN_CHANNEL[0],
            Refusal(
                UNAVAILABLE,
                "failed to get config for channel [nowhere]: "
                "could not get last config for channel nowhere",
            ),
            id="channel unknown: Evaluate",
        ),
        pytest.param(
            peers_that(endorsement()),
            UNKNOWN_CHANNEL[1],
            Refusal(
                FAILED_PRECONDITION,
                "no combination of peers can be derived which satisfy the endorsement policy: "
                f"No metadata was found for chaincode {CHAINCODE} in channel nowhere",
            ),
            id="channel unknown: Endorse",
        ),
        pytest.param(
            peers_that(endorsement()),
            asks_for(channel_id="nowhere", transient=SECRET)[1],
            Refusal(
                FAILED_PRECONDITION,
                "no endorsers found in the gateway's organization; "
                "retry specifying endorsing organization(s) to protect transient data",
            ),
            id="channel unknown, transient data: Endorse",
        ),
        pytest.param(
            peers_that(endorsement()),
            asks_for(channel_id="nowhere", organizations=("A", "B"))[1],
            Refusal(UNAVAILABLE, "failed to find any endorsing peers for org(s): A, B"),
            id="channel unknown, organisations named: Endorse",
        ),
        pytest.param(
            orderers_that(TAKEN),
            lambda setting: setting.submit(channel_id="nowhere"),
            Refusal(
                FAILED_PRECONDITION,
                "failed to get config for channel [nowhere]: "
                "could not get last config for channel nowhere",
            ),
            id="channel unknown: Submit",
        ),
        pytest.param(
            peers_that(endorsement()),
            UNKNOWN_ORGANISATION[1],
            Refusal(
                UNAVAILABLE,
                "failed to find any endorsing peers for org(s): X",
            ),
            id="organisation unknown: Endorse",
        ),
        pytest.param(
            peers_that(endorsement()),
            UNKNOWN_ORGANISATION[0],
            Refusal(
                FAILED_PRECONDITION,
                "no peers available to evaluate chaincode token in channel securities",
            ),
            id="organisation unknown: Evaluate",
        ),
        pytest.param(
            others_only,
            TRANSIENT[0],
            Refusal(
                FAILED_PRECONDITION,
                "no endorsers found in the gateway's organization; "
                "retry specifying target organization(s) to protect transient data: "
                "no peers available to evaluate chaincode token in channel securities",
            ),
            id="transient data, no local endorser: Evaluate",
        ),
        pytest.param(
            others_only,
            TRANSIENT[1],
            Refusal(
                FAILED_PRECONDITION,
                "no endorsers found in the gateway's organization; "
                "retry specifying endorsing organization(s) to protect transient data",
            ),
            id="transient data, no local endorser: Endorse",
        ),
        pytest.param(
            peers_that(BROKEN, endorsement()),
            TRANSIENT[1],
            Refusal(
                ABORTED,
                FAILED_TO_ENDORSE,
                ["error in simulation: the disk is full"],
            ),
            id="transient data stays in the organisation even if its own peer fails: Endorse",
        ),
        pytest.param(
            peers_that(endorsement(b"7"), endorsement(b"8")),
            asks_for(organizations=("A", "B"))[1],
            Refusal(
                ABORTED,
                NOT_ENOUGH,
                [
                    "ProposalResponsePayloads do not match: propose anew once this peer has the"
                    " blocks of the others; if that does not help, find out what its chaincode"
                    " computes otherwise"
                ],
            ),
            id="endorsers disagree",
        ),
        pytest.param(
            peers_that(FORGED),
            evaluate,
            Refusal(
                FAILED_PRECONDITION,
                "evaluate call to endorser returned error: access denied: creator org [A]",
                ["access denied: creator org [A]"],
            ),
            id="bad client signature: Evaluate",
        ),
        pytest.param(
            peers_that(FORGED),
            endorse,
            Refusal(
                ABORTED,
                FAILED_TO_ENDORSE,
                ["access denied: creator org [A]"],
            ),
            id="bad client signature: Endorse",
        ),
        pytest.param(
            peers_that(DUPLICATE),
            evaluate,
            Refusal(
                FAILED_PRECONDITION,
                "evaluate call to endorser returned error: "
                "duplicate transaction found [t1]. Creator [00]",
                ["duplicate transaction found [t1]. Creator [00]"],
            ),
            id="transaction id already on the ledger: Evaluate",
        ),
        pytest.param(
            peers_that(DUPLICATE),
            endorse,
            Refusal(
                ABORTED,
                FAILED_TO_ENDORSE,
                ["duplicate transaction found [t1]. Creator [00]"],
            ),
            id="transaction id already on the ledger: Endorse",
        ),
        pytest.param(
            orderers_that(BroadcastResponse(status=Status.FORBIDDEN, info="permission denied")),
            submit,
            Refusal(
                ABORTED,
                "received unsuccessful response from orderer: "
                "status=FORBIDDEN, info=permission denied",
            ),
            id="orderer answered 4xx",
        ),
        pytest.param(
            orderers_that(
                OrdererUnreachableError("orderer0", "connection refused"),
                BroadcastResponse(status=Status.SERVICE_UNAVAILABLE, info="no leader"),
            ),
            submit,
            Refusal(
                UNAVAILABLE,
                "no orderers could successfully process transaction",
                [
                    "connection refused",
                    "received unsuccessful response from orderer: "
                    "status=SERVICE_UNAVAILABLE, info=no leader",
                ],
            ),
            id="no orderer took it",
        ),
        pytest.param(
            nobody,
            submit,
            Refusal(
                UNAVAILABLE,
                "no orderer nodes available",
            ),
            id="no orderer at all",
        ),
    ],
)
async def test_refused(
    setting: Setting,
    join: Callable[[Setting], object],
    call: Call,
    expected: Refusal,
) -> None:
    join(setting)
    error = await failure(call(setting))
    assert Refusal(error.code, error.message, messages_of(error)) == expected


@pytest.mark.parametrize(
    ("request_call", "text"),
    [
        pytest.param(
            lambda service: service.evaluate(gateway_pb2.EvaluateRequest()),
            "failed to unpack transaction proposal: a signed proposal is required",
            id="missing proposal: Evaluate",
        ),
        pytest.param(
            lambda service: service.endorse(gateway_pb2.EndorseRequest()),
            "the proposed transaction must contain a signed proposal",
            id="missing proposal: Endorse",
        ),
        pytest.param(
            lambda service: service.submit(gateway_pb2.SubmitRequest(channel_id=CHANNEL_ID)),
            "a prepared transaction is required",
            id="missing envelope: Submit",
        ),
        pytest.param(
            lambda service: service.submit(
                gateway_pb2.SubmitRequest(
                    channel_id=CHANNEL_ID, prepared_transaction=Envelope(payload=b"p")
                )
            ),
            "prepared transaction must be signed",
            id="unsigned: Submit",
        ),
    ],
)
async def test_incomplete(
    setting: Setting, request_call: Callable[[object], Awaitable[object]], text: str
) -> None:
    error = await failure(request_call(setting.service()))
    assert (error.code, error.message, error.details) == (INVALID_ARGUMENT, text, ())


@pytest.mark.parametrize(
    ("proposal", "text"),
    [
        pytest.param(SignedProposal(proposal_bytes=b"\xff"), "it is malformed", id="garbage"),
        pytest.param(
            SignedProposal(proposal_bytes=Proposal(header=b"\xff").SerializeToString()),
            "it is malformed",
            id="a header that is none",
        ),
        pytest.param(signed_proposal(channel_id=""), "no channel id provided", id="no channel"),
        pytest.param(
            signed_proposal(""),
            f"no chaincode name is provided, channel id [{CHANNEL_ID}]",
            id="no chaincode",
        ),
    ],
)
@pytest.mark.parametrize("method", ["Evaluate", "Endorse"])
async def test_malformed(
    setting: Setting, method: str, proposal: SignedProposal, text: str
) -> None:
    call = setting.evaluate if method == "Evaluate" else setting.endorse
    error = await failure(call(proposal))
    assert error.code is INVALID_ARGUMENT
    assert error.message.startswith(f"failed to unpack transaction proposal: {text}")


@pytest.mark.parametrize(
    ("join", "call", "code", "text"),
    [
        pytest.param(
            peers_that(DOWN, None), evaluate, UNAVAILABLE, FAILED_TO_EVALUATE, id="Evaluate"
        ),
        pytest.param(peers_that(None), endorse, ABORTED, FAILED_TO_ENDORSE, id="Endorse"),
        pytest.param(
            orderers_that(None),
            submit,
            UNAVAILABLE,
            "no orderers could successfully process transaction",
            id="Submit",
        ),
    ],
)
async def test_a_node_that_is_too_late_has_failed_like_one_that_cannot_be_reached(
    setting: Setting, join: Callable[[Setting], object], call: Call, code: object, text: str
) -> None:
    """DEADLINE_EXCEEDED means the client's own deadline, and gRPC says it by itself."""
    join(setting)
    setting.hurry()
    error = await failure(call(setting))
    assert (error.code, error.message) == (code, text)
    assert messages_of(error)[-1] == (
        "rpc error: code = DeadlineExceeded desc = no answer within 0.01 s"
    )


@pytest.mark.parametrize("call", [evaluate, endorse])
async def test_one_call_too_many_is_turned_away_before_any_peer_is_asked(
    setting: Setting, call: Call
) -> None:
    setting.limits = GatewayLimits(room=ONE_AT_A_TIME)
    peer = setting.add_peer("A", None, local=True)
    service = setting.service()
    calls: dict[Call, Callable[[], Awaitable[object]]] = {
        evaluate: lambda: service.evaluate(
            gateway_pb2.EvaluateRequest(proposed_transaction=signed_proposal())
        ),
        endorse: lambda: service.endorse(
            gateway_pb2.EndorseRequest(proposed_transaction=signed_proposal())
        ),
    }

    async def first() -> None:
        await calls[call]()

    async with asyncio.TaskGroup() as tasks:
        for asked in (1, 2):  # the limit counts calls in progress, not calls
            running = tasks.create_task(first())
            await asyncio.sleep(0)
            for refused in calls.values():
                with pytest.raises(TooBusyError, match=r"try again in 0\.1 s") as caught:
                    await refused()
                assert "too many requests for /gateway.Gateway: 1 are worked on" in str(
                    caught.value
                )
            assert peer.calls == asked
            running.cancel()
            await asyncio.wait([running])


async def test_what_is_endorsed_is_submitted_however_much_there_is_to_do(setting: Setting) -> None:
    setting.limits = GatewayLimits(room=ONE_AT_A_TIME)
    setting.add_peer("A", None, local=True)
    orderer = setting.add_orderer(BroadcastResponse(status=Status.SUCCESS))
    service = setting.service()

    async def endorsing() -> None:
        await service.endorse(gateway_pb2.EndorseRequest(proposed_transaction=signed_proposal()))

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(endorsing())
        await asyncio.sleep(0)
        await service.submit(
            gateway_pb2.SubmitRequest(
                channel_id=CHANNEL_ID, prepared_transaction=Envelope(signature=b"s")
            )
        )
        running.cancel()
    assert len(orderer.envelopes) == 1


async def test_a_client_that_has_used_up_its_rate_is_turned_away_before_any_peer_is_asked(
    outcome: Outcome,
    setting: Setting,
) -> None:
    peer = setting.add_peer("A", endorsement(), local=True)
    request = gateway_pb2.EvaluateRequest(proposed_transaction=setting.client_proposal())
    with outcome.refuses(
        TooBusyError,
        leaves=State("no peer was asked", lambda: peer.calls),
        match=r"calls too often: more than 0\.1 times",
    ) as caught:
        await setting.tired_service().evaluate(request)
    assert 9 < caught.value.retry_after_s <= 10
    assert peer.calls == 0
