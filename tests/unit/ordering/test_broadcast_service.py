"""One answer per envelope, in order: wire.md §7.1."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial

from tallystick.node.ordering.admission import Admitted
from tallystick.node.ordering.chain import ChainUnavailableError
from tallystick.node.ordering.channel_admission import ChannelAdmission
from tallystick.node.ordering.config_admission import EnvelopeAuthor
from tallystick.node.ordering.service import BroadcastService
from tallystick.node.transport.ports import LOCAL_CALLER
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse


@dataclass
class ListChain:
    """Keeps what it is asked to order, as long as there is room."""

    room: int = 100
    ordered: list[bytes] = field(default_factory=list)

    @property
    def height(self) -> int:
        return 1

    async def order(self, admitted: Admitted) -> None:
        if len(self.ordered) >= self.room:
            raise ChainUnavailableError("no room; try again in a moment")
        self.ordered.append(admitted.envelope)

    async def run(self) -> None:
        return

    def drain(self) -> None:
        self.room = 0


@dataclass
class Channel:
    admission: ChannelAdmission
    chain: ListChain


async def stream(*envelopes: bytes) -> AsyncIterator[bytes]:
    for envelope in envelopes:
        yield envelope


async def answers(channel: Channel, *envelopes: bytes) -> list[BroadcastResponse]:
    service = BroadcastService({CHANNEL_ID: channel}.get)
    return [
        BroadcastResponse.FromString(response)
        async for response in service.broadcast(stream(*envelopes), LOCAL_CALLER)
    ]


def channel_of(material: ChannelMaterial, room: int = 100) -> Channel:
    author = EnvelopeAuthor(material.orderer, lambda: b"nonce", lambda: NOW_NS)
    return Channel(ChannelAdmission(material.config(), author), ListChain(room))


async def test_every_envelope_gets_its_answer_and_the_chain_keeps_their_order(
    channel_material: ChannelMaterial,
) -> None:
    channel = channel_of(channel_material)
    envelopes = [channel_material.envelope(bytes([index])) for index in range(3)]
    responses = await answers(channel, *envelopes)
    assert responses == [BroadcastResponse(status=Status.SUCCESS)] * 3
    assert channel.chain.ordered == envelopes


async def test_the_stream_ends_after_the_first_refusal(channel_material: ChannelMaterial) -> None:
    channel = channel_of(channel_material)
    good = channel_material.envelope()
    bad = channel_material.envelope(signer=channel_material.stranger)
    responses = await answers(channel, good, bad, good)
    assert [response.status for response in responses] == [Status.SUCCESS, Status.FORBIDDEN]
    assert channel.chain.ordered == [good]


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
