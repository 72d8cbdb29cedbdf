"""One answer per envelope, in order: wire.md §7.1."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.ordering.conftest import Lines

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.limits.rates import ClientRates
from tallystick.node.observability.metrics import OrdererMetrics
from tallystick.node.ordering import service as service_module
from tallystick.node.ordering.admission import Refused, Submission
from tallystick.node.ordering.chain import Answer, at_once, unavailable
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.ordering.service import BroadcastService
from tallystick.node.settings import ClientRateSettings
from tallystick.node.transport.ports import LOCAL_CALLER
from tallystick.protos.common.common_pb2 import Envelope, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse


@dataclass
class ListChain:
    """Keeps what it is asked to order, as long as there is room."""

    admission: ChannelAdmission
    room: int = 100
    leads: str = ""
    ordered: list[bytes] = field(default_factory=list)

    @property
    def height(self) -> int:
        return 1

    @property
    def leader(self) -> str:
        return self.leads

    def order(self, submission: Submission) -> Answer:
        admitted = self.admission.admit(submission)
        if isinstance(admitted, Refused):
            return at_once(admitted)
        if len(self.ordered) >= self.room:
            return at_once(unavailable("no room; try again in a moment"))
        self.ordered.append(admitted.envelope)
        return at_once(None)

    async def run(self) -> None:
        return

    def drain(self) -> None:
        self.room = 0


@dataclass
class SlowChain:
    """Answers when it is told to."""

    answers: list[Answer] = field(default_factory=list)
    leads: str = ""

    @property
    def height(self) -> int:
        return 1

    @property
    def leader(self) -> str:
        return self.leads

    def order(self, submission: Submission) -> Answer:  # noqa: ARG002 - of a port
        answer: Answer = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        return answer

    async def run(self) -> None:
        return

    def drain(self) -> None:
        self.answers.clear()


@dataclass
class Channel:
    chain: ListChain | SlowChain
    config: ChannelConfig


async def stream(*envelopes: bytes) -> AsyncIterator[bytes]:
    for envelope in envelopes:
        yield envelope


async def answers(
    channel: Channel,
    *envelopes: bytes,
    metrics: OrdererMetrics | None = None,
    rate: ClientRateSettings | None = None,
) -> list[BroadcastResponse]:
    service = BroadcastService(
        {CHANNEL_ID: channel}.get,
        metrics or OrdererMetrics(),
        ClientRates.on_loop(rate or ClientRateSettings()),
    )
    return [
        BroadcastResponse.FromString(response)
        async for response in service.broadcast(stream(*envelopes), LOCAL_CALLER)
    ]


def channel_of(material: ChannelMaterial, room: int = 100) -> Channel:
    author = EnvelopeAuthor(material.orderer, lambda: b"nonce", lambda: NOW_NS)
    config = material.config()
    return Channel(ListChain(ChannelAdmission(config, author), room), config)


async def test_every_envelope_gets_its_answer_and_the_chain_keeps_their_order(
    channel_material: ChannelMaterial,
) -> None:
    channel = channel_of(channel_material)
    assert isinstance(channel.chain, ListChain)
    envelopes = [channel_material.envelope(bytes([index])) for index in range(3)]
    responses = await answers(channel, *envelopes)
    assert responses == [BroadcastResponse(status=Status.SUCCESS)] * 3
    assert channel.chain.ordered == envelopes


async def test_whoever_hands_envelopes_on_says_to_whom(channel_material: ChannelMaterial) -> None:
    channel = channel_of(channel_material)
    channel.chain.leads = "leader.example:7050"
    (response,) = await answers(channel, channel_material.envelope())
    assert response == BroadcastResponse(status=Status.SUCCESS, info="leader.example:7050")


async def test_the_stream_ends_after_the_first_refusal(channel_material: ChannelMaterial) -> None:
    channel = channel_of(channel_material)
    assert isinstance(channel.chain, ListChain)
    good = channel_material.envelope()
    bad = channel_material.envelope(signer=channel_material.stranger)
    responses = await answers(channel, good, bad, good)
    assert [response.status for response in responses] == [Status.SUCCESS, Status.FORBIDDEN]
    assert channel.chain.ordered == [good]


async def test_the_log_says_which_transaction_of_which_channel_was_refused(
    channel_material: ChannelMaterial, lines: Lines
) -> None:
    channel = channel_of(channel_material)
    forged = channel_material.envelope(signer=channel_material.stranger, transaction_id="a1")
    elsewhere = channel_material.envelope(channel_id="bonds", transaction_id="x" * 10_000)
    for envelope in (forged, elsewhere, b"no envelope"):
        await answers(channel, envelope)
    assert lines.about("with FORBIDDEN") == [{"channel": CHANNEL_ID, "transaction_id": "a1"}]
    unknown, unreadable = lines.about("with BAD_REQUEST")
    assert unknown["channel"] == "bonds"
    assert len(unknown["transaction_id"]) < 300, "it is only claimed"
    assert unreadable == {}


async def test_an_unknown_channel_is_refused(channel_material: ChannelMaterial) -> None:
    envelope = channel_material.envelope(channel_id="bonds")
    (response,) = await answers(channel_of(channel_material), envelope)
    assert response == BroadcastResponse(status=Status.BAD_REQUEST, info="channel does not exist")


async def test_a_chain_that_cannot_take_more_answers_503_with_its_reason(
    channel_material: ChannelMaterial,
) -> None:
    (_, response) = await answers(
        channel_of(channel_material, room=1), *[channel_material.envelope()] * 3
    )
    assert response == BroadcastResponse(
        status=Status.SERVICE_UNAVAILABLE, info="no room; try again in a moment"
    )


async def test_envelopes_are_counted_by_answer_and_by_a_channel_that_is_ordered_here(
    channel_material: ChannelMaterial,
) -> None:
    metrics, channel = OrdererMetrics(), channel_of(channel_material)
    elsewhere = channel_material.envelope(channel_id="bonds")
    await answers(channel, *[channel_material.envelope()] * 2, elsewhere, metrics=metrics)
    await asyncio.sleep(0)  # an answer is counted just after it is given

    def count(channel_id: str, status: str) -> float | None:
        labels = {"channel": channel_id, "status": status}
        timed = metrics.registry.get_sample_value("broadcast_enqueue_duration_count", labels)
        counted = metrics.registry.get_sample_value("broadcast_processed_count_total", labels)
        assert timed == counted
        return counted

    assert count(CHANNEL_ID, "SUCCESS") == 2
    assert count("", "BAD_REQUEST") == 1
    assert count("bonds", "BAD_REQUEST") is None


def slow_stream(
    material: ChannelMaterial, envelopes: int
) -> tuple[SlowChain, AsyncGenerator[bytes, None]]:
    chain = SlowChain()
    rates = ClientRates.on_loop(ClientRateSettings())
    channel = Channel(chain, material.config())
    service = BroadcastService({CHANNEL_ID: channel}.get, OrdererMetrics(), rates)
    requests = stream(*[material.envelope()] * envelopes)
    responses = service.broadcast(requests, LOCAL_CALLER)
    assert isinstance(responses, AsyncGenerator)
    return chain, responses


async def placed(chain: SlowChain, count: int) -> None:
    async with asyncio.timeout(5):
        while len(chain.answers) < count:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0)


async def test_envelopes_are_placed_while_those_before_them_wait_and_answered_in_their_order(
    channel_material: ChannelMaterial,
) -> None:
    chain, responses = slow_stream(channel_material, 3)
    async with aclosing(responses), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(anext(responses))
        await placed(chain, 3)
        chain.answers[2].set_result(None)
        await asyncio.sleep(0)
        assert not first.done()
        chain.answers[0].set_result(None)
        chain.answers[1].set_result(None)
        assert BroadcastResponse.FromString(await first).status == Status.SUCCESS
        rest = [BroadcastResponse.FromString(each).status async for each in responses]
    assert rest == [Status.SUCCESS] * 2


async def test_a_client_that_reads_no_answers_is_listened_to_no_longer_until_it_does(
    channel_material: ChannelMaterial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_UNREAD", 3)
    chain, responses = slow_stream(channel_material, 100)
    async with aclosing(responses), asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(anext(responses))
        await placed(chain, 4)  # the first is about to be answered, three are left unread
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(chain.answers) == 4
        chain.answers[0].set_result(None)
        await first
        second = tasks.create_task(anext(responses))
        await placed(chain, 5)
        chain.answers[1].set_result(None)
        await second


async def test_what_waits_for_room_is_not_placed_behind_a_refusal(
    channel_material: ChannelMaterial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_UNREAD", 3)
    chain, responses = slow_stream(channel_material, 6)
    async with aclosing(responses), asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(anext(responses))
        await placed(chain, 4)  # and the fifth waits for room
        chain.answers[0].set_result(unavailable("the leader is gone"))
        await first
        chain.answers[1].set_result(None)
        await anext(responses)  # which makes room
        for _ in range(100):
            await asyncio.sleep(0)
    assert len(chain.answers) == 4


async def test_what_was_placed_before_a_late_refusal_is_answered_too(
    channel_material: ChannelMaterial,
) -> None:
    chain, responses = slow_stream(channel_material, 2)
    async with aclosing(responses), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(anext(responses))
        await placed(chain, 2)
        chain.answers[0].set_result(unavailable("the leader is gone"))
        chain.answers[1].set_result(None)
        refused = BroadcastResponse.FromString(await first)
        rest = [BroadcastResponse.FromString(each).status async for each in responses]
    assert refused.info == "the leader is gone"
    assert rest == [Status.SUCCESS]


async def test_a_client_that_has_used_up_its_rate_is_told_to_come_again(
    channel_material: ChannelMaterial,
) -> None:
    channel = channel_of(channel_material)
    rate = ClientRateSettings(calls_per_s=0.001, burst=1)
    envelope = channel_material.envelope()
    first, second = await answers(channel, envelope, envelope, rate=rate)
    assert first.status == Status.SUCCESS
    assert second.status == Status.SERVICE_UNAVAILABLE
    assert "calls too often" in second.info
    assert "try again in" in second.info


async def test_envelopes_that_are_refused_are_not_charged_to_the_client_they_name(
    channel_material: ChannelMaterial,
) -> None:
    channel = channel_of(channel_material)
    rate = ClientRateSettings(calls_per_s=0.001, burst=1)
    service = BroadcastService(
        {CHANNEL_ID: channel}.get, OrdererMetrics(), ClientRates.on_loop(rate)
    )
    envelope = channel_material.envelope()
    forged = Envelope.FromString(envelope)
    forged.signature = forged.signature[:-1] + bytes([forged.signature[-1] ^ 1])
    statuses = [
        BroadcastResponse.FromString(response).status
        for sent in (forged.SerializeToString(), envelope)
        async for response in service.broadcast(stream(sent), LOCAL_CALLER)
    ]
    assert statuses == [Status.FORBIDDEN, Status.SUCCESS]
