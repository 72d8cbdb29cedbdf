"""Blocks that are read ahead of whoever commits them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import pytest
from tests.unit.conftest import ChannelMaterial

from tallystick.node.deliver import read_ahead as module
from tallystick.node.deliver.read_ahead import MAX_AHEAD_BLOCKS, ReadBlock, read_ahead
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader


@dataclass
class Prepared:
    """Notes whether it was run."""

    number: int
    was_run: bool = False

    async def run(self) -> None:
        await asyncio.sleep(0)
        self.was_run = True


def prepared(block: Block) -> Prepared:
    return Prepared(block.header.number)


@dataclass
class Source:
    """Yields blocks of one entry; notes how many were asked for.

    Attributes:
        config: The numbers of config blocks.
        size: Bytes of an entry.
        fails_at: Which block cannot be had.
        asked: How many have been asked for.
    """

    material: ChannelMaterial
    config: tuple[int, ...] = ()
    size: int = 1
    fails_at: int = 0
    asked: int = 0
    is_closed: bool = False

    async def blocks(self) -> AsyncGenerator[Block, None]:
        genesis = self.material.genesis()
        try:
            while True:
                self.asked += 1
                if self.asked == self.fails_at:
                    raise EOFError("no more")
                data = BlockData(data=[bytes(self.size)])
                if self.asked in self.config:
                    data = genesis.data
                yield Block(header=BlockHeader(number=self.asked), data=data)
        finally:
            self.is_closed = True


async def settle() -> None:
    """Let everybody do what can be done."""
    for _ in range(2 * MAX_AHEAD_BLOCKS):
        await asyncio.sleep(0)


async def take(blocks: AsyncIterator[ReadBlock[Prepared]], count: int) -> list[ReadBlock[Prepared]]:
    return [await anext(blocks) for _ in range(count)]


@pytest.fixture
def source(channel_material: ChannelMaterial) -> Source:
    return Source(channel_material)


async def test_blocks_come_in_order_and_those_far_behind_are_prepared(source: Source) -> None:
    async with read_ahead(source.blocks(), prepared) as blocks:
        first = await take(blocks, 1)
        await settle()
        taken = first + await take(blocks, MAX_AHEAD_BLOCKS)
    assert [each.block.header.number for each in taken] == list(range(1, MAX_AHEAD_BLOCKS + 2))
    close = [each for each in taken if each.preparation is None]
    assert 0 <= len(close) - MAX_AHEAD_BLOCKS // 2 <= 1, "the first may be taken at once"
    for each in taken[len(close) :]:
        assert each.preparation == Prepared(each.block.header.number, was_run=True)


async def test_blocks_that_are_taken_as_they_come_are_not_prepared() -> None:
    numbers: asyncio.Queue[int] = asyncio.Queue()

    async def one_by_one() -> AsyncGenerator[Block, None]:
        while True:
            yield Block(header=BlockHeader(number=await numbers.get()))

    async with read_ahead(one_by_one(), prepared) as blocks:
        for number in range(10):
            numbers.put_nowait(number)
            (taken,) = await take(blocks, 1)
            assert (taken.block.header.number, taken.preparation) == (number, None)


async def test_no_more_blocks_are_read_than_may_wait(source: Source) -> None:
    async with read_ahead(source.blocks(), prepared) as blocks:
        await settle()
        assert source.asked == MAX_AHEAD_BLOCKS
        await take(blocks, 10)
        await settle()
        assert source.asked == MAX_AHEAD_BLOCKS + 10


async def test_no_more_bytes_are_read_than_may_wait(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_AHEAD_BYTES", 1_000)
    source.size = 400
    async with read_ahead(source.blocks(), prepared) as blocks:
        await settle()
        assert source.asked == 3
        source.size = 5_000  # alone larger than the limit
        await take(blocks, 3)
        await settle()
        assert source.asked == 4


async def test_nothing_is_read_behind_a_config_block_until_that_is_done_with(
    source: Source,
) -> None:
    source.config = (5, 6)
    async with read_ahead(source.blocks(), prepared) as blocks:
        for take_now, read in ((0, 5), (4, 5), (1, 5), (1, 6)):
            await take(blocks, take_now)
            await settle()
            assert source.asked == read
        await take(blocks, 1)
        await settle()
        assert source.asked == 7 + MAX_AHEAD_BLOCKS


async def test_what_the_source_raises_is_raised_where_blocks_are_taken(source: Source) -> None:
    source.fails_at = 3
    with pytest.raises(EOFError, match="no more"):
        async with read_ahead(source.blocks(), prepared) as blocks:
            await take(blocks, 10)
    assert source.is_closed


async def test_what_the_taker_raises_comes_through_and_ends_the_reading(source: Source) -> None:
    async def fail() -> None:
        async with read_ahead(source.blocks(), prepared) as blocks:
            await take(blocks, 1)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await fail()
    assert source.is_closed
