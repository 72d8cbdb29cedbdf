"""Following orderers: wire.md §18.2."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

import pytest
from tests.unit.conftest import NOW_NS, ChannelMaterial
from tests.unit.deliver.conftest import (
    SILENCE,
    Pulling,
    ScriptedOrderer,
    carrying,
)
from tests.unit.deliver.live import seek_of

from tallystick.protos.common.common_pb2 import (
    SIGNATURES,
    Block,
    ChannelHeader,
    Envelope,
    Metadata,
    Payload,
    Status,
)
from tallystick.protos.orderer.ab_pb2 import DeliverResponse
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER

MakePulling = Callable[..., Pulling]


async def test_a_puller_asks_for_the_next_block_and_all_after_it(
    channel_material: ChannelMaterial, pulling: MakePulling, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [carrying(*blocks[1:])])
    assert await pulling(orderer).pull(3) == blocks[1:]
    (envelope,) = map(Envelope.FromString, orderer.seeks)
    seek = seek_of(orderer.seeks[0])
    assert (seek.start.specified.number, seek.stop.specified.number) == (1, FOREVER_BLOCK_NUMBER)
    header = ChannelHeader.FromString(Payload.FromString(envelope.payload).header.channel_header)
    assert header.timestamp.ToNanoseconds() == NOW_NS
    assert header.tls_cert_hash == b"hash"
    peer = channel_material.config().msps.identity(channel_material.peer.identity)
    peer.verify(envelope.payload, envelope.signature)


async def test_a_lost_orderer_is_left_for_the_next_which_continues_where_it_stopped(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    first = ScriptedOrderer("o1", [carrying(blocks[1])])
    second = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    assert await pulling(first, second).pull(3) == blocks[1:]
    assert (first.starts(), second.starts()) == ([1], [2])


async def test_an_orderer_that_is_away_does_not_matter_as_long_as_another_is_there(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    away = ScriptedOrderer("o1", [])
    there = ScriptedOrderer("o2", [carrying(blocks[1]), carrying(*blocks[2:])])
    assert await pulling(away, there).pull(3) == blocks[1:]
    assert (away.starts(), there.starts()) == ([1, 2], [1, 2])


def other_data(block: Block) -> None:
    block.data.data[0] = b"forged"


def other_signature(block: Block) -> None:
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    metadata.signatures[0].signature = b"forged"
    block.metadata.metadata[SIGNATURES] = metadata.SerializeToString()


def other_past(block: Block) -> None:
    block.header.previous_hash = bytes(32)


def later_number(block: Block) -> None:
    block.header.number += 1


@pytest.mark.parametrize("forge", [other_data, other_signature, other_past, later_number])
async def test_a_lying_orderer_is_left_for_the_next(
    pulling: MakePulling, blocks: list[Block], forge: Callable[[Block], None]
) -> None:
    forged = Block.FromString(blocks[2].SerializeToString())
    forge(forged)
    liar = ScriptedOrderer("o1", [carrying(blocks[1], forged, blocks[3])])
    honest = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    assert await pulling(liar, honest).pull(3) == blocks[1:]
    assert honest.starts() == [2]


async def test_a_status_means_that_this_orderer_does_not_deliver(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    refusing = ScriptedOrderer("o1", [[DeliverResponse(status=Status.SERVICE_UNAVAILABLE)]])
    willing = ScriptedOrderer("o2", [carrying(*blocks[1:])])
    assert await pulling(refusing, willing).pull(3) == blocks[1:]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (Status.FORBIDDEN, "FORBIDDEN: this organisation is no member of the channel, or not yet"),
        (Status.NOT_FOUND, "NOT_FOUND: it does not order this channel"),
        (Status.SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
        (Status.ValueType(999), "status 999"),
    ],
)
async def test_the_log_says_what_a_status_means(
    pulling: MakePulling,
    blocks: list[Block],
    caplog: pytest.LogCaptureFixture,
    status: Status.ValueType,
    meaning: str,
) -> None:
    refusing = ScriptedOrderer("o1", [[DeliverResponse(status=status)]])
    await pulling(refusing, ScriptedOrderer("o2", [carrying(*blocks[1:])])).pull(3)
    assert f"stopped following orderer o1: it answered {meaning}" in caplog.text


async def test_an_orderer_that_withholds_a_block_is_left_for_another(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    withholding = ScriptedOrderer("o1", [[*carrying(blocks[1]), SILENCE]])
    other = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    assert await pulling(withholding, other, patience_s=0.01).pull(3) == blocks[1:]
    assert (withholding.starts(), other.starts()) == ([1], [2])


async def test_the_only_orderer_may_be_silent_as_long_as_it_likes(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [carrying(*blocks[1:])])
    patience_s = 0.001
    loop = asyncio.get_running_loop()
    loop.call_later(20 * patience_s, orderer.speak.set)
    orderer.speak.clear()
    assert await pulling(orderer, patience_s=patience_s).pull(3) == blocks[1:]
    assert orderer.starts() == [1]


async def test_an_orderer_that_leaves_the_channel_is_left(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    leaving = ScriptedOrderer("o1", [carrying(*blocks[1:])])
    staying = ScriptedOrderer("o2", [carrying(*blocks[2:])])
    puller = pulling(leaving, staying)
    pulled = []
    async with aclosing(puller.blocks(3)) as stream:
        async for block in stream:
            pulled.append(block)
            if block == blocks[1]:
                puller.rename("o2")
    assert pulled == blocks[1:]
    assert (leaving.starts(), staying.starts()) == ([1], [2])


async def test_a_new_configuration_with_the_same_orderer_does_not_interrupt(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [carrying(*blocks[1:])])
    newcomer = ScriptedOrderer("o2", [])
    puller = pulling(orderer, newcomer)
    puller.rename("o1")
    async with aclosing(puller.blocks(3)) as stream:
        async for _ in stream:
            puller.rename("o1", "o2")
    assert (orderer.starts(), newcomer.starts()) == ([1], [])


async def test_a_channel_without_orderers_is_waited_for(
    pulling: MakePulling, blocks: list[Block], caplog: pytest.LogCaptureFixture
) -> None:
    orderer = ScriptedOrderer("o1", [carrying(*blocks[1:])])
    puller = pulling(orderer)
    puller.rename()
    puller.delays.meanwhile = lambda: puller.rename("o1")
    with caplog.at_level(logging.ERROR):
        assert await puller.pull(3) == blocks[1:]
    assert "channel securities names no orderers" in caplog.text


async def test_delays_double_until_there_is_progress(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [[], [], [], carrying(blocks[1]), carrying(*blocks[2:])])
    puller = pulling(orderer)
    await puller.pull(3)
    assert orderer.starts() == [1, 1, 1, 1, 2]
    ceilings = [0.1, 0.2, 0.4, 0.1]
    slept = puller.delays.slept_s
    assert len(slept) == len(ceilings)
    for slept_s, ceiling_s in zip(slept, ceilings, strict=True):
        assert ceiling_s / 2 <= slept_s <= ceiling_s


async def test_a_puller_tells_that_nobody_gives_blocks_until_somebody_does(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    away = ScriptedOrderer("o1", [])
    there = ScriptedOrderer("o2", [carrying(*blocks[1:])])
    following: Pulling = pulling(away, there, patience_s=0.0)
    told: list[str] = []
    following.delays.meanwhile = lambda: told.append(following.puller.fault())
    async with aclosing(following.blocks(1)) as arriving:
        await anext(arriving)
        assert following.puller.fault() == ""
    assert told[0].startswith("no orderer has given blocks for 0 s; the last one tried: o1: ")


async def test_the_orderers_are_fetched_once_for_each_attempt_and_configuration(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    first = ScriptedOrderer("o1", [carrying(*blocks[1:3])])
    second = ScriptedOrderer("o2", [carrying(blocks[3])])
    puller = pulling(first, second)
    fetched = []
    async with aclosing(puller.blocks(3)) as stream:
        async for block in stream:
            fetched.append(puller.fetched)
            if block == blocks[1]:
                puller.rename("o1", "o2")
    assert fetched == [1, 2, 3]


async def test_orderers_whose_certificates_cannot_be_read_are_trouble_that_passes(
    pulling: MakePulling, blocks: list[Block], caplog: pytest.LogCaptureFixture
) -> None:
    following = pulling(ScriptedOrderer("o1", [carrying(*blocks[1:])]), patience_s=0.0)
    following.unreadable = 2
    told: list[str] = []
    following.delays.meanwhile = lambda: told.append(following.puller.fault())
    assert await following.pull(3) == blocks[1:]
    assert len(following.delays.slept_s) == 2
    assert all("'roots.pem'; make the root_certificates" in each for each in told)
    assert "channel securities: the orderers are unknown: " in caplog.text


async def test_an_orderer_is_left_if_those_of_a_new_configuration_cannot_be_read(
    pulling: MakePulling, blocks: list[Block]
) -> None:
    orderer = ScriptedOrderer("o1", [carrying(*blocks[1:]), carrying(*blocks[2:])])
    puller = pulling(orderer)
    pulled = []
    async with aclosing(puller.blocks(3)) as stream:
        async for block in stream:
            pulled.append(block)
            if block == blocks[1]:
                puller.rename("o1")
                puller.unreadable = 1
    assert pulled == blocks[1:]
    assert orderer.starts() == [1, 2]


async def test_a_peer_whose_key_does_not_sign_for_a_while_asks_again(
    pulling: MakePulling, blocks: list[Block], caplog: pytest.LogCaptureFixture
) -> None:
    following = pulling(ScriptedOrderer("o1", [carrying(*blocks[1:])]), patience_s=0.0)
    following.signer.refusals = 2
    told: list[str] = []
    following.delays.meanwhile = lambda: told.append(following.puller.fault())
    assert await following.pull(3) == blocks[1:]
    assert len(told) == 2
    assert all(each.endswith("o1: the token was taken out") for each in told)
    assert "stopped following orderer o1: the token was taken out" in caplog.text
