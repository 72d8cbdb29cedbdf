"""Hands a signed transaction to the ordering service."""

import asyncio
from collections.abc import Sequence

import grpc

from tallystick.node.gateway.errors import FailureDetail, GatewayError
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common import common_pb2
from tallystick.protos.orderer import ab_pb2

CLIENT_FAULTS = range(400, 500)
_ORDERED_ALREADY = ab_pb2.BroadcastResponse(
    status=common_pb2.Status.SERVICE_UNAVAILABLE,
    info="failed to submit request: request already exists",
)
SUBMIT_TIMED_OUT = "submit timeout expired while broadcasting to ordering service"


async def submit_envelope(
    orderers: Sequence[OrdererConnection], envelope: bytes, *, timeout_s: float
) -> None:
    """Offer ``envelope`` to one orderer after another until one takes it.

    A 4xx answer is about the envelope, so no other orderer is asked. An orderer that takes too long
    may order the envelope all the same; then it is on the ledger twice, and valid once.

    Args:
        orderers: In the order in which they are asked.
        envelope: The transaction.
        timeout_s: How long to wait for each of them.

    Raises:
        GatewayError: ABORTED if an orderer refuses it, DEADLINE_EXCEEDED if none answers in time,
            else UNAVAILABLE.

    Source: wire.md §5.3, §5.4.
    """
    if not orderers:
        raise GatewayError(grpc.StatusCode.UNAVAILABLE, "no orderer nodes available")
    failures: list[FailureDetail] = []
    timeouts = 0
    for orderer in orderers:
        try:
            async with asyncio.timeout(timeout_s):
                response = await orderer.broadcast(envelope)
        except TimeoutError:
            timeouts += 1
            failures.append(
                FailureDetail(orderer.endpoint, "", f"no answer within {timeout_s:g} s")
            )
            continue
        except OrdererUnreachableError as error:
            failures.append(FailureDetail(orderer.endpoint, "", str(error)))
            continue
        if response.status == common_pb2.Status.SUCCESS:
            return
        if response.status in CLIENT_FAULTS:  # every orderer would say the same
            raise GatewayError(grpc.StatusCode.ABORTED, _refusal(response))
        failures.append(FailureDetail(orderer.endpoint, "", _refusal(response)))
    if timeouts == len(orderers):
        raise GatewayError(grpc.StatusCode.DEADLINE_EXCEEDED, SUBMIT_TIMED_OUT, tuple(failures))
    raise GatewayError(
        grpc.StatusCode.UNAVAILABLE,
        "no orderers could successfully process transaction",
        tuple(failures),
    )


async def submit_to_quorum(
    orderers: Sequence[OrdererConnection], envelope: bytes, *, timeout_s: float
) -> None:
    """Offer ``envelope`` to all orderers at once until enough of them have taken it.

    Under BFT some orderers may be traitors, who would take an envelope and forget it. Any quorum
    has more members than there may be traitors, and one honest orderer sees that it is ordered.

    Args:
        orderers: All of the channel.
        envelope: The transaction.
        timeout_s: How long to wait for them.

    Raises:
        GatewayError: DEADLINE_EXCEEDED if too few answer in time, UNAVAILABLE if too few take it.

    Source: wire.md §5.4.
    """
    if not orderers:
        raise GatewayError(grpc.StatusCode.UNAVAILABLE, "no orderer nodes available")
    failures: list[FailureDetail] = []
    try:
        async with asyncio.timeout(timeout_s):
            if await _offered_to_quorum(orderers, envelope, failures):
                return
    except TimeoutError as error:
        status = grpc.StatusCode.DEADLINE_EXCEEDED
        raise GatewayError(status, SUBMIT_TIMED_OUT, tuple(failures)) from error
    raise GatewayError(
        grpc.StatusCode.UNAVAILABLE,
        "insufficient number of orderers could successfully process transaction to satisfy quorum "
        "requirement",
        tuple(failures),
    )


async def _offered_to_quorum(
    orderers: Sequence[OrdererConnection], envelope: bytes, failures: list[FailureDetail]
) -> bool:
    """Return whether enough have taken it, as soon as that is clear; fill in ``failures``."""
    quorum = bft_quorum(len(orderers))
    taken = 0
    async with asyncio.TaskGroup() as group:
        offers = [group.create_task(_offer(orderer, envelope)) for orderer in orderers]
        for answer in asyncio.as_completed(offers):
            failure = await answer
            if failure is None:
                taken += 1
            else:
                failures.append(failure)
            if taken == quorum or len(failures) > len(orderers) - quorum:
                break
        for offer in offers:
            offer.cancel()
    return taken == quorum


def bft_quorum(orderers: int) -> int:
    """Return how many of the orderers must agree, so that any two quorums share an honest one."""
    traitors = (orderers - 1) // 3
    return (orderers + traitors) // 2 + 1


async def _offer(orderer: OrdererConnection, envelope: bytes) -> FailureDetail | None:
    """Return why the orderer has not taken the envelope; None if it has."""
    try:
        response = await orderer.broadcast(envelope)
    except OrdererUnreachableError as error:
        return FailureDetail(orderer.endpoint, "", str(error))
    if response.status == common_pb2.Status.SUCCESS or response == _ORDERED_ALREADY:
        return None
    return FailureDetail(orderer.endpoint, "", _refusal(response))


def _refusal(response: ab_pb2.BroadcastResponse) -> str:
    known = common_pb2.Status.values()
    name = common_pb2.Status.Name(response.status) if response.status in known else "UNKNOWN"
    return f"received unsuccessful response from orderer: status={name}, info={response.info}"
