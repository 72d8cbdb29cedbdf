"""CommitStatus and ChaincodeEvents: who may ask, and for what (wire.md §5.3)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import grpc
import pytest
from tests.unit.conftest import CHANNEL_ID
from tests.unit.gateway.conftest import (
    ONE_AT_A_TIME,
    Setting,
    endorsement,
    refusal,
    signed_proposal,
)

from tallystick.node.gateway.commit_notifier import CommitNotifier, CommitOutcome
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.requests import proposed_call
from tallystick.node.gateway.service import GatewayLimits
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.settings import GatewaySettings
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway.gateway_pb2 import (
    EndorseRequest,
    EvaluateRequest,
    SignedChaincodeEventsRequest,
    SignedCommitStatusRequest,
    SubmitRequest,
)

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED

NOT_A_READER = (
    f"Failed evaluating policy on signed data during check policy on channel [{CHANNEL_ID}] with "
    "policy [/Channel/Application/Readers]: [implicit policy evaluation failed - 0 sub-policies "
    "were satisfied, but this policy requires 1 of the 'Readers' sub-policies to be satisfied]"
)

Requests = Callable[[Setting], SignedCommitStatusRequest | SignedChaincodeEventsRequest]


async def answer(
    setting: Setting, request: SignedCommitStatusRequest | SignedChaincodeEventsRequest
) -> object:
    """Return the answer to a request, the first one if there may be many."""
    service = setting.service()
    if isinstance(request, SignedCommitStatusRequest):
        return await service.commit_status(request)
    return await anext(service.chaincode_events(request))


async def failure(call: Awaitable[object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        async with asyncio.timeout(10):
            await call
    return caught.value


def without_signature(request: SignedCommitStatusRequest) -> SignedCommitStatusRequest:
    return SignedCommitStatusRequest(request=request.request)


@pytest.mark.parametrize(
    ("requests", "code", "text"),
    [
        pytest.param(
            lambda _: SignedCommitStatusRequest(),
            INVALID_ARGUMENT,
            "a commit status request is required",
            id="nothing: CommitStatus",
        ),
        pytest.param(
            lambda _: SignedChaincodeEventsRequest(),
            INVALID_ARGUMENT,
            "a chaincode events request is required",
            id="nothing: ChaincodeEvents",
        ),
        pytest.param(
            lambda _: SignedCommitStatusRequest(request=b"\xff"),
            INVALID_ARGUMENT,
            "invalid status request: ",
            id="garbage: CommitStatus",
        ),
        pytest.param(
            lambda _: SignedChaincodeEventsRequest(request=b"\xff"),
            INVALID_ARGUMENT,
            "invalid chaincode events request: ",
            id="garbage: ChaincodeEvents",
        ),
        pytest.param(
            lambda setting: setting.commit_status_request(identity=b""),
            INVALID_ARGUMENT,
            "no identity provided",
            id="no identity: CommitStatus",
        ),
        pytest.param(
            lambda setting: setting.commit_status_request(channel_id=""),
            INVALID_ARGUMENT,
            "no channel ID provided",
            id="no channel: CommitStatus",
        ),
        pytest.param(
            lambda setting: setting.commit_status_request(transaction_id=""),
            INVALID_ARGUMENT,
            "transaction ID should not be empty",
            id="no transaction",
        ),
        pytest.param(
            lambda setting: setting.commit_status_request(channel_id="nowhere"),
            PERMISSION_DENIED,
            "Failed to get policy manager for channel [nowhere]",
            id="channel unknown: CommitStatus",
        ),
        pytest.param(
            lambda setting: setting.events_request(channel_id="nowhere"),
            PERMISSION_DENIED,
            "Failed to get policy manager for channel [nowhere]",
            id="channel unknown: ChaincodeEvents",
        ),
        pytest.param(
            lambda setting: setting.commit_status_request(signer=setting.material.stranger),
            PERMISSION_DENIED,
            NOT_A_READER,
            id="identity may not read: CommitStatus",
        ),
        pytest.param(
            lambda setting: setting.events_request(setting.material.stranger),
            PERMISSION_DENIED,
            NOT_A_READER,
            id="identity may not read: ChaincodeEvents",
        ),
        pytest.param(
            lambda setting: without_signature(setting.commit_status_request()),
            PERMISSION_DENIED,
            NOT_A_READER,
            id="not signed",
        ),
    ],
)
async def test_refused(
    setting: Setting, requests: Requests, code: grpc.StatusCode, text: str
) -> None:
    error = await failure(answer(setting, requests(setting)))
    assert error.code is code
    assert error.message.startswith(text)
    assert error.details == ()


@pytest.mark.parametrize("missing", [{"identity": b""}, {"channel_id": ""}])
async def test_the_policy_alone_judges_requests_for_events(
    setting: Setting, missing: dict[str, object]
) -> None:
    """Unlike CommitStatus, ChaincodeEvents has no look at the fields before."""
    error = await failure(answer(setting, setting.events_request(None, **missing)))
    assert error.code is PERMISSION_DENIED


async def test_commit_status_tells_code_and_block(setting: Setting) -> None:  # §5.5
    setting.outcomes["t1"] = CommitOutcome(code=11, block_number=7)
    found = await setting.service().commit_status(setting.commit_status_request("t1"))
    assert (found.result, found.block_number) == (11, 7)


async def test_commit_status_waits_for_the_block(setting: Setting) -> None:  # §5.5
    service = setting.service()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(service.commit_status(setting.commit_status_request("t1")))
        await asyncio.sleep(0)
        setting.notifier.publish(4, [("t1", 0)])
    assert (waiting.result().result, waiting.result().block_number) == (0, 4)


async def test_a_peer_that_stops_ends_the_wait(setting: Setting) -> None:
    """§5.5, §19 item 18."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(failure(answer(setting, setting.commit_status_request())))
        await asyncio.sleep(0)
        setting.notifier.close()
    assert waiting.result().code is grpc.StatusCode.ABORTED


