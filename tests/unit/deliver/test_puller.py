"""Following orderers: wire.md §18.2."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import pytest
from tests.unit.conftest import NOW_NS, ChannelMaterial

from tallystick.node.channel.config import BatchParameters
from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ordering.block_writer import BlockWriter
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Block, ChannelHeader, Envelope, Payload, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse, SeekInfo
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER


@dataclass
class ScriptedOrderer:
    """Delivers what its script says, one part per connection, then stays silent."""

    endpoint: str
    script: list[list[DeliverResponse]]
    seeks: list[bytes] = field(default_factory=list)

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        raise AssertionError(f"a puller broadcasts nothing, not even {envelope!r}")

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        self.seeks.append(seek_envelope)
        if not self.script:
            raise OrdererUnreachableError(self.endpoint, "nobody there")
        for response in self.script.pop(0):
            yield response

    def starts(self) -> list[int]:
        return [seek_of(envelope).start.specified.number for envelope in self.seeks]


def seek_of(envelope: bytes) -> SeekInfo:
    return SeekInfo.FromString(Payload.FromString(Envelope.FromString(envelope).payload).data)


@dataclass
class Delays:
    """Records sleeps instead of sleeping."""

    slept_s: list[float] = field(default_factory=list)

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        await asyncio.sleep(0)


@pytest.fixture
async def blocks(channel_material: ChannelMaterial, tmp_path: Path) -> list[Block]:
    store = BlockStore(tmp_path, MemoryStore())
    store.append(channel_material.genesis())
    nonces = count()
    writer = BlockWriter(
        store, channel_material.orderer, new_nonce=lambda: next(nonces).to_bytes(24, "big")
    )
    written = [await writer.write([channel_material.envelope(b"%d" % n)]) for n in range(3)]
    store.close()
    return [channel_material.genesis(), *written]


def carrying(*blocks: Block) -> list[DeliverResponse]:
    return [DeliverResponse(block=block) for block in blocks]


async def pull(
    material: ChannelMaterial,
    orderers: Sequence[ScriptedOrderer],
    delays: Delays,
    wanted: int,
) -> list[Block]:
    config = material.config(BatchParameters())
    puller = BlockPuller(
        lambda: orderers,
        signer=material.peer,
        config=lambda: config,
        environment=PullerEnvironment(
            clock=lambda: NOW_NS, backoff=Backoff(Random(7)), sleep=delays.sleep
        ),
        tls_certificate_hash=b"hash",
    )
    pulled: list[Block] = []
    async with asyncio.timeout(5), aclosing(puller.blocks(material.genesis().header)) as stream:
        while len(pulled) < wanted:
            pulled.append(await anext(stream))
    return pulled


async def test_a_puller_asks_for_the_next_block_and_all_after_it(
    channel_material: ChannelMaterial, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [carrying(*blocks[1:])])
    assert await pull(channel_material, [orderer], Delays(), wanted=3) == blocks[1:]
    (envelope,) = map(Envelope.FromString, orderer.seeks)
    seek = seek_of(orderer.seeks[0])
    assert (seek.start.specified.number, seek.stop.specified.number) == (1, FOREVER_BLOCK_NUMBER)
    header = ChannelHeader.FromString(Payload.FromString(envelope.payload).header.channel_header)
    assert header.timestamp.ToNanoseconds() == NOW_NS
    assert header.tls_cert_hash == b"hash"
    peer = channel_material.config().msps.identity(channel_material.peer.identity)
    peer.verify(envelope.payload, envelope.signature)


async def test_a_lost_orderer_is_left_for_the_next_which_continues_where_it_stopped(
    channel_material: ChannelMaterial, blocks: list[Block]
) -> None:
    first = ScriptedOrderer("o1", [carrying(blocks[1])])
    second = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    assert await pull(channel_material, [first, second], Delays(), wanted=3) == blocks[1:]
    assert (first.starts(), second.starts()) == ([1], [2])


async def test_a_lying_orderer_is_left_for_the_next(
    channel_material: ChannelMaterial, blocks: list[Block]
) -> None:
    forged = Block.FromString(blocks[2].SerializeToString())
    forged.data.data[0] = b"forged"
    liar = ScriptedOrderer("o1", [carrying(blocks[1], forged, blocks[3])])
    honest = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    assert await pull(channel_material, [liar, honest], Delays(), wanted=3) == blocks[1:]
    assert honest.starts() == [2]


async def test_a_status_means_that_this_orderer_does_not_deliver(
    channel_material: ChannelMaterial, blocks: list[Block]
) -> None:
    refusing = ScriptedOrderer("o1", [[DeliverResponse(status=Status.SERVICE_UNAVAILABLE)]])
    willing = ScriptedOrderer("o2", [carrying(*blocks[1:])])
    assert await pull(channel_material, [refusing, willing], Delays(), wanted=3) == blocks[1:]


async def test_delays_double_until_there_is_progress(
    channel_material: ChannelMaterial, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [[], [], [], carrying(blocks[1]), carrying(*blocks[2:])])
    delays = Delays()
    await pull(channel_material, [orderer], delays, wanted=3)
    assert orderer.starts() == [1, 1, 1, 1, 2]
    ceilings = [0.1, 0.2, 0.4, 0.1]
    assert len(delays.slept_s) == len(ceilings)
    for slept_s, ceiling_s in zip(delays.slept_s, ceilings, strict=True):
        assert ceiling_s / 2 <= slept_s <= ceiling_s
