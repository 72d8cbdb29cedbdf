"""Hands a signed transaction to the ordering service."""

import asyncio
from collections.abc import Sequence

import grpc

from tallystick.node.gateway.errors import FailureDetail, GatewayError
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common import common_pb2
from tallystick.protos.orderer import ab_pb2

CLIENT_FAULTS = range(400, 500)
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
        failures.append(FailureDetail(orderer.endpoint, "", _refusal(response)))
    if timeouts == len(orderers):
        raise GatewayError(grpc.StatusCode.DEADLINE_EXCEEDED, SUBMIT_TIMED_OUT, tuple(failures))
    raise GatewayError(
        grpc.StatusCode.UNAVAILABLE,
        "no orderers could successfully process transaction",
        tuple(failures),
    )


def _refusal(response: ab_pb2.BroadcastResponse) -> str:
    """Return what an orderer's refusal says; raise it if every orderer would say the same."""
    known = common_pb2.Status.values()
    name = common_pb2.Status.Name(response.status) if response.status in known else "UNKNOWN"
    text = f"received unsuccessful response from orderer: status={name}, info={response.info}"
    if response.status in CLIENT_FAULTS:
        raise GatewayError(grpc.StatusCode.ABORTED, text)
    return text
