"""A peer runs with the hash seed that every peer has, whoever starts it."""

import argparse
import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tallystick.node.cli import peer
from tallystick.node.process import (
    DataInUseError,
    DiskFullError,
    explaining_full_disk,
    holding,
)


class Replaced(BaseException):
    """Stands for the end of this process."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """What was run: settings of a peer, or the command that replaces the process."""
    happened: list[object] = []

    async def run_peer(settings: SimpleNamespace) -> None:
        with pytest.raises(DataInUseError), holding(settings.data_directory):
            pass  # nobody else has the data while the peer runs
        happened.append(settings.path)

    def execve(_: str, command: list[str], environment: dict[str, str]) -> None:
        happened.append((command[1:], environment["PYTHONHASHSEED"]))
        raise Replaced

    monkeypatch.setattr(
        peer,
        "load_settings_as",
        lambda _, path: SimpleNamespace(path=path, data_directory=tmp_path),
    )
    monkeypatch.setattr(peer, "run_peer", run_peer)
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(sys, "argv", ["tally", "peer", "start", "--config", "peer.toml"])
    return happened


OPTIONS = argparse.Namespace(config=Path("peer.toml"))


async def test_a_peer_with_random_hashes_is_started_again(
    run: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "flags", SimpleNamespace(hash_randomization=1))
    with pytest.raises(Replaced):
        await peer.start(OPTIONS)
    command = ["-P", "-m", "tallystick.node.cli", "peer", "start", "--config", "peer.toml"]
    assert run == [(command, "0")]


async def test_a_peer_with_fixed_hashes_runs(
    run: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "flags", SimpleNamespace(hash_randomization=0))
    await peer.start(OPTIONS)
    assert run == [Path("peer.toml")]


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "failure",
    [FULL, OSError(errno.EDQUOT, "Quota"), ExceptionGroup("two channels", [FULL, ValueError()])],
)
def test_a_node_that_ends_for_want_of_room_says_where_and_what_to_do(
    failure: Exception, tmp_path: Path
) -> None:
    with (
        pytest.raises(DiskFullError, match=r"is full, .* make room there and start it") as told,
        explaining_full_disk(tmp_path),
    ):
        raise failure
    assert told.value.directory == tmp_path


@pytest.mark.parametrize(
    "failure", [OSError(errno.EIO, "I/O"), ExceptionGroup("others", [ValueError()])]
)
def test_other_failures_are_told_as_they_are(failure: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(failure)) as told, explaining_full_disk(tmp_path):
        raise failure
    assert told.value is failure
