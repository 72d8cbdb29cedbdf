"""What a peer does at the same time, and what it does not, while it follows the orderers."""

import asyncio
import errno
import threading
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.conftest import ChannelMaterial

from tallystick.node import committer
from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.deliver.puller import BlockPuller
from tallystick.node.deliver.verification import ChainTip, Previous
from tallystick.node.ledger import write_watch
from tallystick.node.ledger.disk import AppendFile, MachineDisk
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.private_data import NotKeptError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.settings import PrivateDataSettings
from tallystick.node.telemetry.spans import BlockStages
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.node.validation.validator import ValidatedBlock
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader, BlockMetadata
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
)
from tallystick.wire.hashing import block_data_hash, block_header_hash

PATIENCE_S = 20.0
TIMES = (
    "gossip_privdata_validation_duration",
    "gossip_privdata_commit_block_duration",
    "ledger_block_processing_time",
)


class PausedDisk(MachineDisk):
    """Takes nothing for good while it is paused, or fails.

    Attributes:
        goes_on: Set unless it is paused.
        failure: What it fails with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.failure: OSError | None = None

    def open_append(self, path: Path) -> AppendFile:
        file = super().open_append(path)
        sync = file.sync

        def patient_sync() -> None:
            assert self.goes_on.wait(PATIENCE_S), "nothing lets it go on"
            if self.failure is not None:
                raise self.failure
            sync()

        file.sync = patient_sync  # type: ignore[method-assign]
        return file


class Chain(BlockPuller):
    """Delivers some blocks, whose one transaction nobody can read, and then nothing more."""

    def __init__(self, length: int) -> None:
        self._length = length

    async def blocks(self, last: Previous) -> AsyncGenerator[Block, None]:
        assert isinstance(last, ChainTip)
        previous_hash = last.block_hash
        for number in range(last.number + 1, last.number + 1 + self._length):
            data = [b"\xff"]
            header = BlockHeader(
                number=number, previous_hash=previous_hash, data_hash=block_data_hash(data)
            )
            previous_hash = block_header_hash(header)
            yield Block(
                header=header,
                data=BlockData(data=data),
                metadata=BlockMetadata(metadata=[b""] * 5),
            )
        await asyncio.Event().wait()


async def begun(material: ChannelMaterial, directory: Path, disk: PausedDisk) -> PeerChannel:
    """Return a channel that has its first block."""
    return await open_channel(
        material.genesis(),
        ChannelStorage(directory, MemoryStore(), disk=disk),
        msp_id="ClearingMSP",
        checker=SignatureChecker(),
        metrics=PeerMetrics(),
    )


def seconds(channel: PeerChannel, metric: str) -> float:
    """Return how long all blocks of a channel have taken, by one of its metrics."""
    labels = {"channel": channel.config.channel_id}
    found = channel.metrics.registry.get_sample_value(f"{metric}_sum", labels)
    assert found is not None
    return found


def free_after_two(
    channel: PeerChannel, disk: PausedDisk, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Let the disk go on once two blocks are validated; return the height at which each was."""
    validate = channel.validator.validate
    heights: list[int] = []

    async def noted(block: Block) -> ValidatedBlock:
        validated = await validate(block)
        heights.append(channel.ledger.height)
        if len(heights) == 2:
            disk.goes_on.set()
        return validated

    monkeypatch.setattr(channel.validator, "validate", noted)
    return heights


async def test_a_block_is_validated_while_the_disk_takes_the_one_before(
    channel_material: ChannelMaterial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = PausedDisk()
    channel = await begun(channel_material, tmp_path, disk)
    validated_at_height = free_after_two(channel, disk, monkeypatch)
    disk.goes_on.clear()
    async with supervised_tasks() as tasks:
        following = tasks.create_task(channel.follow(Chain(length=2)))
        await channel.watch.wait_for(2)
        following.cancel()
    assert validated_at_height == [1, 1], "the first was not committed yet"
    channel.ledger.close()


async def test_a_block_is_not_timed_while_it_waits_for_the_one_before(
    channel_material: ChannelMaterial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock tells the height: a commit takes 1, and so does the wait of the second block."""
    disk = PausedDisk()
    channel = await begun(channel_material, tmp_path, disk)
    before = {name: seconds(channel, name) for name in TIMES}
    free_after_two(channel, disk, monkeypatch)
    monkeypatch.setattr(
        committer, "BlockStages", lambda name, _: BlockStages(name, lambda: channel.ledger.height)
    )
    disk.goes_on.clear()
    async with supervised_tasks() as tasks:
        following = tasks.create_task(channel.follow(Chain(length=2)))
        await channel.watch.wait_for(3)
        following.cancel()
    took = {name: seconds(channel, name) - before[name] for name in TIMES}
    assert list(map(round, took.values())) == [0, 2, 2]
    channel.ledger.close()


async def test_a_disk_that_hangs_is_told(
    channel_material: ChannelMaterial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_watch, "OVERDUE_S", 0.0)
    disk = PausedDisk()
    channel = await begun(channel_material, tmp_path, disk)
    disk.goes_on.clear()
    async with asyncio.timeout(PATIENCE_S), supervised_tasks() as tasks:
        following = tasks.create_task(channel.follow(Chain(length=1)))
        while not channel.writes.problem:  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0)
        assert channel.writes.problem.startswith("block 1 has been on its way to the disk")
        disk.goes_on.set()
        await channel.watch.wait_for(2)
        assert channel.writes.problem == ""
        following.cancel()
    channel.ledger.close()


async def test_a_disk_that_fails_ends_it_with_its_own_words(
    channel_material: ChannelMaterial, tmp_path: Path
) -> None:
    disk = PausedDisk()
    channel = await begun(channel_material, tmp_path, disk)
    disk.failure = OSError(errno.ENOSPC, "no space left")
    with pytest.raises(OSError, match="no space left"):
        await channel.follow(Chain(length=3))
    assert channel.ledger.height == 1
    disk.failure = None
    channel.ledger.close()


async def test_a_channel_lets_no_more_private_values_wait_than_the_settings_say(
    channel_material: ChannelMaterial, tmp_path: Path
) -> None:
    channel = await open_channel(
        channel_material.genesis(),
        ChannelStorage(tmp_path, MemoryStore(), PrivateDataSettings(transient_max_bytes=500)),
        msp_id="ClearingMSP",
        checker=SignatureChecker(),
        metrics=PeerMetrics(),
    )
    with closing(channel.ledger):
        held = CollectionPvtReadWriteSet(collection_name="vault", rwset=bytes(300))
        namespace = NsPvtReadWriteSet(namespace="token", collection_pvt_rwset=[held])
        results = TxPvtReadWriteSet(ns_pvt_rwset=[namespace]).SerializeToString()
        await channel.ledger.transient.keep("t1", results, height=1)
        with pytest.raises(NotKeptError, match="and `transient_max_bytes` under"):
            await channel.ledger.transient.keep("t2", results, height=1)
