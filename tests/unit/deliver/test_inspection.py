"""Looking through all blocks for damage, round after round, across stops of the node."""

import asyncio
import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock

import pytest

from tallystick.node.deliver import source
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.source import INSPECTION_STEP_BLOCKS, BlockSource
from tallystick.node.ledger.block_store import CorruptBlockError
from tallystick.node.ledger.inspection_record import InspectionRecord
from tallystick.node.ledger.memory import MemoryStore

DAMAGE = "block 3 is lost: 000000.blocks is damaged at byte 7"


@dataclass
class Chain:
    """A chain on a disk, and a node that stops after so many blocks were read."""

    height: int = 5
    first_block: int = 0
    damaged: set[int] = field(default_factory=set)
    record: InspectionRecord = field(default_factory=lambda: InspectionRecord(MemoryStore()))
    read: list[int] = field(default_factory=list)
    stops_after: int | None = None

    def __post_init__(self) -> None:
        self.watch = HeightWatch(self.height)

    def read_bytes(self, number: int) -> bytes:
        self.read.append(number)
        if len(self.read) == self.stops_after:
            self.watch.close()
        if number in self.damaged:
            raise CorruptBlockError(number=number, path=Path("000000.blocks"), offset=7)
        return b"block"

    async def inspected(self, stops_after: int) -> tuple[list[int], str]:
        """Start a node; return what it has read until it stopped, and the damage that it names."""
        self.read, self.stops_after = [], stops_after
        self.watch = HeightWatch(self.height)
        blocks = BlockSource(self, self.watch, self.record)
        async with asyncio.timeout(5):
            await blocks.inspect()
        return self.read, blocks.damage


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest for no time, but after each block."""
    monkeypatch.setattr(source, "INSPECTION_SHARE", 1.0)
    monkeypatch.setattr(source, "INSPECTION_TURN_S", 0.0)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each round right after the one before."""
    monkeypatch.setattr(source, "INSPECTION_PAUSE_S", 0.0)


async def test_every_block_is_read_once_in_a_round() -> None:
    assert await Chain().inspected(stops_after=5) == ([0, 1, 2, 3, 4], "")


@pytest.mark.usefixtures("endless")
async def test_a_round_follows_a_round_and_finds_what_was_damaged_meanwhile() -> None:
    chain = Chain()
    assert await chain.inspected(stops_after=7) == ([0, 1, 2, 3, 4, 0, 1], "")
    chain.damaged.add(3)
    read, damage = await chain.inspected(stops_after=20)
    assert read == [0, 1, 2, 3], "and no further"
    assert damage.startswith(DAMAGE)


async def test_between_two_rounds_nothing_is_read_and_a_stop_is_not_delayed() -> None:
    chain = Chain()
    blocks = BlockSource(chain, chain.watch, chain.record)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        inspection = tasks.create_task(blocks.inspect())
        for _ in range(100):
            await asyncio.sleep(0)
        assert (chain.read, inspection.done()) == ([0, 1, 2, 3, 4], False)
        chain.watch.close()
    assert chain.read == [0, 1, 2, 3, 4]


async def test_a_start_goes_on_where_the_last_one_ended_and_comes_round() -> None:
    step, height = INSPECTION_STEP_BLOCKS, 3 * INSPECTION_STEP_BLOCKS
    chain = Chain(height)
    await chain.inspected(stops_after=step + 10)
    assert chain.record.next_block == step, "what came behind is read again"
    chain.damaged.add(3)
    read, damage = await chain.inspected(stops_after=1_000)
    assert read == [*range(step, height), 0, 1, 2, 3]
    assert damage.startswith(DAMAGE)


async def test_a_damaged_block_is_the_first_that_the_next_start_reads() -> None:
    chain = Chain(damaged={3})
    await chain.inspected(stops_after=20)
    read, damage = await chain.inspected(stops_after=20)
    assert read == [3]
    assert damage.startswith(DAMAGE)
    chain.damaged.clear()
    assert await chain.inspected(stops_after=5) == ([3, 4, 0, 1, 2], ""), "it was restored"


@pytest.mark.parametrize("recorded", [0, 1, 5, 70])
async def test_what_is_recorded_of_blocks_that_are_not_here_does_not_count(recorded: int) -> None:
    chain = Chain(first_block=2)
    chain.record.go_on_at(recorded)
    assert await chain.inspected(stops_after=3) == ([2, 3, 4], "")


async def test_a_node_that_stops_inspects_nothing() -> None:
    chain = Chain()
    chain.watch.close()
    await BlockSource(chain, chain.watch, chain.record).inspect()
    assert chain.read == []


async def test_a_disk_that_takes_no_note_of_the_place_ends_no_node(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(InspectionRecord, "go_on_at", Mock(side_effect=full))
    read, damage = await Chain(damaged={2}).inspected(stops_after=20)
    assert (read, "block 2 is lost" in damage) == ([0, 1, 2], True)
    assert "the inspection cannot note that it goes on at 2" in caplog.text
