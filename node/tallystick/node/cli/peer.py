"""``tally peer``."""

import argparse
import os
import sys
from typing import Final

from tallystick.node.cli.node_file import load_settings_as
from tallystick.node.peer_program import run_peer
from tallystick.node.process import (
    end_by_signal_while_starting,
    explaining_full_disk,
    holding,
)
from tallystick.node.settings import PeerSettings

HASH_SEED: Final = "PYTHONHASHSEED"


async def start(options: argparse.Namespace) -> None:
    """Run a peer until it is asked to stop."""
    end_by_signal_while_starting()
    settings = load_settings_as(PeerSettings, options.config)
    if sys.flags.hash_randomization:
        _start_again_with_fixed_hashes()
    with holding(settings.data_directory), explaining_full_disk(settings.data_directory):
        await run_peer(settings)


def _start_again_with_fixed_hashes() -> None:
    """Replace this process by one in which text hashes alike on every peer.

    The interpreter reads the seed when it starts, so it cannot be set from within. It is a second
    line of defence: contracts whose outcome depends on the order of a set are refused when they are
    installed.
    """
    command = [sys.executable, "-P", "-m", "tallystick.node.cli", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, HASH_SEED: "0"})  # noqa: S606 - our own program
