"""The channels that a node was told to join while it ran, kept on disk for its next start."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.genesis import is_channel_id
from tallystick.node.durable import make_directory, replace_file, sync
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.chain_start import START
from tallystick.node.ledger.snapshot_import import BLOCKS
from tallystick.node.process import load_block
from tallystick.protos.common.common_pb2 import Block

_FIRST_BLOCK: Final = "joined.block"


class AlreadyJoinedError(LedgerError):
    """A node is on a channel that it is told to join.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str) -> None:
        super().__init__(f"ledger [{channel_id}] already exists with state [ACTIVE]")
        self.channel_id = channel_id


class NotFirstBlockError(LedgerError):
    """A block that should begin a channel does not.

    Attributes:
        channel_id: The channel that it names.
        number: Its number.
    """

    def __init__(self, channel_id: str, number: int, problem: str) -> None:
        super().__init__(
            f"block {number} of channel {channel_id!r} {problem}; join with the block that "
            "`tally channel genesis` or configtxgen wrote for the channel"
        )
        self.channel_id = channel_id
        self.number = number


def begun_by(genesis: Block) -> str:
    """Return the id of the channel that ``genesis`` begins.

    Raises:
        ChannelConfigError: It holds no configuration, or one that this node cannot use.
        NotFirstBlockError: It is a later block, or its channel cannot have this id.
    """
    channel_id = ChannelConfig.from_block(genesis).channel_id
    number = genesis.header.number
    if not is_channel_id(channel_id):  # it becomes the name of a folder
        raise NotFirstBlockError(channel_id, number, "names a channel as none may be called")
    if number != 0:
        raise NotFirstBlockError(channel_id, number, "is not the first")
    return channel_id


def first_blocks(configured: Iterable[Block], joined: Mapping[str, Block]) -> Mapping[str, Block]:
    """Return the first block of each channel to open, by channel id.

    Where the settings name a channel that was joined too, theirs counts.

    Raises:
        ChannelConfigError: A block holds no configuration.
        NotFirstBlockError: A block does not begin a channel.
    """
    return {**joined, **{begun_by(block): block for block in configured}}


class JoinedChannels:
    """The first blocks of joined channels, each beside the channel's ledger."""

    def __init__(self, directory: Path) -> None:
        """Remember in ``directory``, which has or will have a folder for each channel."""
        self._directory = directory

    def genesis_blocks(self) -> Mapping[str, Block]:
        """Return what is remembered, by channel id.

        Raises:
            BlockFileError: A file does not hold a block.
        """
        paths = sorted(self._directory.glob(f"*/{_FIRST_BLOCK}"))
        return {path.parent.name: load_block(path) for path in paths}

    def from_snapshots(self) -> Iterable[str]:
        """Return the ids of the channels whose ledgers do not begin with block 0."""
        return [path.parents[1].name for path in self._directory.glob(f"[!.]*/{BLOCKS}/{START}")]

    def remember(self, channel_id: str, genesis: Block) -> None:
        """Keep ``genesis`` durably: after a crash there is all of it, or nothing."""
        path = self._path(channel_id)
        make_directory(path.parent)
        replace_file(path, [genesis.SerializeToString()])

    def forget(self, channel_id: str) -> None:
        """Do not open the channel at the next start; its ledger stays."""
        path = self._path(channel_id)
        path.unlink(missing_ok=True)
        sync(path.parent)

    def _path(self, channel_id: str) -> Path:
        return self._directory / channel_id / _FIRST_BLOCK
