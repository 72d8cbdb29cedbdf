"""Joining a channel from a snapshot, and what is left where that fails or is stopped."""

import asyncio
import errno
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.endorsement.conftest import CHANNEL_ID, World

from tallystick.node.ledger.config_record import config_record
from tallystick.node.ledger.snapshot_export import SnapshotSource, write_snapshot
from tallystick.node.ledger.snapshot_reader import SnapshotReader
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.system import snapshot_joining
from tallystick.node.system.snapshot_joining import CannotJoinError, JoiningPlace, SnapshotJoining
from tallystick.wire.errors import MalformedMessageError


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


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param((b"\xff", "malformed common.ConfigEnvelope"), id="unreadable"),
        pytest.param((b"", "configuration of channel"), id="unusable"),
    ],
)
async def test_a_configuration_that_cannot_be_used_is_refused_before_anything_is_kept(
    source: SnapshotSource,
    channels: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    refused: tuple[bytes, str],
) -> None:
    config, problem = refused
    held = VersionedValue(config, source.config.version)
    write_snapshot(replace(source, config=held), tmp_path / "snapshot")
    joining = SnapshotJoining(JoiningPlace({}, channels.joinpath, "sqlite", no_opening))
    joining.begin(tmp_path / "snapshot")
    await joined(joining)
    assert "a configuration that this peer cannot use" in caplog.text
    assert problem in caplog.text
    assert not names_in(channels)


async def test_definitions_that_cannot_be_read_end_the_import_and_not_the_peer(
    source: SnapshotSource,
    channels: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreadable(*_: object) -> None:
        raise MalformedMessageError("protos.CollectionConfigPackage", "it is torn")

    monkeypatch.setattr(snapshot_joining, "import_snapshot", unreadable)
    write_snapshot(source, tmp_path / "snapshot")
    joining = SnapshotJoining(JoiningPlace({}, channels.joinpath, "sqlite", no_opening))
    joining.begin(tmp_path / "snapshot")
    await joined(joining)
    assert "malformed protos.CollectionConfigPackage" in caplog.text


async def test_a_snapshot_with_a_usable_configuration_is_joined(
    source: SnapshotSource, channels: Path, tmp_path: Path
) -> None:
    opened: list[str] = []

    async def note(channel_id: str) -> None:
        opened.append(channel_id)

    write_snapshot(source, tmp_path / "snapshot")
    joining = SnapshotJoining(JoiningPlace({}, channels.joinpath, "sqlite", note))
    joining.begin(tmp_path / "snapshot")
    await joined(joining)
    assert opened == names_in(channels) == [CHANNEL_ID]


async def test_what_cannot_be_opened_leaves_nothing_and_can_be_joined_later(
    source: SnapshotSource, channels: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    problems = [OSError(errno.EMFILE, "Too many open files")]

    async def open_it(_: str) -> None:
        if problems:
            raise problems.pop()

    write_snapshot(source, tmp_path / "snapshot")
    joining = SnapshotJoining(JoiningPlace({}, channels.joinpath, "sqlite", open_it))
    joining.begin(tmp_path / "snapshot")
    await joined(joining)
    assert "did not join channel" in caplog.text
    assert not names_in(channels)
    joining.begin(tmp_path / "snapshot")
    await joined(joining)
    assert names_in(channels) == [CHANNEL_ID]


async def test_a_channel_that_another_call_has_joined_meanwhile_keeps_its_ledger(
    source: SnapshotSource,
    channels: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken_part: set[str] = set()

    def make_and_join(_snapshot: Path, target: Path, *_: object) -> None:
        target.mkdir()
        taken_part.add(CHANNEL_ID)

    monkeypatch.setattr(snapshot_joining, "import_snapshot", make_and_join)
    write_snapshot(source, tmp_path / "snapshot")
    joining = SnapshotJoining(JoiningPlace(taken_part, channels.joinpath, "sqlite", no_opening))
    joining.begin(tmp_path / "snapshot")
    await joined(joining)
    assert "did not join channel" in caplog.text
    assert names_in(channels) == [CHANNEL_ID]


async def test_a_channel_is_joined_from_a_snapshot_while_it_is_joined_or_after(
    outcome: Outcome, source: SnapshotSource, channels: Path, tmp_path: Path
) -> None:
    write_snapshot(source, tmp_path / "snapshot")
    taken_part: set[str] = set()

    async def open_it(channel_id: str) -> None:
        taken_part.add(channel_id)

    joining = SnapshotJoining(JoiningPlace(taken_part, channels.joinpath, "sqlite", open_it))
    joining.begin(tmp_path / "snapshot")
    with outcome.refuses(CannotJoinError, leaves=files(channels), match="is being created"):
        joining.begin(tmp_path / "snapshot")
    await joined(joining)
    with outcome.refuses(CannotJoinError, leaves=files(channels), match="already exists"):
        joining.begin(tmp_path / "snapshot")


async def joined(joining: SnapshotJoining) -> None:
    """Let a snapshot be joined, well or not."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(joining.run())
        while joining.under_way:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        running.cancel()
