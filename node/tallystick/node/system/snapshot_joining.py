"""Joining a channel from a snapshot, which goes on after whoever asked for it has his answer.

Source: wire.md §8.2; hyperledger/fabric core/ledger/ledgermgmt/ledger_mgmt.go.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import is_channel_id
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.key_value_store import StoreKind
from tallystick.node.ledger.snapshot_file import SnapshotDamagedError
from tallystick.node.ledger.snapshot_import import ImportChecks, import_snapshot
from tallystick.node.ledger.snapshot_metadata import read_metadata
from tallystick.node.ledger.stoppable import finish_in_thread
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.protos.common.configtx_pb2 import ConfigEnvelope
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_log = logging.getLogger(__name__)


class CannotJoinError(LedgerError):
    """A peer cannot begin to join a channel from a snapshot now.

    Attributes:
        directory: The snapshot.
    """

    def __init__(self, directory: Path, problem: str) -> None:
        super().__init__(problem)
        self.directory = directory


@dataclass(frozen=True, slots=True)
class JoiningPlace:
    """Where the ledger of a snapshot goes, and what happens once it is there.

    Attributes:
        channels: The ids of the channels that the peer is on.
        folder: Returns the folder of a channel.
        store: The kind of store to make.
        open: Takes part in the channel whose ledger is in its folder now.
        joining: Held by whoever opens a channel.
    """

    channels: Container[str]
    folder: Callable[[str], Path]
    store: StoreKind
    open: Callable[[str], Awaitable[None]]
    joining: asyncio.Lock = field(default_factory=asyncio.Lock)


class SnapshotJoining:
    """Joins one channel at a time from a snapshot; ``run`` does the work."""

    def __init__(self, place: JoiningPlace) -> None:
        self._place = place
        self._wanted: asyncio.Queue[tuple[Path, str]] = asyncio.Queue()
        self._under_way: Path | None = None

    @property
    def under_way(self) -> Path | None:
        """The snapshot of the channel that is being joined; None if there is none."""
        return self._under_way

    def begin(self, directory: Path) -> None:
        """Begin to take part in the channel of a snapshot, from its next block on.

        ``under_way`` tells until when, and the log whether it went well.

        Raises:
            CannotJoinError: Another one is being joined, or the peer is on the channel.
            SnapshotDamagedError: The folder holds no snapshot.
        """
        if self._under_way is not None:
            raise CannotJoinError(
                directory,
                f"a ledger is being created from a snapshot at {self._under_way}. Call ledger "
                "creation again after it is done.",
            )
        channel_id = read_metadata(directory).channel_id
        if not is_channel_id(channel_id):  # it becomes the name of a folder
            raise SnapshotDamagedError(directory, "names a channel as none may be called")
        self._check_absent(directory, channel_id)
        self._under_way = directory
        self._wanted.put_nowait((directory, channel_id))

    def _check_absent(self, directory: Path, channel_id: str) -> None:
        if channel_id in self._place.channels:
            raise CannotJoinError(
                directory, f"ledger [{channel_id}] already exists with state [ACTIVE]"
            )

    async def run(self) -> None:
        """Join what is asked for, without end; who cancels it finds no import under way."""
        while True:
            directory, channel_id = await self._wanted.get()
            try:
                await self._import(directory, channel_id)
                await self._open(directory, channel_id)
            except (LedgerError, WireError, OSError) as error:
                _log.error("did not join channel %s from %s: %s", channel_id, directory, error)
            else:
                _log.info("joined channel %s from the snapshot in %s", channel_id, directory)
            finally:
                self._under_way = None

    async def _import(self, directory: Path, channel_id: str) -> None:
        place = self._place
        folder = place.folder(channel_id)

        def work(check_stop: Callable[[], None]) -> None:
            checks = ImportChecks(check_stop, _config_problem)
            import_snapshot(directory, folder, place.store, blocks_to_live, checks)

        await finish_in_thread(work)

    async def _open(self, directory: Path, channel_id: str) -> None:
        """Take part in a channel whose ledger was made just now; if that fails, leave none.

        It would keep the peer from starting, and another attempt from beginning.
        """
        place = self._place
        async with place.joining:
            self._check_absent(directory, channel_id)  # another call may have joined it meanwhile
            try:
                await place.open(channel_id)
            except (LedgerError, WireError, OSError):
                await asyncio.to_thread(shutil.rmtree, place.folder(channel_id))
                raise


def _config_problem(channel_id: str, envelope: bytes) -> str:
    """Return why no channel can be opened with a configuration; a later start would fail on it."""
    try:
        ChannelConfig.from_config(channel_id, decode(ConfigEnvelope, envelope).config)
    except (ChannelConfigError, WireError) as error:
        return str(error)
    return ""
