"""Joining a channel from a snapshot, and what is left where that fails or is stopped."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from tests.unit.endorsement.conftest import CHANNEL_ID, World

from tallystick.node.ledger.config_record import config_record
from tallystick.node.ledger.snapshot_export import SnapshotSource, write_snapshot
from tallystick.node.ledger.snapshot_reader import SnapshotReader
from tallystick.node.system.snapshot_joining import JoiningPlace, SnapshotJoining


@pytest.fixture
def source(world: World) -> SnapshotSource:
    ledger = world.one.ledger
    return SnapshotSource(CHANNEL_ID, ledger.moment(), config_record(ledger), {})


@pytest.fixture
def channels(tmp_path: Path) -> Path:
    """Return the folder of the ledgers of a peer that is on no channel."""
    folder = tmp_path / "channels"
    folder.mkdir()
    return folder


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def no_opening(channel_id: str) -> None:
    raise AssertionError(f"{channel_id} is not to be opened")


async def test_an_import_has_ended_and_left_nothing_once_a_peer_has_stopped(
    source: SnapshotSource, channels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, has_ended = Event(), Event()

    def slow_rows(*_: object) -> Iterator[list[bytes]]:
        has_begun.set()
        try:
            for number in range(300):
                time.sleep(0.01)
                yield [str(number).encode()]
        finally:
            has_ended.set()

    monkeypatch.setattr(SnapshotReader, "rows", slow_rows)
    write_snapshot(source, tmp_path / "snapshot")
    joining = SnapshotJoining(JoiningPlace({}, channels.joinpath, "sqlite", no_opening))
    joining.begin(tmp_path / "snapshot")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(joining.run())
        await asyncio.to_thread(has_begun.wait, 10)
        running.cancel()
    assert has_ended.is_set()
    assert running.cancelled()
    assert not names_in(channels)
