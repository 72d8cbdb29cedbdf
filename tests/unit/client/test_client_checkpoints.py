"""Checkpoints: what a file holds after a crash, and what a peer is asked (wire.md §5.6, §5.7)."""

import os
from pathlib import Path

import pytest

from tallystick.client.chaincode_events import ChaincodeEvent
from tallystick.client.checkpoint import (
    Checkpoint,
    CheckpointError,
    FileCheckpointer,
    InMemoryCheckpointer,
)

OLD = Checkpoint(block_number=4, transaction_id="aa")
NEW = Checkpoint(block_number=5, transaction_id="bb")


class PowerCutError(Exception):
    """The machine stopped here."""


def stop(*_: object) -> None:
    raise PowerCutError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the checkpoint is."""
    return tmp_path / "checkpoint.json"


def test_a_file_gives_back_what_was_saved_last(path: Path) -> None:
    assert FileCheckpointer(path).load() is None
    FileCheckpointer(path).save(OLD)
    FileCheckpointer(path).save(NEW)

    assert FileCheckpointer(path).load() == NEW


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_before_the_replacement_leaves_the_old_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    FileCheckpointer(path).save(OLD)
    with monkeypatch.context() as crash:
        crash.setattr(os, step, stop)
        with pytest.raises(PowerCutError):
            FileCheckpointer(path).save(NEW)

    assert FileCheckpointer(path).load() == OLD


def test_a_half_written_draft_is_no_obstacle(path: Path) -> None:
    FileCheckpointer(path).save(OLD)
    path.with_name("checkpoint.json.new").write_bytes(b'{"block_num')

    assert FileCheckpointer(path).load() == OLD
    FileCheckpointer(path).save(NEW)
    assert FileCheckpointer(path).load() == NEW


def test_the_replacement_waits_for_the_content_and_returns_after_the_directory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(descriptor: int) -> None:
        steps.append("directory" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "content")
        fsync(descriptor)

    def record_replace(source: Path, target: Path) -> Path:
        steps.append("replace")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    FileCheckpointer(path).save(NEW)

    assert steps == ["content", "replace", "directory"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"block_number": 4, "tra', id="half a checkpoint"),
        pytest.param(b'{"block_number": -1}', id="no block"),
        pytest.param(b'{"block_number": 4, "height": 5}', id="something else"),
    ],
)
def test_a_file_that_holds_no_checkpoint_is_not_taken_for_a_fresh_start(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match="delete it to begin anew"):
        FileCheckpointer(path).load()


def test_memory_gives_back_what_was_saved_last() -> None:
    checkpointer = InMemoryCheckpointer(OLD)
    assert checkpointer.load() == OLD

    checkpointer.save(NEW)

    assert checkpointer.load() == NEW


def test_after_an_event_comes_the_rest_of_its_block() -> None:
    event = ChaincodeEvent(9, "cc", "token", "tallystick.events", b"")

    assert event.checkpoint == Checkpoint(block_number=9, transaction_id="cc")


def test_after_a_block_comes_the_next_block_and_no_transaction() -> None:
    """§19 item 17: a transaction that emitted nothing must never be a checkpoint."""
    assert Checkpoint.after_block(9) == Checkpoint(block_number=10, transaction_id="")