async def test_too_many_who_wait_are_told_so(setting: Setting) -> None:
    setting.notifier = CommitNotifier(setting.outcomes.get, max_waiters=0)
    error = await failure(answer(setting, setting.commit_status_request()))
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_waiting_takes_no_place_among_the_calls_in_progress(setting: Setting) -> None:
    setting.limits = GatewayLimits(room=ONE_AT_A_TIME)
    service = setting.service()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = [
            tasks.create_task(service.commit_status(setting.commit_status_request(transaction_id)))
            for transaction_id in ("t1", "t2")
        ]
        await asyncio.sleep(0)
        setting.notifier.publish(4, [("t1", 0), ("t2", 0)])
    assert [task.result().block_number for task in waiting] == [4, 4]


def one_at_a_time(setting: Setting) -> None:
    """Let a gateway have one transaction under way, which its own peer endorses."""
    setting.limits = GatewayLimits(room=ONE_AT_A_TIME)
    setting.definitions.define("OR('A.member')")
    setting.add_peer("A", endorsement(), local=True)


async def test_an_endorsed_transaction_keeps_its_place_until_it_is_committed(
    setting: Setting,
) -> None:
    one_at_a_time(setting)
    service = setting.service()
    request = EndorseRequest(proposed_transaction=signed_proposal())
    for number in range(3):
        await service.endorse(request)
        with pytest.raises(TooBusyError, match="0 are worked on and 1 begun"):
            await service.endorse(request)
        assert service.in_progress == 0
        committed = proposed_call(request.proposed_transaction).transaction_id
        setting.notifier.publish(number, [("another", 0), (committed, 11)])
        await asyncio.sleep(0)


async def test_what_is_not_endorsed_keeps_no_place(setting: Setting) -> None:
    setting.limits = GatewayLimits(room=ONE_AT_A_TIME)
    setting.definitions.define("OR('A.member')")
    peer = setting.add_peer("A", refusal(500, "no", b"payload"), local=True)
    service = setting.service()
    for asked in (1, 2):
        error = await failure(
            service.endorse(EndorseRequest(proposed_transaction=signed_proposal()))
        )
        assert (error.code, peer.calls) == (grpc.StatusCode.ABORTED, asked)


async def test_a_query_does_not_wait_for_what_is_endorsed_and_not_committed(
    setting: Setting,
) -> None:
    setting.limits = GatewayLimits(room=ONE_AT_A_TIME)
    setting.definitions.define("OR('A.member')")
    peer = setting.add_peer("A", endorsement(b"7"), local=True)
    service = setting.service()
    await service.endorse(EndorseRequest(proposed_transaction=signed_proposal()))
    answer = await service.evaluate(EvaluateRequest(proposed_transaction=signed_proposal()))
    assert (answer.result.payload, peer.calls) == (b"7", 2)


@pytest.mark.parametrize("working", [1, 500])
def test_transactions_under_way_fill_a_block_while_others_are_endorsed(working: int) -> None:
    settings = GatewaySettings(max_concurrent_calls=working)
    limits = GatewayLimits.from_settings(settings).room
    assert (limits.working, limits.unfinished) == (working, 2 * working)


def test_limits_that_nobody_set_are_those_of_the_settings() -> None:
    assert GatewayLimits.from_settings(GatewaySettings()) == GatewayLimits()


def signed_transaction(transaction_id: str) -> SubmitRequest:
    return SubmitRequest(
        channel_id=CHANNEL_ID,
        transaction_id=transaction_id,
        prepared_transaction=Envelope(payload=b"transaction", signature=b"signature"),
    )


async def test_a_transaction_that_no_orderer_takes_frees_its_place_at_once(
    setting: Setting,
) -> None:
    one_at_a_time(setting)
    service = setting.service()
    request = EndorseRequest(proposed_transaction=signed_proposal())
    mine = proposed_call(request.proposed_transaction).transaction_id
    for _ in range(3):
        await service.endorse(request)
        error = await failure(service.submit(signed_transaction("another")))
        assert error.message == "no orderer nodes available"
        with pytest.raises(TooBusyError, match="0 are worked on and 1 begun"):
            await service.endorse(request)
        await failure(service.submit(signed_transaction(mine)))
        await asyncio.sleep(0)


async def test_a_client_that_gives_up_submitting_frees_the_place_of_its_transaction(
    setting: Setting,
) -> None:
    one_at_a_time(setting)
    orderer = setting.add_orderer(None)
    service = setting.service()
    request = EndorseRequest(proposed_transaction=signed_proposal())
    await service.endorse(request)
    mine = proposed_call(request.proposed_transaction).transaction_id
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await service.submit(signed_transaction(mine))
    await asyncio.sleep(0)
    await service.endorse(request)
    assert len(orderer.envelopes) == 1


async def test_a_transaction_that_is_endorsed_twice_ends_once(setting: Setting) -> None:
    setting.limits = GatewayLimits(room=replace(ONE_AT_A_TIME, unfinished=2))
    setting.definitions.define("OR('A.member')")
    setting.add_peer("A", endorsement(), local=True)
    service = setting.service()
    request = EndorseRequest(proposed_transaction=signed_proposal())
    mine = proposed_call(request.proposed_transaction).transaction_id
    for number in range(2):
        await service.endorse(request)
        await service.endorse(request)
        assert service.unfinished == 2
        setting.notifier.publish(number, [(mine, 0)])
        await asyncio.sleep(0)
        assert service.unfinished == 0
