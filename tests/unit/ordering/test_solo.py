"""The chain of one orderer: wire.md §7.1, §7.2."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tallystick.node.channel.config import BatchParameters
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.ordering.admission import Admitted
from tallystick.node.ordering.solo import (
    ChainDrainingError,
    QueueFullError,
    QueueLimits,
    SoloChain,
)

AN_HOUR_S = 3600.0


@dataclass
class RecordingWriter:
    """Keeps batches instead of writing blocks, and can be held up like a slow disk."""

    batches: list[list[bytes]] = field(default_factory=list)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_write.set()

    @property
    def height(self) -> int:
        return 1 + len(self.batches)

    async def write(self, envelopes: Sequence[bytes]) -> None:
        await self.may_write.wait()
        self.batches.append(list(envelopes))


@dataclass
class Solo:
    """A chain with its writer and the height that readers see."""

    chain: SoloChain
    writer: RecordingWriter
    watch: HeightWatch

    async def order(self, *names: str) -> None:
        for name in names:
            await self.chain.order(Admitted(name.encode(), len(name)))


def solo(limits: QueueLimits | None = None, **batch: float) -> Solo:
    writer, watch = RecordingWriter(), HeightWatch(1)
    parameters = BatchParameters(
        max_message_count=int(batch.get("max_message_count", 500)),
        timeout_s=batch.get("timeout_s", AN_HOUR_S),
    )
    chain = SoloChain(writer, parameters, limits=limits or QueueLimits(), on_height=watch.advance)
    return Solo(chain, writer, watch)


async def test_a_full_batch_becomes_a_block_at_once() -> None:
    one = solo(max_message_count=2)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        await one.order("a", "b", "c")
        await one.watch.wait_for(2)
        assert one.writer.batches == [[b"a", b"b"]]
        one.chain.drain()
    assert one.writer.batches == [[b"a", b"b"], [b"c"]]


async def test_a_batch_that_does_not_fill_becomes_a_block_when_its_time_is_up() -> None:  # §7.2
    one = solo(timeout_s=0.01)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        await one.order("a")
        await one.watch.wait_for(2)
        await one.order("b")
        await one.watch.wait_for(3)
        one.chain.drain()
    assert one.writer.batches == [[b"a"], [b"b"]]


async def test_without_envelopes_there_are_no_blocks() -> None:  # §11: empty blocks are invalid
    one = solo(timeout_s=0.001)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        await one.order("a")
        await one.watch.wait_for(2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await one.watch.wait_for(3)
        one.chain.drain()
    assert one.writer.batches == [[b"a"]]


async def test_the_height_moves_only_when_a_block_is_durable() -> None:
    one = solo(max_message_count=1)
    one.writer.may_write.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        await one.order("a")
        await asyncio.sleep(0)
        assert one.chain.height == one.watch.height == 1
        one.writer.may_write.set()
        await one.watch.wait_for(2)
        assert one.chain.height == 2
        one.chain.drain()


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(QueueLimits(max_envelopes=2), id="too many envelopes"),
        pytest.param(QueueLimits(max_bytes=2), id="too many bytes"),
    ],
)
async def test_a_full_queue_turns_envelopes_away_and_keeps_those_it_has(
    limits: QueueLimits,
) -> None:
    one = solo(limits, max_message_count=1)
    await one.order("a", "b")
    with pytest.raises(QueueFullError, match=r"2 envelopes wait .* try again"):
        await one.order("c")
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        await one.watch.wait_for(3)
        await one.order("d")
        one.chain.drain()
    assert one.writer.batches == [[b"a"], [b"b"], [b"d"]]


async def test_a_draining_chain_writes_what_it_accepted_and_accepts_no_more() -> None:
    one = solo()
    await one.order("a", "b")
    one.chain.drain()
    with pytest.raises(ChainDrainingError, match="shutting down"):
        await one.order("c")
    async with asyncio.timeout(5):
        await one.chain.run()
    assert one.writer.batches == [[b"a", b"b"]]
