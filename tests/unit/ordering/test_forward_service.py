"""What other orderers hand on is ordered, refused and charged as what clients send themselves."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.ordering.test_broadcast_service import Channel, ListChain, stream

from tallystick.node.limits.rates import ClientRates
from tallystick.node.observability.metrics import OrdererMetrics
from tallystick.node.ordering.admission import Submission
from tallystick.node.ordering.chain import Answer
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.ordering.service import BroadcastService, ForwardService, SharedChannel
from tallystick.node.settings import ClientRateSettings
from tallystick.node.transport.ports import LOCAL_CALLER, Caller
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.wire.signing import Signer

SUCCESS, FORBIDDEN, BUSY = Status.SUCCESS, Status.FORBIDDEN, Status.SERVICE_UNAVAILABLE
THREE = ClientRateSettings(calls_per_s=0.001, burst=3)


class Leader(ListChain):
    """Orders what is handed on to it."""

    def order_here(self, submission: Submission) -> Answer:
        return self.order(submission)


@dataclass
class Slow:
    """Answers when it is told to."""

    answers: list[Answer] = field(default_factory=list)

    def order_here(self, submission: Submission) -> Answer:  # noqa: ARG002 - of a port
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


@dataclass
class Standing:
    """What a service said of a call."""

    said: list[str] = field(default_factory=list)

    def admitted(self) -> None:
        self.said.append("admitted")

    def refused(self) -> None:
        self.said.append("refused")


@dataclass
class Orderer:
    """One orderer with both of its services, whose clients may send three envelopes."""

    material: ChannelMaterial
    rates: ClientRates = field(default_factory=lambda: ClientRates.on_loop(THREE))

    def __post_init__(self) -> None:
        author = EnvelopeAuthor(self.material.orderer, lambda: b"nonce", lambda: NOW_NS)
        self.config = self.material.config()
        self.chain = Leader(ChannelAdmission(self.config, author))

    def envelopes(self, number: int, signer: Signer | None = None) -> list[bytes]:
        return [self.material.envelope(bytes([index]), signer=signer) for index in range(number)]

    async def forwarded(self, *envelopes: bytes, caller: Caller = LOCAL_CALLER) -> list[int]:
        channels = {CHANNEL_ID: SharedChannel(self.chain, self.config)}
        service = ForwardService(channels.get, self.rates)
        return await statuses(service.forward(stream(*envelopes), caller))

    async def broadcast(self, *envelopes: bytes) -> list[int]:
        channels = {CHANNEL_ID: Channel(self.chain, self.config)}
        service = BroadcastService(channels.get, OrdererMetrics(), self.rates)
        return await statuses(service.broadcast(stream(*envelopes), LOCAL_CALLER))


async def statuses(responses: object) -> list[int]:
    assert isinstance(responses, AsyncGenerator)
    async with aclosing(responses):
        return [BroadcastResponse.FromString(each).status async for each in responses]


@pytest.fixture
def orderer(channel_material: ChannelMaterial) -> Orderer:
    return Orderer(channel_material)


async def test_a_refusal_ends_no_stream(orderer: Orderer) -> None:
    good = orderer.envelopes(2)
    (bad,) = orderer.envelopes(1, orderer.material.stranger)
    assert await orderer.forwarded(good[0], bad, b"no envelope", good[1]) == [
        SUCCESS,
        FORBIDDEN,
        Status.BAD_REQUEST,
        SUCCESS,
    ]
    assert orderer.chain.ordered == good


async def test_an_unknown_channel_is_refused(orderer: Orderer) -> None:
    envelope = orderer.material.envelope(channel_id="bonds")
    assert await orderer.forwarded(envelope) == [Status.BAD_REQUEST]


async def test_a_client_has_no_more_calls_by_the_way_of_other_orderers(orderer: Orderer) -> None:
    envelopes = orderer.envelopes(6)
    assert await orderer.broadcast(*envelopes[:2]) == [SUCCESS] * 2
    assert await orderer.forwarded(*envelopes[2:]) == [SUCCESS, BUSY, BUSY, BUSY]
    assert await orderer.broadcast(envelopes[5]) == [BUSY]
    assert orderer.chain.ordered == envelopes[:3]


async def test_other_orderers_are_not_limited_for_what_they_order_themselves(
    orderer: Orderer,
) -> None:
    envelopes = orderer.envelopes(6, orderer.material.orderer)
    assert await orderer.forwarded(*envelopes) == [SUCCESS] * 6


async def test_what_is_refused_is_charged_to_nobody(orderer: Orderer) -> None:
    orderer.chain.room = 0
    envelopes = orderer.envelopes(4)
    assert await orderer.forwarded(*envelopes) == [BUSY] * 4
    orderer.chain.room = 100
    assert await orderer.forwarded(*envelopes) == [SUCCESS] * 3 + [BUSY]


async def test_an_envelope_is_charged_once_it_is_ordered(
    channel_material: ChannelMaterial,
) -> None:
    slow, rates = Slow(), ClientRates.on_loop(THREE)
    shared = SharedChannel(slow, channel_material.config())
    service = ForwardService({CHANNEL_ID: shared}.get, rates)
    responses = service.forward(stream(channel_material.envelope()), LOCAL_CALLER)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(statuses(responses))
        while not slow.answers:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0)
        assert rates.clients == 0
        slow.answers[0].set_result(None)
        assert await answering == [SUCCESS]
    assert rates.clients == 1


async def test_the_transport_is_told_who_was_refused_and_who_was_not(orderer: Orderer) -> None:
    standing = Standing()
    (good,), (bad,) = orderer.envelopes(1), orderer.envelopes(1, orderer.material.stranger)
    caller = Caller("somewhere", call=standing)
    await orderer.forwarded(bad, caller=caller)
    assert standing.said == ["refused"]
    await orderer.forwarded(good, caller=caller)
    assert standing.said == ["refused", "admitted"]
