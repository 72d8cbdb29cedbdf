"""What orderers say about how many blocks they have."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.reluctant_signer import ReluctantSigner
from tests.virtual_time import run

from tallystick.node.deliver.newest import stated_heights
from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Block, BlockHeader, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.wire.errors import WireError


@dataclass
class Answering:
    """Gives one answer: raises it if it is an error, and never comes to an end without one."""

    endpoint: str
    answer: DeliverResponse | Exception | None

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        raise AssertionError(f"nobody orders anything, not even {envelope!r}")

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        assert seek_envelope
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            await asyncio.Event().wait()
        else:
            yield self.answer


ORDERERS = [
    Answering("has seven", DeliverResponse(block=Block(header=BlockHeader(number=6)))),
    Answering("does not serve the channel", DeliverResponse(status=Status.NOT_FOUND)),
    Answering("refuses", DeliverResponse(status=Status.FORBIDDEN)),
    Answering("hangs", None),
    Answering("is away", OrdererUnreachableError("is away", "nobody there")),
    Answering("sends something else", WireError("malformed")),
]


def test_what_each_says_counts_and_who_says_nothing_is_told_apart(
    channel_material: ChannelMaterial,
) -> None:
    requests = SeekRequests(CHANNEL_ID, channel_material.orderer, lambda: NOW_NS)

    async def story() -> None:
        began_s = asyncio.get_running_loop().time()
        assert await stated_heights(ORDERERS, requests) == {
            "has seven": 7,
            "does not serve the channel": 0,
            "refuses": None,
            "hangs": None,
            "is away": None,
            "sends something else": None,
        }
        assert asyncio.get_running_loop().time() - began_s < 2, "one that hangs is not waited for"

    run(story)


def test_without_a_signature_nobody_can_be_asked(channel_material: ChannelMaterial) -> None:
    signer = ReluctantSigner(channel_material.orderer, refusals=1)
    requests = SeekRequests(CHANNEL_ID, signer, lambda: NOW_NS)

    async def story() -> None:
        assert await stated_heights(ORDERERS[:1], requests) == {"has seven": None}

    run(story)
