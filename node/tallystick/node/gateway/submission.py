"""Hands a signed transaction to the ordering service."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import grpc

from tallystick.node.gateway.errors import FailureDetail, GatewayError
from tallystick.node.transport.failures import too_late
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common import common_pb2
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse

CLIENT_FAULTS = range(400, 500)
_ORDERED_ALREADY = BroadcastResponse(
    status=common_pb2.Status.SERVICE_UNAVAILABLE,
    info="failed to submit request: request already exists",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Who took an envelope.

    Attributes:
        endpoint: The orderer that was asked.
        leader: The one to which it handed the envelope on; empty if it did not, or does not say,
            as Fabric's orderers do not.
    """

    endpoint: str
    leader: str


class OrdererChoice:
    """In which order the orderers of one channel are asked: by chance, but the leader first.

    Any orderer hands an envelope on to the leader; to ask it at once saves everybody's time.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._leader = ""

    def in_turn(self, orderers: Sequence[OrdererConnection]) -> Sequence[OrdererConnection]:
        """Return all of them, in the order in which they are asked."""
        chosen = self._random.sample(orderers, len(orderers))
        return sorted(chosen, key=lambda orderer: orderer.endpoint != self._leader)

    def learn(self, taken: Taken) -> None:
        """Prefer whoever leads now, if that has become known."""
        if taken.leader:
            self._leader = taken.leader
        elif taken.endpoint != self._leader:
            self._leader = ""  # it was not there, and another one leads


async def submit_envelope(
    orderers: Sequence[OrdererConnection],
    envelope: bytes,
    *,
    msp_ids: Mapping[str, str],
    timeout_s: float,
) -> Taken:
    """Offer ``envelope`` to one orderer after another until one takes it; return which.

    A 4xx answer is about the envelope, so no other orderer is asked. An orderer that takes too long
    may order the envelope all the same; then it is on the ledger twice, and valid once.

    Args:
        orderers: In the order in which they are asked.
        envelope: The transaction.
        msp_ids: The organisation of each, by endpoint, as far as it is known.
        timeout_s: How long to wait for each of them.

    Raises:
        GatewayError: ABORTED if an orderer refuses it, UNAVAILABLE if none takes it.

    Source: wire.md §5.3, §5.4.
    """
    if not orderers:
        raise GatewayError(grpc.StatusCode.UNAVAILABLE, "no orderer nodes available")
    failures: list[FailureDetail] = []
    for orderer in orderers:
        answer = await _answer(orderer, envelope, timeout_s)
        if isinstance(answer, BroadcastResponse) and _is_taken(answer):
            return Taken(orderer.endpoint, answer.info)
        if isinstance(answer, BroadcastResponse) and answer.status in CLIENT_FAULTS:
            # Every orderer would say the same.
            raise GatewayError(grpc.StatusCode.ABORTED, _refusal(answer))
        failures.append(_failure(orderer, answer, msp_ids))
    raise GatewayError(
        grpc.StatusCode.UNAVAILABLE,
        "no orderers could successfully process transaction",
        tuple(failures),
    )


async def submit_to_quorum(
    orderers: Sequence[OrdererConnection],
    envelope: bytes,
    *,
    msp_ids: Mapping[str, str],
    timeout_s: float,
) -> None:
    """Offer ``envelope`` to all orderers at once until enough of them have taken it.

    Under BFT some orderers may be traitors, who would take an envelope and forget it. Any quorum
    has more members than there may be traitors, and one honest orderer sees that it is ordered.

    Args:
        orderers: All of the channel.
        envelope: The transaction.
        msp_ids: The organisation of each, by endpoint, as far as it is known.
        timeout_s: How long to wait for each of them.

    Raises:
        GatewayError: UNAVAILABLE if too few take it.

    Source: wire.md §5.4.
    """
    if not orderers:
        raise GatewayError(grpc.StatusCode.UNAVAILABLE, "no orderer nodes available")

    failures: list[FailureDetail] = []

    async def offer(orderer: OrdererConnection) -> bool:
        answer = await _answer(orderer, envelope, timeout_s)
        if answer == _ORDERED_ALREADY or _is_taken(answer):
            return True
        failures.append(_failure(orderer, answer, msp_ids))
        return False

    if not await _reaches_quorum([offer(orderer) for orderer in orderers]):
        raise GatewayError(
            grpc.StatusCode.UNAVAILABLE,
            "insufficient number of orderers could successfully process transaction to satisfy "
            "quorum requirement",
            tuple(failures),
        )


async def _reaches_quorum(offers: Sequence[Coroutine[None, None, bool]]) -> bool:
    """Return whether enough orderers take what they are offered, as soon as that is clear."""
    quorum = bft_quorum(len(offers))
    taken = missed = 0
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(offer) for offer in offers]
        for outcome in asyncio.as_completed(tasks):
            if await outcome:
                taken += 1
            else:
                missed += 1
            if taken == quorum or missed > len(offers) - quorum:
                break
        for task in tasks:
            task.cancel()
    return taken == quorum


def bft_quorum(orderers: int) -> int:
    """Return how many of the orderers must agree, so that any two quorums share an honest one."""
    traitors = (orderers - 1) // 3
    return (orderers + traitors) // 2 + 1


async def _answer(
    orderer: OrdererConnection, envelope: bytes, timeout_s: float
) -> BroadcastResponse | str:
    """Return what the orderer says to an envelope, or why it says nothing."""
    try:
        async with asyncio.timeout(timeout_s):
            return await orderer.broadcast(envelope)
    except TimeoutError:
        return too_late(timeout_s)
    except OrdererUnreachableError as error:
        return error.reason


def _failure(
    orderer: OrdererConnection, answer: BroadcastResponse | str, msp_ids: Mapping[str, str]
) -> FailureDetail:
    message = answer if isinstance(answer, str) else _refusal(answer)
    return FailureDetail(orderer.endpoint, msp_ids.get(orderer.endpoint, ""), message)


def _is_taken(answer: BroadcastResponse | str) -> bool:
    return isinstance(answer, BroadcastResponse) and answer.status == common_pb2.Status.SUCCESS


def _refusal(response: BroadcastResponse) -> str:
    known = common_pb2.Status.values()
    name = common_pb2.Status.Name(response.status) if response.status in known else "UNKNOWN"
    return f"received unsuccessful response from orderer: status={name}, info={response.info}"
