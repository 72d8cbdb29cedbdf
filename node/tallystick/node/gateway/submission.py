"""Hands a signed transaction to the ordering service."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

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


Decided: TypeAlias = asyncio.Future[Taken | BroadcastResponse]
"""Who took an envelope, or a refusal by which every orderer would stay."""


class OrdererChoice:
    """In which order the orderers of one channel are asked, and when another is asked as well.

    By chance, but the leader first. Any orderer hands an envelope on to the leader; to ask it at
    once saves everybody's time.
    """

    def __init__(self, random: Random, silence_s: float) -> None:
        """``silence_s`` is how long an orderer that is asked may answer nobody at all."""
        self._random = random
        self._silence_s = silence_s
        self._leader = ""
        self._heard: dict[str, float] = {}

    def in_turn(self, orderers: Sequence[OrdererConnection]) -> Sequence[OrdererConnection]:
        """Return all of them, in the order in which they are asked."""
        if len(orderers) == 1:
            return orderers
        chosen = self._random.sample(orderers, len(orderers))
        return sorted(chosen, key=lambda orderer: orderer.endpoint != self._leader)

    def learn(self, taken: Taken) -> None:
        """Prefer whoever leads now, if that has become known."""
        if taken.leader:
            self._leader = taken.leader
        elif taken.endpoint != self._leader:
            self._leader = ""  # it was not there, and another one leads

    def heard(self, endpoint: str) -> None:
        """Remember that an orderer answered just now."""
        self._heard[endpoint] = asyncio.get_running_loop().time()

    async def silence(self, endpoint: str) -> None:
        """Return once an orderer has answered nobody for too long, from now on.

        One that is busy answers others meanwhile. To ask another one then would only add to the
        work of all.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while True:
            silent_at = max(asked, self._heard.get(endpoint, asked)) + self._silence_s
            if loop.time() >= silent_at:
                return
            await asyncio.sleep(silent_at - loop.time())


async def submit_envelope(
    orderers: Sequence[OrdererConnection],
    envelope: bytes,
    *,
    choice: OrdererChoice,
    msp_id_of: Callable[[str], str],
    timeout_s: float,
) -> Taken:
    """Offer ``envelope`` to one orderer after another until one takes it; return which.

    The next one is asked when one fails, and when one is silent, which may hang. A 4xx answer is
    about the envelope, so no other is asked. An orderer that is too late may order the envelope all
    the same; then it is on the ledger twice, and valid once.

    Args:
        orderers: In the order in which they are asked.
        envelope: The transaction.
        choice: Tells when an orderer is silent.
        msp_id_of: Returns the organisation of an endpoint; empty if it is not known.
        timeout_s: How long to wait for each of them.

    Raises:
        GatewayError: ABORTED if an orderer refuses it, UNAVAILABLE if none takes it.

    Source: wire.md §5.3, §5.4.
    """
    if not orderers:
        raise GatewayError(grpc.StatusCode.UNAVAILABLE, "no orderer nodes available")
    failures: list[FailureDetail] = []
    decided: Decided = asyncio.get_running_loop().create_future()

    async def offer(orderer: OrdererConnection) -> None:
        answer = await _answer(orderer, envelope, timeout_s)
        if isinstance(answer, BroadcastResponse):
            choice.heard(orderer.endpoint)
        decision = _decision(orderer.endpoint, answer)
        if decision is None:
            failures.append(_failure(orderer, answer, msp_id_of))
        elif not decided.done():
            decided.set_result(decision)

    await _offer_in_turn(orderers, offer, choice, decided)
    if not decided.done():
        problem = "no orderers could successfully process transaction"
        raise GatewayError(grpc.StatusCode.UNAVAILABLE, problem, tuple(failures))
    outcome = decided.result()
    if isinstance(outcome, BroadcastResponse):
        raise GatewayError(grpc.StatusCode.ABORTED, _refusal(outcome))
    return outcome


async def _offer_in_turn(
    orderers: Sequence[OrdererConnection],
    offer: Callable[[OrdererConnection], Coroutine[None, None, None]],
    choice: OrdererChoice,
    decided: Decided,
) -> None:
    """Return once an offer has decided, or all have failed.

    The next offer is made when the one before fails, or when its orderer is silent.
    """
    if len(orderers) == 1:  # silent or not, there is nobody else to ask
        await offer(orderers[0])
        return
    async with asyncio.TaskGroup() as group:
        offers: list[asyncio.Task[None]] = []
        for orderer in orderers:
            offers.append(group.create_task(offer(orderer)))
            silence = group.create_task(choice.silence(orderer.endpoint))
            await asyncio.wait((decided, offers[-1], silence), return_when=asyncio.FIRST_COMPLETED)
            silence.cancel()
            if decided.done():
                break
        else:
            failed = group.create_task(asyncio.wait(offers))
            await asyncio.wait((decided, failed), return_when=asyncio.FIRST_COMPLETED)
        for task in offers:
            task.cancel()


async def submit_to_quorum(
    orderers: Sequence[OrdererConnection],
    envelope: bytes,
    *,
    msp_id_of: Callable[[str], str],
    timeout_s: float,
) -> None:
    """Offer ``envelope`` to all orderers at once until enough of them have taken it.

    Under BFT some orderers may be traitors, who would take an envelope and forget it. Any quorum
    has more members than there may be traitors, and one honest orderer sees that it is ordered.

    Args:
        orderers: All of the channel.
        envelope: The transaction.
        msp_id_of: Returns the organisation of an endpoint; empty if it is not known.
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
        failures.append(_failure(orderer, answer, msp_id_of))
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
    orderer: OrdererConnection, answer: BroadcastResponse | str, msp_id_of: Callable[[str], str]
) -> FailureDetail:
    message = answer if isinstance(answer, str) else _refusal(answer)
    return FailureDetail(orderer.endpoint, msp_id_of(orderer.endpoint), message)


def _decision(endpoint: str, answer: BroadcastResponse | str) -> Taken | BroadcastResponse | None:
    """Return what settles a submission: that it was taken, or a refusal by which all would stay."""
    if isinstance(answer, str):
        return None
    if answer.status == common_pb2.Status.SUCCESS:
        return Taken(endpoint, answer.info)
    return answer if answer.status in CLIENT_FAULTS else None


def _is_taken(answer: BroadcastResponse | str) -> bool:
    return isinstance(answer, BroadcastResponse) and answer.status == common_pb2.Status.SUCCESS


def _refusal(response: BroadcastResponse) -> str:
    known = common_pb2.Status.values()
    name = common_pb2.Status.Name(response.status) if response.status in known else "UNKNOWN"
    return f"received unsuccessful response from orderer: status={name}, info={response.info}"
