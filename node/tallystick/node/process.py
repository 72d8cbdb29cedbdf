"""What the programs of peer and orderer share: their first blocks and the signal to stop."""

import asyncio
import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tallystick.node.durable import make_directory
from tallystick.node.errors import LedgerError
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_FIRST_PID: Final = 1
_KILLED: Final = 128
"""A shell says that a signal ended a program by this and the signal's number."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class BlockFileError(LedgerError):
    """A file that should hold a block does not.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, problem: str, *, of_configuration: bool = False) -> None:
        """``of_configuration`` is whether any block with a configuration would do."""
        super().__init__(
            f"{path} holds no block with a channel's configuration: {problem}; name such a block,"
            " as `tally channel genesis` writes one"
            if of_configuration
            else f"{path} holds no block: {problem}; name the genesis block of a channel"
        )
        self.path = path


class GenesisMismatchError(LedgerError):
    """A data directory holds a channel that began with another block.

    Attributes:
        channel_id: The channel.
        directory: Where its blocks are.
    """

    def __init__(self, channel_id: str, directory: Path) -> None:
        super().__init__(
            f"{directory} holds a channel {channel_id!r} with another genesis block than the one"
            " configured; configure that block, or choose another data directory"
        )
        self.channel_id = channel_id
        self.directory = directory


class DataInUseError(LedgerError):
    """Another process has a node's data.

    Attributes:
        directory: Where they are.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} is in use by another process: stop that node first")
        self.directory = directory


class DiskFullError(LedgerError):
    """A node stops because its disk is full.

    Attributes:
        directory: Where its data are.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"the disk of {directory} is full, and so the node stops: make room there and start it"
            " again; nothing that it acknowledged is lost"
        )
        self.directory = directory


@contextmanager
def holding(directory: Path) -> Iterator[None]:
    """Keep other nodes, and what repairs ledgers, from a node's data for the length of the block.

    Args:
        directory: The node's data; created if need be.

    Raises:
        DataInUseError: Another process has them.
    """
    make_directory(directory, mode=0o700)  # private values are in it
    with ExitStack() as always:
        descriptor = os.open(directory, os.O_RDONLY)
        always.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataInUseError(directory) from error
        yield


@contextmanager
def explaining_full_disk(directory: Path) -> Iterator[None]:
    """Say what to do when a node with its data in ``directory`` ends because the disk is full.

    Raises:
        DiskFullError: It does.
    """
    try:
        yield
    except (OSError, BaseExceptionGroup) as error:
        if _is_of_full_disk(error):
            raise DiskFullError(directory) from error
        raise


def _is_of_full_disk(error: BaseException) -> bool:
    """Return whether a failure, or any of a group, is that something did not fit."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_of_full_disk, error.exceptions))
    return isinstance(error, OSError) and error.errno in _FULL


def load_block(path: Path) -> Block:
    """Return the block in a file.

    Raises:
        BlockFileError: There is none.
    """
    try:
        content = path.read_bytes()
        block = decode(Block, content)
    except OSError as error:
        raise BlockFileError(path, error.strerror or str(error)) from error
    except WireError as error:
        raise BlockFileError(path, str(error)) from error
    if not content:  # which decodes as a block without anything
        raise BlockFileError(path, "the file is empty")
    return block


def end_by_signal_while_starting() -> None:
    """Let SIGTERM end this process at once, as it ends others, until ``stop_signal`` waits for it.

    The first process of a container is spared the signals that it does not handle: a node that was
    still reading its blocks would go on until it is killed.
    """
    if os.getpid() == _FIRST_PID:
        # Nothing is cleaned up, as for any other process: a node recovers from that at any moment.
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(_KILLED + number))


async def stop_signal() -> None:
    """Return once the process is asked to stop, by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
